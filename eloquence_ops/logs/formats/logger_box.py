"""The boxes of Dart's package:logger (PrettyPrinter). The lines stay as they are, for the box is
put together from them (traces/logger_box.py); the sign in front of a message tells its level
and is taken out."""

from __future__ import annotations

from typing import Final

from eloquence_ops.logs.entry import Level, Words
from eloquence_ops.logs.formats import Format

_PRESENTATION: Final = "\ufe0f "  # as a picture
_SIGNS: Final = {
    "🐛": Level.DEBUG,
    "💡": Level.INFO,
    "⚠": Level.WARNING,
    "⛔": Level.ERROR,
    "👾": Level.CRITICAL,
}


def read(line: str) -> Words | None:
    sign = line[2:3] if line[:2] == "│ " else line[:1]
    level = _SIGNS.get(sign)
    if level is None and line[:1] in _SIGNS:
        return None
    if level is None:
        return Words(line)
    box, _, said = line.partition(sign)
    return Words(box + said.lstrip(_PRESENTATION), level)


FORMAT = Format("logger-box", 10, read, starts="┌│├└🐛💡⚠⛔👾")
