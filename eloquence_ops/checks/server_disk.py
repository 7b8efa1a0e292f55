"""Room on the server's disks: for bytes, for files, and whether anything may be written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.observations import ServerMachine
from eloquence_ops.observations.server_machine import Disk

_MIB: Final = 1024 * 1024
# Less than this is none: one log line, one upload, one package more does not fit.
_NO_ROOM: Final = 16 * _MIB
_NO_ROOM_SHARE: Final = 0.01  # of a file system so small that 16 MiB are much of it
_LITTLE_ROOM: Final = 1024 * _MIB
_LITTLE_SHARE: Final = 0.05
_NO_INODES: Final = 32

_State = Callable[[Disk], bool]


@check(
    "server.disk",
    feeds=("facts",),
    outcomes={
        "ok": "percent",
        "full": "places",
        "no-inodes": "places",
        "read-only": "places",
        "nearly-full": "places percent",
        "few-inodes": "places",
        "not-told": "detail",
    },
)
def disk(_server: str, seen: Seen) -> Judgement:
    """Whether the API, the logs and temporary files have room where they lie."""
    machine = seen.one(ServerMachine)
    if machine is None:
        return
    left, found = list(machine.disks), False
    for outcome, holds in _STATES.items():
        ill = [entry for entry in left if holds(entry)]
        left = [entry for entry in left if entry not in ill]
        if ill:
            found = True
            yield Verdict(outcome, _evidence(outcome, ill))
    if found:
        return
    if gap := machine.why_unknown("disks"):
        yield Verdict("not-told", {"detail": gap.detail or gap.reason})
    else:
        yield Verdict("ok", {"percent": _fullest(machine.disks)})


def _evidence(outcome: str, disks: list[Disk]) -> Mapping[str, float | tuple[str, ...]]:
    places: tuple[str, ...] = tuple(_name(entry) for entry in disks)
    if outcome == "nearly-full":
        return {"places": places, "percent": _fullest(disks)}
    return {"places": places}


def _name(disk: Disk) -> str:
    """The folders that are asked about and lie on it; the root stands for all others."""
    return "/" if "/" in disk.paths else ", ".join(disk.paths)


def _fullest(disks: Iterable[Disk]) -> int:
    return max((round(100 * (1 - _share(entry))) for entry in disks), default=0)


def _share(disk: Disk) -> float:
    """What is free, of 1. A file system without a size of its own is never full."""
    return disk.free_bytes / disk.bytes if disk.bytes else 1.0


def _is_read_only(disk: Disk) -> bool:
    """A root that is read-only by design has writable folders mounted over it."""
    return disk.read_only and disk.paths != ("/",)


def _is_full(disk: Disk) -> bool:
    return bool(disk.bytes) and disk.free_bytes < min(_NO_ROOM, disk.bytes * _NO_ROOM_SHARE)


def _has_no_inodes(disk: Disk) -> bool:
    return disk.inodes > _NO_INODES and disk.free_inodes < _NO_INODES


def _is_nearly_full(disk: Disk) -> bool:
    return _share(disk) < _LITTLE_SHARE and disk.free_bytes < _LITTLE_ROOM


def _has_few_inodes(disk: Disk) -> bool:
    return disk.inodes > _NO_INODES and disk.free_inodes < disk.inodes * _LITTLE_SHARE


# The worst first: a disk is told of once.
_STATES: Final[Mapping[str, _State]] = {
    "read-only": _is_read_only,
    "full": _is_full,
    "no-inodes": _has_no_inodes,
    "nearly-full": _is_nearly_full,
    "few-inodes": _has_few_inodes,
}
