"""What listens on the server, and who."""

from __future__ import annotations

from typing import Literal

from eloquence_ops.observations.base import Record
from eloquence_ops.observations.server import Moment, Port, ServerObservation


class Process(Record):
    """`command` has its secrets masked. `unit` is the innermost service or scope of its cgroup.

    `cwd` is None where only root may know it.
    """

    pid: int
    name: str
    command: str
    user: str
    cwd: str | None
    started_at: Moment
    unit: str


class Listener(Record):
    """A socket that takes from anybody. `user` owns it, which everyone may know.

    `holders` are pids of `ServerListeners.processes`; empty where that is unknown, or where the
    kernel itself holds the socket. `backlog` counts connections that wait to be accepted (TCP).
    """

    protocol: Literal["tcp", "udp"]
    address: str
    port: Port
    user: str
    backlog: int | None
    holders: tuple[int, ...]


class ServerListeners(ServerObservation):
    """`left_out` counts listeners beyond the bound. LiveKit has a UDP port for each session."""

    kind: Literal["server.listeners"] = "server.listeners"
    listeners: tuple[Listener, ...]
    left_out: int
    processes: tuple[Process, ...]

    def on(self, port: int, protocol: Literal["tcp", "udp"] = "tcp") -> tuple[Listener, ...]:
        return tuple(
            entry for entry in self.listeners if (entry.protocol, entry.port) == (protocol, port)
        )

    def process(self, pid: int) -> Process | None:
        return next((entry for entry in self.processes if entry.pid == pid), None)


class ApiProcess(Record):
    """A process that runs the API. `by_hand`: not as its unit, so nothing starts it again.

    `ports` is None where only root may know them.
    """

    process: Process
    ports: tuple[Port, ...] | None
    by_hand: bool


class PublishedPort(Record):
    """A port that Docker leads into a container, past the rules of ufw."""

    protocol: str
    address: str
    port: Port | None
    to: str


class ServerProcesses(ServerObservation):
    """`seen` counts the processes that this user may see."""

    kind: Literal["server.processes"] = "server.processes"
    api: tuple[ApiProcess, ...]
    published_by_docker: tuple[PublishedPort, ...]
    seen: int
