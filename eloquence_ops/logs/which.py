"""Which logs of a server are shown, and by what names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from eloquence_ops.logs.program import Log
from eloquence_ops.server import destination
from eloquence_ops.settings import Target
from eloquence_ops.untrusted import visible

_PROXIES: Final = ("nginx.service", "caddy.service", "haproxy.service")
_FILES: Final = {
    "access": "/var/log/nginx/access.log",
    "errors": "/var/log/nginx/error.log",
}


def prefix(server: str, place: int, servers: Sequence[str]) -> str:
    """Before the names of a server's logs: nothing where it is the only one."""
    return f"{_short(server, place, servers)}/" if len(servers) > 1 else ""


def _short(server: str, place: int, servers: Sequence[str]) -> str:
    host = destination.parse(server).host if place or "@" in server else server
    short = host.partition(".")[0] if not host.replace(".", "").isdigit() else host
    same = [other for other in servers if other.rpartition("@")[2].partition(".")[0] == short]
    return short if len(same) <= 1 else f"{short}-{place + 1}"


def named(units: Sequence[str], files: Sequence[str], prefix: str) -> list[Log]:
    """What was asked for by name."""
    by_unit = [Log(f"{prefix}{unit.removesuffix('.service')}", units=(unit,)) for unit in units]
    by_path = [Log(f"{prefix}{visible(Path(file).name)}", path=file) for file in files]
    return _distinct([*by_unit, *by_path])


def of_target(target: Target, prefix: str) -> list[Log]:
    """The system's own: both services and the proxy."""
    return [
        Log(f"{prefix}api", units=(target.api_unit,)),
        Log(f"{prefix}livekit", units=(target.livekit_unit,)),
        Log(f"{prefix}proxy", units=_PROXIES),
        *(Log(f"{prefix}{name}", path=path) for name, path in _FILES.items()),
    ]


def _distinct(logs: Sequence[Log]) -> list[Log]:
    seen: dict[str, int] = {}
    found = []
    for log in logs:
        seen[log.name] = seen.get(log.name, 0) + 1
        number = seen[log.name]
        name = log.name if number == 1 else f"{log.name}-{number}"
        found.append(Log(name, log.units, log.path))
    return found
