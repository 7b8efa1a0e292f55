"""Python's logging: its two usual layouts, and loguru's.

`2026-11-30 19:37:47,123 - name - LEVEL - message` (the documentation's example),
`LEVEL:name:message` (`basicConfig`), and
`2026-11-30 19:37:47.123 | LEVEL    | module:function:21 - message` (loguru).
"""

from __future__ import annotations

import re
from typing import Final

from eloquence_ops.logs import stamps
from eloquence_ops.logs.entry import Words
from eloquence_ops.logs.formats import Format
from eloquence_ops.logs.levels import level_of

_BASIC: Final = re.compile(r"([A-Z]{4,8}):([\w.-]{1,200}):(?!\d\d)")
_NAMED: Final = re.compile(r" - ([^ ]{1,200}) - ([A-Z]{4,8}) - ")
# LiveKit's agents write the name behind the level.
_LEVELLED: Final = re.compile(r" - ([A-Z]{4,8}) (?:([^ ]{1,200}) )?- ")
_LOGURU: Final = re.compile(r" \| ([A-Z]{4,8}) {1,5}\| ([^ ]{1,300}) - ")


def read(line: str) -> Words | None:
    if "0" <= line[:1] <= "9":
        return _stamped(line)
    basic = _BASIC.match(line)
    level = level_of(basic[1]) if basic else None
    if basic is None or level is None:
        return None
    return Words(line[basic.end() :], level, fields=(("logger", basic[2]),))


def _stamped(line: str) -> Words | None:
    separators = line[19:50]
    if " - " not in separators and " | " not in separators:
        return None
    found = stamps.leading(line)
    if found is None:
        return None
    stamp, end = found
    if named := _NAMED.match(line, end):
        logger, word, begin = named[1], named[2], named.end()
    elif levelled := _LEVELLED.match(line, end) or _LOGURU.match(line, end):
        word, logger, begin = levelled[1], levelled[2], levelled.end()
    else:
        return None
    level = level_of(word)
    if level is None:
        return None
    fields = (("logger", logger),) if logger else ()
    return Words(line[begin:], level, stamp, fields)


FORMAT = Format("python-logging", 20, read, starts="0123456789DICEWTNFS")
