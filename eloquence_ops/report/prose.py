"""Text of which a line does not break at a no-break space: rich takes it for any other one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.measure import Measurement
from rich.text import Text

from eloquence_ops.typography import NARROW, WIDE

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.style import Style

# As wide as what they stand for, no white space, and in no text of ours: `untrusted` lets none in.
_HELD: Final = str.maketrans({WIDE: "\ue000", NARROW: "\ue001"})
_FREED: Final = str.maketrans({"\ue000": WIDE, "\ue001": NARROW})


class Prose:
    """What people read, as something that rich prints: by itself, or within a table."""

    def __init__(self, text: str | Text, style: str | Style = "") -> None:
        self._held = text.copy() if isinstance(text, Text) else Text(text, style=style)
        self._held.plain = self._held.plain.translate(_HELD)

    def lines(self, console: Console, width: int) -> list[Text]:
        """Wrapped to `width` cells."""
        return [_freed(line) for line in self._held.wrap(console, width)]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        wrapped = self._held.wrap(
            console, options.max_width, overflow=options.overflow, no_wrap=options.no_wrap
        )
        yield from map(_freed, wrapped)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement.get(console, options, self._held)


def _freed(line: Text) -> Text:
    line.plain = line.plain.translate(_FREED)
    return line
