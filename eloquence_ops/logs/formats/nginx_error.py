"""nginx's error log: moment in the machine's own zone, level, worker, connection, what happened,
then `client: …, server: …, request: "…", upstream: "…"` (ngx_http_log_error_handler)."""

from __future__ import annotations

import re
from typing import Final

from eloquence_ops.logs import stamps
from eloquence_ops.logs.entry import Words
from eloquence_ops.logs.formats import Format
from eloquence_ops.logs.levels import level_of

_HEAD: Final = re.compile(r" \[([a-z]{4,6})\] [0-9]{1,10}#[0-9]{1,10}: (?:\*([0-9]{1,20}) )?")
_FIELD: Final = re.compile(
    r", (client|server|request|subrequest|upstream|host|referrer): "
    r'("[^"]*+"|[^,]*+)'
)


def read(line: str) -> Words | None:
    if line[4:5] != "/" or line[20:21] != "[":
        return None
    found = stamps.leading(line)
    if found is None:
        return None
    stamp, end = found
    head = _HEAD.match(line, end)
    level = level_of(head[1]) if head else None
    if head is None or level is None:
        return None
    message, said = line[head.end() :], []
    if head[2]:
        said.append(("connection", head[2]))
    begin = message.find(", client: ")
    if begin >= 0:
        said += [(name, value.strip('"')) for name, value in _FIELD.findall(message, begin)]
        message = message[:begin]
    return Words(message, level, stamp, tuple(said))


FORMAT = Format("nginx-error", 10, read, starts="12")
