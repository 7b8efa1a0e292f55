"""The stream on a screen: the time, the source in its colour, what matters in a colour of its own.

The colours are worked out once (by rich) and then only put around words: a screen takes tens of
thousands of lines a second, and rich lays out one in the time that is there for fifty.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from eloquence_ops.language import Language
from eloquence_ops.logs.dress import Shown, quoted
from eloquence_ops.logs.entry import Fields, Level, Note
from eloquence_ops.logs.output import Item
from eloquence_ops.logs.output.moments import Clock
from eloquence_ops.logs.output.notes import sentence

if TYPE_CHECKING:
    from collections.abc import Mapping

# Told apart on a dark and on a light ground, and by most people who see colours otherwise.
_SOURCES: Final = ("cyan", "magenta", "blue", "green", "bright_cyan", "bright_magenta")
_LEVELS: Final[Mapping[Level, str]] = {
    Level.TRACE: "dim",
    Level.DEBUG: "dim",
    Level.WARNING: "yellow",
    Level.ERROR: "bold red",
    Level.CRITICAL: "bold red reverse",
}
_SHORT: Final[Mapping[Level | None, str]] = {
    None: "     ",
    Level.TRACE: "TRACE",
    Level.DEBUG: "DEBUG",
    Level.INFO: "     ",
    Level.NOTICE: "     ",
    Level.WARNING: "WARN ",
    Level.ERROR: "ERROR",
    Level.CRITICAL: "FATAL",
}


# LiveKit tells all about a client in one field; the message must be found among them.
_LONGEST_VALUE: Final = 72
_ALL_SHORT: Final = 160
_WIDEST_INDENT: Final = 24
_MOST_CAUSES: Final = 3


class Paint:
    """What stands before and behind a word to colour it; nothing without colours."""

    def __init__(self, style: str, *, colour: bool) -> None:
        self.before, self.behind = _codes(style) if colour else ("", "")

    def on(self, text: str) -> str:
        return f"{self.before}{text}{self.behind}"


class Screen:
    """See `Output`. `brief`: a field that would fill lines is cut; it is whole in other forms."""

    def __init__(
        self,
        names: Sequence[str],
        *,
        language: Language,
        colour: bool,
        brief: bool = False,
        utc: bool = False,
        highlight: tuple[re.Pattern[str], ...] = (),
        today: str = "",
    ) -> None:
        width = max((len(name) for name in names), default=0)
        self._sources = {
            name: Paint(_SOURCES[place % len(_SOURCES)], colour=colour).on(name.ljust(width))
            for place, name in enumerate(names)
        }
        before = len("19:37:47.123") + width + len("ERROR") + 3
        self._indent = " " * min(before, _WIDEST_INDENT)
        self._dim = Paint("dim", colour=colour)
        self._cause = Paint("bold yellow", colour=colour)
        self._mark = Paint("reverse", colour=colour)
        self._plain = Paint("", colour=False)
        self._levels = {level: self._level(level, colour) for level in _SHORT}
        self._highlight, self._language, self._brief = highlight, language, brief
        self._clock, self._day = Clock(utc=utc), today

    def _level(self, level: Level | None, colour: bool) -> tuple[str, Paint]:
        """Its word, and what the message is painted with: where it matters, or does not."""
        style = _LEVELS.get(level) if level is not None else None
        paint = Paint(style, colour=colour) if style else self._plain
        is_usual = level is None or Level.INFO <= level < Level.ERROR
        return paint.on(_SHORT[level]), self._plain if is_usual else paint

    def text(self, items: Sequence[Item]) -> str:
        lines: list[str] = []
        for item in items:
            day, time = self._clock.read(item.at if isinstance(item, Note) else item.entry.at)
            if day != self._day:
                self._day = day
                lines.append(self._dim.on(f"── {day} ──"))
            if isinstance(item, Note):
                lines.append(self._note(item, time))
            else:
                lines.append(self._entry(item, time))
        return "".join(f"{line}\n" for line in lines)

    def _note(self, note: Note, time: str) -> str:
        return self._dim.on(f"{time} ── {sentence(note, self._language)}")

    def _causes(self, causes: Sequence[str]) -> str:
        """The likeliest first, and how to be told more."""
        left = len(causes) - _MOST_CAUSES
        listed = ", ".join(causes[:_MOST_CAUSES]) + (f", +{left}" if left > 0 else "")
        return f"{self._cause.on('→ ' + listed)}  {self._dim.on(f'eloquence explain {causes[0]}')}"

    def _lit(self, text: str, paint: Paint) -> str:
        """In one colour, with what is looked for marked in it."""
        if not text or not self._highlight:
            return paint.on(text) if text else ""
        found = (match.span() for pattern in self._highlight for match in pattern.finditer(text))
        parts, at = [], 0
        for begin, end in sorted(found):
            start = max(begin, at)
            if start < end:
                parts += [text[at:start], self._mark.on(text[start:end]), paint.before]
                at = end
        return paint.on("".join((*parts, text[at:])))

    def _entry(self, shown: Shown, time: str) -> str:
        level = shown.entry.level
        message, fields = shown.message, shown.text[len(shown.message) :]
        if self._brief and len(fields) > _ALL_SHORT:
            fields = _briefly(shown.fields)
        if shown.cut:
            message += f" … (+{shown.cut})"
        word, paint = self._levels[level]
        if "\n" in message:
            # The first line says it; those of a trace are read in peace.
            first, _, rest = message.partition("\n")
            rest = rest.replace("\n", f"\n{self._indent}")
            text = f"{self._lit(first, paint)}\n{self._indent}{self._lit(rest, self._plain)}"
        else:
            text = self._lit(message, paint)
        if fields:
            text += self._lit(fields, self._dim)
        if shown.causes:
            text += f"\n{self._indent}{self._causes(shown.causes)}"
        return f"{self._dim.on(time)} {self._sources[shown.entry.source]} {word} {text}"


def _briefly(fields: Fields) -> str:
    return "".join([f" {key}={_brief_value(value)}" for key, value in fields])


def _brief_value(value: str) -> str:
    if len(value) > _LONGEST_VALUE:
        value = value[: _LONGEST_VALUE - 1] + "…"
    # JSON as it is: with its quotes escaped nobody can read it.
    return value.replace("\n", " ") if value[:1] in {"{", "["} else quoted(value)


def _codes(style: str) -> tuple[str, str]:
    """The escape sequences of a style, by rich, which knows what terminals understand."""
    from rich.color import ColorSystem
    from rich.style import Style

    rendered = Style.parse(style).render("\0", color_system=ColorSystem.STANDARD)
    before, _, behind = rendered.partition("\0")
    return before, behind
