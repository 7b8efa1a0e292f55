"""Anything behind a moment: ISO 8601 with or without a zone, Dart's `DateTime.now()`, or a time.

And the level, where a word for one comes next (structlog's console, Go's habits).
"""

from __future__ import annotations

import re
from typing import Final

from eloquence_ops.logs import stamps
from eloquence_ops.logs.entry import Words
from eloquence_ops.logs.formats import GENERAL, Format
from eloquence_ops.logs.levels import level_of

_SEPARATOR: Final = r"[ \t]{0,8}(?:[|:–-][ \t]{1,8})?"
_GAP: Final = re.compile(_SEPARATOR)
_LEVEL: Final = re.compile(
    rf"{_SEPARATOR}(?:\[([A-Za-z]{{1,12}}) {{0,8}}\]|([A-Z]{{3,12}})(?![\w-]))"
    r"(?:[ \t]{0,8}[|:–-])?[ \t]{0,8}"
)


def read(line: str) -> Words | None:
    if line[2:3] != ":" and line[4:5] not in {"-", "/"}:
        return None
    found = stamps.leading(line)
    if found is None:
        return None
    stamp, end = found
    head = _LEVEL.match(line, end)
    level = level_of(head[1] or head[2]) if head else None
    if head is None or level is None:
        gap = _GAP.match(line, end)
        return Words(line[gap.end() if gap else end :], stamp=stamp)
    return Words(line[head.end() :], level, stamp)


FORMAT = Format("timestamped", GENERAL + 40, read, starts="0123456789")
