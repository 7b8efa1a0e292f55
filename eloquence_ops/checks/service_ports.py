"""Which port of the server is whose, by what its facts show.

What the unit's own processes hold counts most, then what its command or its configuration says,
then what its program takes where nobody says anything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from eloquence_ops.observations import LiveKitConfig, ServerListeners, UnitState

API_PORT: Final = 8083
LIVEKIT_PORT: Final = 7880
ICE_TCP_PORT: Final = 7881
_DEFAULT_OF_PROGRAMS: Final = 8000  # uvicorn's, gunicorn's, hypercorn's and fastapi's
_PORT: Final = re.compile(r"(?:--port[ =]|(?:--bind|-b)[ =]\S*:)(\d{1,5})(?: |$)")
_PROGRAMS: Final = re.compile(r"(?:^|/|-m )(uvicorn|gunicorn|hypercorn|fastapi)(?: |$)")
# A socket that is handed over, one in the file system, a variable.
_OPEN: Final = re.compile(r" --(?:fd|uds)[ =]| (?:--bind|-b)[ =]?(?:unix:|fd://)|\$")
# gunicorn's and hypercorn's file of settings; `-c` of another program is no such thing.
_FILE: Final = re.compile(r" (?:--config[ =]|-c)")
_HAVE_FILES: Final = frozenset({"gunicorn", "hypercorn"})


@dataclass(frozen=True, slots=True)
class ServicePort:
    """`known` is false where the service may as well listen elsewhere, or at no port at all."""

    number: int
    known: bool = True


def of_api(name: str, unit: UnitState | None, listeners: ServerListeners | None) -> ServicePort:
    """Where the API of the unit `name` listens, or would if it ran."""
    command = unit.command if unit else ""
    told, held = _told(command), held_by(name, listeners)
    if held:
        return ServicePort(next((port for port in (told, API_PORT) if port in held), held[0]))
    if told is not None:
        return ServicePort(told)
    default = _DEFAULT_OF_PROGRAMS if _PROGRAMS.search(command) else API_PORT
    return ServicePort(default, not (_is_left_open(unit) or _is_hidden(unit, default, listeners)))


def of_livekit(
    name: str,
    unit: UnitState | None,
    config: LiveKitConfig | None,
    listeners: ServerListeners | None,
) -> ServicePort:
    """LiveKit also holds a port for ICE over TCP, and more for figures and TURN."""
    written = config.setting("port") if config else None
    held = held_by(name, listeners)
    if isinstance(written, int) and (not held or written in held):
        return ServicePort(written)
    if LIVEKIT_PORT in held:
        return ServicePort(LIVEKIT_PORT)
    if others := [port for port in held if port != ICE_TCP_PORT]:
        return ServicePort(others[0])
    was_read = config is not None and config.settings is not None
    return ServicePort(LIVEKIT_PORT, was_read or not _is_hidden(unit, LIVEKIT_PORT, listeners))


def held_by(unit: str, listeners: ServerListeners | None) -> list[int]:
    """The TCP ports on which processes of a unit listen; of others' only root may know."""
    if listeners is None:
        return []
    pids = {process.pid for process in listeners.processes if process.unit == unit}
    tcp = (entry for entry in listeners.listeners if entry.protocol == "tcp")
    return sorted({entry.port for entry in tcp if pids & set(entry.holders)})


def _told(command: str) -> int | None:
    found = _PORT.search(command)
    return int(found[1]) if found else None


def _is_left_open(unit: UnitState | None) -> bool:
    """Whether the unit takes its port, or another kind of socket, from where nobody has read."""
    if unit is None:
        return False
    if unit.sockets or _OPEN.search(unit.command):
        return True
    program = _PROGRAMS.search(unit.command)
    has_file = program is not None and program[1] in _HAVE_FILES
    return has_file and _FILE.search(unit.command) is not None


def _is_hidden(unit: UnitState | None, port: int, listeners: ServerListeners | None) -> bool:
    """Whether the unit may listen elsewhere: it runs, nobody has `port`, and its user listens where
    only root may know who does."""
    runs = unit is not None and unit.active_state not in ("inactive", "failed")
    if unit is None or not runs or listeners is None or listeners.on(port):
        return False
    user = unit.user or "root"
    return any(
        entry.protocol == "tcp" and not entry.holders and entry.user == user
        for entry in listeners.listeners
    )
