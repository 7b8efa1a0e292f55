"""Dart's package:logging, as its documentation prints a record (`level.name: time: message`), and
the same with the moment or the logger's name first."""

from __future__ import annotations

import re
from typing import Final

from eloquence_ops.logs import stamps
from eloquence_ops.logs.entry import Words
from eloquence_ops.logs.formats import Format
from eloquence_ops.logs.levels import level_of

_LEVEL: Final = re.compile(r"([A-Z]{4,7}): (?=[0-9])")


def read(line: str) -> Words | None:
    head = _LEVEL.match(line)
    level = level_of(head[1]) if head else None
    if head is None or level is None:
        return None
    found = stamps.leading(line, head.end())
    if found is None or line[found[1] : found[1] + 1] != ":":
        return None
    stamp, end = found
    return Words(line[end + 1 :].lstrip(" "), level, stamp)


FORMAT = Format("dart-logging", 20, read, starts="FCIWS")
