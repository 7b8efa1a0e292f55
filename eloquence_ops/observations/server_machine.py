"""The server as a machine: room, memory, clock, and what changed on it."""

from __future__ import annotations

from typing import Literal

from eloquence_ops.observations.base import Record
from eloquence_ops.observations.server import Bytes, Moment, ServerObservation


class Disk(Record):
    """A file system with those of the folders that matter. What is free is free for everyone;
    `inodes` is 0 where it has no fixed number of them (btrfs)."""

    paths: tuple[str, ...]
    bytes: Bytes
    free_bytes: Bytes
    inodes: int
    free_inodes: int
    read_only: bool


class Memory(Record):
    """Bytes."""

    total: Bytes | None
    available: Bytes | None
    swap_total: Bytes | None
    swap_free: Bytes | None


class KernelSize(Record):
    name: str
    bytes: Bytes


class ServiceLimits(Record):
    """Of a unit's main process; None where it does not run, or only root may know.

    `oom_kills` counts since the unit was started.
    """

    unit: str
    file_limit: int | None = None
    open_files: int | None = None
    oom_kills: int | None = None


class ServerMachine(ServerObservation):
    """`load` is over 1, 5 and 15 minutes. `socket_buffers` are net.core's."""

    kind: Literal["server.machine"] = "server.machine"
    python: str
    disks: tuple[Disk, ...]
    memory: Memory | None = None
    load: tuple[float, float, float] | None = None
    processors: int | None = None
    booted_at: Moment | None = None
    kernel: str | None = None
    architecture: str | None = None
    system: str | None = None
    socket_buffers: tuple[KernelSize, ...] | None = None
    services: tuple[ServiceLimits, ...]


class ServerClock(ServerObservation):
    """`now` is the server's time, read at some moment between `at_s` and `duration_s` later, which
    is the whole way there and back. `synchronised` is the kernel's own word."""

    kind: Literal["server.clock"] = "server.clock"
    now: Moment
    zone: str
    daemons: tuple[str, ...]
    timesync_marker: bool
    synchronised: bool | None = None
    largest_error_s: float | None = None


class ChangedFile(Record):
    """`modified_at` can be set to anything, `changed_at` cannot.

    Of a folder, what is no longer in it: something was deleted or moved away at `modified_at`.
    """

    path: str
    what: Literal["api", "environment", "unit", "livekit", "proxy", "certificate", "folder"]
    modified_at: Moment
    changed_at: Moment
    gone: tuple[str, ...] = ()


class PackageChange(Record):
    at: Moment
    action: Literal["install", "upgrade", "remove", "purge"]
    name: str
    before: str
    after: str


class PythonPackage(Record):
    """`at`: since when it lies among those that the API's Python imports."""

    at: Moment
    name: str
    version: str


class ServerChanges(ServerObservation):
    """Files by when they changed, the latest first; what dpkg did in the last day, and what pip
    installed for the API."""

    kind: Literal["server.changes"] = "server.changes"
    files: tuple[ChangedFile, ...]
    packages: tuple[PackageChange, ...] | None = None
    python_packages: tuple[PythonPackage, ...] | None = None
