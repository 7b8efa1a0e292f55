"""nginx's access log in its `combined` format, and what follows it where there is more."""

from __future__ import annotations

import re
from typing import Final

from eloquence_ops.logs import stamps
from eloquence_ops.logs.entry import Words
from eloquence_ops.logs.formats import Format
from eloquence_ops.logs.levels import level_of_status

_QUOTED: Final = r'"((?:[^"\\]|\\.)*+)"'
_LINE: Final = re.compile(
    r"([^ ]{1,255}) [^ ]{1,255} ([^ ]{1,255}) "
    r"\[([0-9]{2}/[A-Za-z]{3}/[0-9]{4}):([0-9]{2}:[0-9]{2}:[0-9]{2}) ([+-][0-9]{4})\] "
    rf"{_QUOTED} ([0-9]{{3}}) ([0-9]+|-)(?: {_QUOTED} {_QUOTED})?"
)
_NAMES: Final = ("client", "user", "bytes", "referer", "agent")
_NOTHING: Final = (None, "-", "")


def read(line: str) -> Words | None:
    found = _LINE.match(line)
    if found is None:
        return None
    client, user, day, time, zone, request, status, size, referer, agent = found.groups()
    stamp = stamps.common_log(day, time, zone)
    if stamp is None:
        return None
    values = zip(_NAMES, (client, user, size, referer, agent), strict=True)
    said = [("status", status), *((name, value) for name, value in values if value not in _NOTHING)]
    if more := line[found.end() :].strip():
        said.append(("more", more))
    return Words(request, level_of_status(int(status)), stamp, tuple(said))


FORMAT = Format("nginx-access", 20, read, starts="0123456789abcdef:u")
