"""uvicorn's default: the level and a colon, padded to ten columns (`uvicorn.logging`)."""

from __future__ import annotations

import re
from typing import Final

from eloquence_ops.logs.entry import Words
from eloquence_ops.logs.formats import Format
from eloquence_ops.logs.levels import level_of, level_of_status

_COLUMN: Final = 10
_ACCESS: Final = re.compile(r'([^ ]+) - "([^"]*)" ([0-9]{3})(?: [A-Za-z -]*)?')


def read(line: str) -> Words | None:
    head = line[:_COLUMN]
    if head[9:] != " ":
        return None
    head = head.rstrip()
    if head[-1:] != ":" or not head[:-1].isupper():
        return None
    level = level_of(head[:-1])
    if level is None:
        return None
    message = line[_COLUMN:]
    access = _ACCESS.fullmatch(message)
    if access is None:
        return Words(message, level)
    client, request, status = access.groups()
    return Words(
        request,
        max(level, level_of_status(int(status))),
        fields=(("status", status), ("client", client)),
    )


FORMAT = Format("uvicorn", 10, read, starts="DICEWT")
