"""HAProxy's `option httplog` (2.6): client, moment, frontend, backend/server, timers, status."""

from __future__ import annotations

import re
from typing import Final

from eloquence_ops.logs import stamps
from eloquence_ops.logs.entry import Level, Words
from eloquence_ops.logs.formats import Format
from eloquence_ops.logs.levels import level_of_status

_LINE: Final = re.compile(
    r"([0-9A-Fa-f:.]{3,60}:[0-9]{1,5}|unix:[0-9]{1,5}) "
    r"\[([0-9]{2}/[A-Za-z]{3}/[0-9]{4}):([0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3})\] "
    r"([^ ]{1,200}) ([^ ]{1,400}) ([0-9/+-]{1,100}) (-1|[0-9]{1,3}) \+?([0-9]{1,20}) "
    r"[^ ]{1,999} [^ ]{1,999} ([A-Za-z-]{4}) [0-9/+]{1,80} [0-9/]{1,40} "
)
_REQUEST: Final = re.compile(r'(?:\{[^}]*+\} ){0,2}"([^"]*+)"?')
_NAMES: Final = ("status", "client", "frontend", "server", "timers", "bytes", "termination")


def read(line: str) -> Words | None:
    found = _LINE.match(line)
    if found is None:
        return None
    client, day, time, frontend, server, timers, status, size, ended = found.groups()
    stamp = stamps.common_log(day, time)
    request = _REQUEST.match(line, found.end())
    if stamp is None or request is None:
        return None
    values = (status, client, frontend, server, timers, size, ended)
    level = Level.WARNING if status == "-1" else level_of_status(int(status))
    return Words(request[1], level, stamp, tuple(zip(_NAMES, values, strict=True)))


FORMAT = Format("haproxy", 20, read, starts="0123456789abcdefABCDEF:u")
