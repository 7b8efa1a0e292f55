"""From one log's bytes to entries: lines, what they say, which belong together. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from eloquence_ops.logs import journal
from eloquence_ops.logs.clock import StampedDifference
from eloquence_ops.logs.entry import Entry, Line, Words
from eloquence_ops.logs.formats import Reader
from eloquence_ops.logs.frames import Lines
from eloquence_ops.logs.grouping import Grouper
from eloquence_ops.logs.program import Place
from eloquence_ops.logs.stamps import resolve
from eloquence_ops.untrusted import decoded

# A message of bytes is a list of numbers in JSON, four times as long; a longer entry is left out.
_LONGEST_ENTRY: Final = 8 * 1024 * 1024
_PLACE_OF_FILE: Final = ("device", "inode", "at", "head", "crc")


@dataclass(frozen=True)
class Moment:
    """When bytes came, in seconds since 1970 by this machine's clock; `ahead_s`: how far the clock
    of the log's machine is ahead of it; `east_s`: the zone that the log is written in."""

    came: float
    ahead_s: float = 0.0
    east_s: int = 0


class JournalReading:
    """After `again` the next entry has to be the last known one: then nothing is missing."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._lines, self._reader, self._grouper = Lines(_LONGEST_ENTRY), Reader(), Grouper()
        self._again: str | None = None
        self._cursor: str | None = None
        self._gap = False

    def feed(self, data: bytes, moment: Moment) -> list[Entry]:
        entries: list[Entry] = []
        for raw in self._lines.feed(data):
            record = journal.read(raw)
            if record is None:
                continue
            if self._again is not None:
                known, self._again = self._again, None
                if record.cursor == known:
                    continue
                self._gap = True
            self._cursor = record.cursor
            entries += self._entries(record, moment)
        return entries

    def _entries(self, record: journal.Record, moment: Moment) -> list[Entry]:
        words = self._reader.read(record.message)
        words = Words(
            words.message,
            record.level if words.level is None else words.level,
            None,
            words.fields,
            f"{record.speaker} {words.speaker}",
        )
        line = Line(self._source, record.at - moment.ahead_s, words, record.message)
        return self._grouper.feed(line)

    def gap_is_news(self) -> bool:
        """True once, after something that may be missing."""
        news, self._gap = self._gap, False
        return news

    def place(self) -> Place:
        return Place(cursor=self._cursor)

    def again(self) -> None:
        """From the last known entry on once more, after a lost link."""
        self._lines.void()
        self._again = self._cursor

    def void(self) -> None:
        """journalctl began anew where it was."""
        self.again()

    def flush(self, now: float) -> list[Entry]:
        return self._grouper.flush(now)

    def close(self) -> list[Entry]:
        return self._grouper.close()


class TextReading:
    """A file, or what a program prints: lines that tell their time themselves, or do not.

    `watched` where lines come as they are written, by a clock of their own.
    """

    def __init__(self, source: str, watched: StampedDifference | None = None) -> None:
        self._source, self._watched = source, watched
        self._lines, self._reader, self._grouper = Lines(), Reader(), Grouper()
        self._file: dict[str, int] | None = None
        self._last: float | None = None

    def feed(self, data: bytes, moment: Moment) -> list[Entry]:
        return self._entries(self._lines.feed(data), moment)

    def _entries(self, lines: list[bytes], moment: Moment) -> list[Entry]:
        entries: list[Entry] = []
        for raw in lines:
            text = decoded(raw.rstrip(b"\r"))
            words = self._reader.read(text)
            if words.stamp is not None:
                near = moment.came + moment.ahead_s
                self._last = resolve(words.stamp, near, moment.east_s) - moment.ahead_s
                if self._watched is not None:
                    self._last += self._watched.learn(self._last, moment.came)
            at = moment.came if self._last is None else self._last
            entries += self._grouper.feed(Line(self._source, at, words, text))
        return entries

    def stands(self, file: dict[str, int]) -> None:
        """Where in which file the next bytes stand."""
        self._file = {key: int(file[key]) for key in _PLACE_OF_FILE}
        self._lines.taken = 0

    def place(self) -> Place:
        if self._file is None:
            return Place()
        return Place(file={**self._file, "at": self._file["at"] + self._lines.taken})

    def again(self) -> None:
        self._lines.void()

    def void(self) -> None:
        self._lines.void()

    def flush(self, now: float) -> list[Entry]:
        return self._grouper.flush(now)

    def close(self) -> list[Entry]:
        rest = self._entries(self._lines.close(), Moment(self._last or 0.0))
        return rest + self._grouper.close()


Reading = JournalReading | TextReading
