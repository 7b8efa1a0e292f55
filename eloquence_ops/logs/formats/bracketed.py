"""Lines that begin with words in brackets: `[moment] [LEVEL] message` and its relatives.

gunicorn's `[2026-11-30 19:37:47 +0000] [1234] [INFO] message`, an app's `[19:37:47.1] [SEVERE] …`,
livekit_client's `[FINE] …`, package:logger's `[W]  message`, `[log] …` of Dart's developer.log.
"""

from __future__ import annotations

import re
from typing import Final

from eloquence_ops.logs import stamps
from eloquence_ops.logs.entry import Level, Stamp, Words
from eloquence_ops.logs.formats import Format
from eloquence_ops.logs.levels import level_of

_BRACKET: Final = re.compile(r"\[([^\[\]]{1,120})\][ \t]{0,8}:? ?")
_LEVEL: Final = re.compile(r"([A-Z]{4,8})(?:: ?| - | (?=\S))")
_MOST: Final = 4


def read(line: str) -> Words | None:
    stamp: Stamp | None = None
    level: Level | None = None
    fields: list[tuple[str, str]] = []
    end = 0
    for _ in range(_MOST):
        bracket = _BRACKET.match(line, end)
        if bracket is None:
            break
        word = bracket[1].strip()
        if stamp is None and (moment := stamps.iso(word)) is not None:
            stamp = moment
        elif level is None and (known := level_of(word) or level_of(word.upper())) is not None:
            level = known
        elif stamp is not None or level is not None:
            fields.append(("pid" if word.isdecimal() else "logger", word))
        elif word != "log":
            break
        end = bracket.end()
    if stamp is not None and level is None and (found := _LEVEL.match(line, end)):
        level = level_of(found[1])
        end = end if level is None else found.end()
    if not end:
        return None
    return Words(line[end:], level, stamp, tuple(fields))


FORMAT = Format("bracketed", 30, read, starts="[")
