"""Limits that the services run into: open files, and the kernel's buffers for media."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.observations import LiveKitConfig, ServerMachine
from eloquence_ops.observations.server_machine import ServiceLimits

_NEARLY: Final = 0.9
# LiveKit asks for this much at its start, and says so where it gets less (v1.13.5).
_WANTED_BUFFER: Final = 5_000_000


@check(
    "server.limits",
    feeds=("facts",),
    outcomes={
        "ok": "files",
        "nearly-used": "unit open limit",
        "fewer-than-ports": "limit ports",
        "small-buffers": "size wanted",
        "not-told": "detail",
    },
)
def limits(_server: str, seen: Seen) -> Judgement:
    """Whether a service is near its limit of open files; what else bounds many calls at once."""
    machine = seen.one(ServerMachine)
    if machine is None:
        return
    running = [entry for entry in machine.services if entry.file_limit is not None]
    nearest = max(running, key=_share, default=None)
    if nearest is not None and _share(nearest) >= _NEARLY:
        open_files, limit = nearest.open_files, nearest.file_limit
        yield Verdict("nearly-used", {"unit": nearest.unit, "open": open_files, "limit": limit})
        return
    if hidden := [entry.unit for entry in running if entry.open_files is None]:
        yield Verdict("not-told", {"detail": ", ".join(hidden)})
        return
    notes = list(_notes(machine, running, seen))
    yield from notes
    if not notes:
        files = tuple(f"{entry.unit} {entry.open_files}/{entry.file_limit}" for entry in running)
        yield Verdict("ok", {"files": files})


def _share(service: ServiceLimits) -> float:
    if service.open_files is None or not service.file_limit:
        return 0.0
    return service.open_files / service.file_limit


def _notes(machine: ServerMachine, running: list[ServiceLimits], seen: Seen) -> Iterator[Verdict]:
    """What bounds how many can call at once, and breaks nothing before that."""
    livekit = next((entry for entry in running if entry.unit == seen.target.livekit_unit), None)
    ports = _media_ports(seen)
    if livekit and livekit.file_limit and ports and livekit.file_limit < ports:
        yield Verdict("fewer-than-ports", {"limit": livekit.file_limit, "ports": ports})
    sizes = {entry.name: entry.bytes for entry in machine.socket_buffers or ()}
    size = sizes.get("rmem_max")
    if size is not None and size < _WANTED_BUFFER:
        yield Verdict("small-buffers", {"size": size, "wanted": _WANTED_BUFFER})


def _media_ports(seen: Seen) -> int | None:
    """How many UDP ports LiveKit may have open at once: one for each session."""
    config = seen.one(LiveKitConfig)
    if config is None:
        return None
    first, last = (config.setting(f"rtc.port_range_{end}") for end in ("start", "end"))
    if not isinstance(first, int) or not isinstance(last, int):
        return None
    return max(0, last - first + 1)
