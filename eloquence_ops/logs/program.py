"""The program that follows logs on a server, as the words of a command. Pure.

Its text is an argument, packed so that every login shell takes it as one word without a line end;
standard input stays free. It holds no secret.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from eloquence_ops.logs import journal
from eloquence_ops.logs.span import Span

_UNPACK: Final = "import sys,base64,zlib;exec(zlib.decompress(base64.b64decode(sys.argv[1])))"
# Isolated from the folder, environment and packages of whoever logs in; writes no caches.
_PYTHON: Final = ("python3", "-I", "-S", "-B", "-c", _UNPACK)
_MOST_OF_A_FILE: Final = 16 * 1024 * 1024


@dataclass(frozen=True)
class Log:
    """One log of a server: the journal of `units`, or the file at `path`."""

    name: str
    units: tuple[str, ...] = ()
    path: str = ""


@dataclass(frozen=True)
class Place:
    """How far a log was read: an entry's cursor, or where in which file (see `follow.File`).

    `since`: nothing was read yet, and from this moment on nothing may be missed; by the server's
    clock, in seconds since 1970.
    """

    cursor: str | None = None
    file: Mapping[str, int] | None = None
    since: float | None = None


def command(
    logs: Sequence[Log], span: Span, places: Mapping[str, Place], nonce: str, difference_s: float
) -> tuple[str, ...]:
    """`difference_s`: how far the server's clock is ahead of ours, for `span`."""
    wanted = [_wanted(log, span, places.get(log.name, Place()), difference_s) for log in logs]
    parameters = json.dumps({"nonce": nonce, "logs": wanted}).encode()
    return (*_PYTHON, _packed(), base64.b64encode(parameters).decode())


@cache
def _packed() -> str:
    text = (files("eloquence_ops.logs.remote") / "follow.py").read_bytes()
    return base64.b64encode(zlib.compress(text, 9)).decode()


def _wanted(log: Log, span: Span, place: Place, difference_s: float) -> dict[str, Any]:
    since, until = (
        None if moment is None else moment + difference_s for moment in (span.since, span.until)
    )
    since = place.since or since
    lines = None if since is not None else span.lines
    if log.path:
        return {
            "path": log.path,
            "lines": lines,
            "most": _MOST_OF_A_FILE,
            "follow": span.follows,
            "place": dict(place.file) if place.file else None,
        }
    return {
        "words": journal.words(log.units),
        "start": journal.beginning(lines, since, until),
        "follow": span.follows,
        "cursor": place.cursor,
    }
