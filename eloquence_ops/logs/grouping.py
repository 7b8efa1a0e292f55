"""Lines that belong together become one entry: a traceback under the line that announces it. Pure.

Only a line that a trace may follow waits for the next one: an error, or the beginning of a trace.
All others are entries at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from eloquence_ops.logs.entry import Entry, Level, Line
from eloquence_ops.logs.traces import Trace, traces

WAIT_S: Final = 0.25
"""After this time without another line an entry is complete."""

_MOST_LINES: Final = 500
_LONGEST: Final = 64 * 1024  # characters
_MOST_SPEAKERS: Final = 64

_BY_START: Final = {
    start: tuple(trace for trace in traces() if start in trace.starts)
    for start in {character for trace in traces() for character in trace.starts}
}


@dataclass(slots=True)
class _Open:
    """An entry that may go on."""

    lines: list[Line]
    trace: Trace | None = None
    state: str = ""
    length: int = 0
    is_fresh: bool = True  # since the last flush
    quiet_since: float = 0.0

    def takes(self, line: Line) -> bool:
        """Whether `line` belongs here."""
        message = line.words.message
        if self.trace is not None:
            state = self.trace.step(self.state, message)
            if state is not None:
                self.state = state
            return state is not None
        opened = _opened(message)
        if opened is not None:
            trace, self.state = opened
            if not trace.begins_entry:
                self.trace = trace
            return not trace.begins_entry
        return line.raw[:1] in {" ", "\t"}

    def add(self, line: Line) -> None:
        self.lines.append(line)
        self.length += len(line.raw) + 1
        self.is_fresh = True

    def is_full(self) -> bool:
        return len(self.lines) >= _MOST_LINES or self.length >= _LONGEST

    def entry(self) -> Entry:
        first = self.lines[0]
        messages = [line.words.message for line in self.lines]
        if self.trace is not None and self.trace.tidied is not None:
            messages = list(self.trace.tidied(messages))
        while len(messages) > 1 and not messages[-1].strip():
            messages.pop()
        levels = [line.words.level for line in self.lines if line.words.level is not None]
        if self.trace is not None and self.trace.level is not None:
            levels.append(self.trace.level)
        return Entry(
            first.source,
            first.at,
            max(levels, default=None),
            "\n".join(messages),
            first.words.fields,
            "\n".join(line.raw for line in self.lines),
        )


def _opened(message: str) -> tuple[Trace, str] | None:
    for trace in _BY_START.get(message[:1], ()):
        state = trace.opens(message)
        if state is not None:
            return trace, state
    return None


class Grouper:
    """For the lines of one source; those of its speakers apart."""

    def __init__(self) -> None:
        self._open: dict[str, _Open] = {}

    def feed(self, line: Line) -> list[Entry]:
        """The entries that are complete with this line."""
        words = line.words
        level = words.level
        if (
            not self._open
            and (level is None or level < Level.ERROR)
            and words.message[:1] not in _BY_START
        ):
            return [Entry(line.source, line.at, level, words.message, words.fields, line.raw)]
        return self._feed(line)

    def _feed(self, line: Line) -> list[Entry]:
        words = line.words
        done: list[Entry] = []
        standing = self._open.get(words.speaker)
        if standing is not None:
            if standing.takes(line):
                if standing.is_full():
                    done.append(standing.entry())
                    standing = _Open([], standing.trace, standing.state)
                    self._open[words.speaker] = standing
                standing.add(line)
                return done
            done.append(self._closed(words.speaker))
        opened = _opened(words.message)
        if opened is None and (words.level is None or words.level < Level.ERROR):
            done.append(
                Entry(line.source, line.at, words.level, words.message, words.fields, line.raw)
            )
            return done
        if len(self._open) >= _MOST_SPEAKERS:
            done.append(self._closed(next(iter(self._open))))
        trace, state = opened or (None, "")
        self._open[words.speaker] = fresh = _Open([], trace, state)
        fresh.add(line)
        return done

    def flush(self, now: float) -> list[Entry]:
        """The entries that nothing was added to for `WAIT_S`, by the flushes' own clock (seconds):
        to be called several times in that time."""
        quiet: list[str] = []
        for speaker, standing in self._open.items():
            if standing.is_fresh:
                standing.is_fresh, standing.quiet_since = False, now
            elif now - standing.quiet_since >= WAIT_S:
                quiet.append(speaker)
        return [self._closed(speaker) for speaker in quiet]

    def close(self) -> list[Entry]:
        """All that is left."""
        return [self._closed(speaker) for speaker in list(self._open)]

    def _closed(self, speaker: str) -> Entry:
        return self._open.pop(speaker).entry()
