"""A server within reach, whichever way: commands run on it, connections opened from it."""

from __future__ import annotations

import shlex
import socket
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

OUTPUT_LIMIT: Final = 8 * 1024 * 1024
ERRORS_KEPT: Final = 16 * 1024

StreamName = Literal["stdout", "stderr"]
Command = Sequence[str] | str
"""Words, which no shell reads; or a script for /bin/sh."""


@dataclass(frozen=True, slots=True)
class Completed:
    """How a command ended. The output is untrusted: see `eloquence_ops/untrusted.py`.

    `exit_status` is None where a signal ended it, or we did because it said more than was allowed
    (`truncated`).
    """

    exit_status: int | None
    stdout: bytes = field(repr=False)
    stderr: bytes = field(repr=False)
    truncated: bool
    duration_s: float


class Running(Protocol):
    """A command that goes on, its output read as it comes."""

    async def read(self) -> bytes:
        """What its standard output says next, at least a byte; nothing at its end.

        Raises `LinkLost` where the link has ended.
        """
        ...

    async def write(self, data: bytes) -> None:
        """To its standard input. Does nothing where it has ended."""
        ...

    def said(self) -> bytes:
        """The first `ERRORS_KEPT` bytes of its standard error so far."""
        ...

    async def close(self) -> None:
        """Closes its standard input and hangs up. May be called again."""
        ...


class Link(Protocol):
    """One server. Commands and streams may be used at the same time; cancelling one ends it."""

    async def run(
        self,
        command: Command,
        *,
        stdin: bytes = b"",
        timeout_s: float,
        limit_bytes: int = OUTPUT_LIMIT,
    ) -> Completed:
        """Runs one command in the user's home folder, without a terminal.

        `stdin` may hold a secret: it is written nowhere else. `limit_bytes` holds for both streams
        together. It has ended when both streams have: who starts a service redirects them.
        Raises `CommandTooSlow` (the command is ended) and other `LinkError`s.
        """
        ...

    async def start(self, command: Command, *, stdin: bytes = b"") -> Running:
        """Starts a command that goes on until it ends or is closed; `stdin` as for `run`, and
        standard input stays open. Raises `LinkError`s.
        """
        ...

    async def open_stream(self, host: str, port: int, *, timeout_s: float) -> socket.socket:
        """A connection made by the server, as a non-blocking socket; the caller closes it.

        Raises `OSError` as a connection made there would (refused, no route, no such name,
        `TimeoutError`), and `LinkError` where the link is at fault. Over SSH, data is passed both
        ways and the far end's end is; the far end learns of a half-close as of a whole one.
        """
        ...

    async def close(self) -> None:
        """Ends what still runs. May be called again."""
        ...


def words(command: Command) -> tuple[str, ...]:
    """The words of a command; a script is given to /bin/sh, whatever the user's shell is."""
    return ("/bin/sh", "-c", command) if isinstance(command, str) else tuple(command)


def shown(command: Command) -> str:
    """A command as it would be typed, for messages; never with what goes to its stdin."""
    return command.strip() if isinstance(command, str) else shlex.join(command)


class Output:
    """What a command says on both streams, up to a limit. Two threads may write to it."""

    def __init__(self, limit_bytes: int) -> None:
        self._left = limit_bytes
        self._kept: dict[StreamName, bytearray] = {
            "stdout": bytearray(),
            "stderr": bytearray(),
        }
        self._lock = threading.Lock()
        self.truncated = False

    def take(self, stream: StreamName, data: bytes) -> bool:
        """Keeps `data`; False where it was more than is allowed, and reading can stop."""
        with self._lock:
            self._kept[stream] += data[: self._left]
            self.truncated = self.truncated or len(data) > self._left
            self._left = max(0, self._left - len(data))
            return not self.truncated

    def completed(self, exit_status: int | None, duration_s: float) -> Completed:
        with self._lock:
            return Completed(
                exit_status=exit_status,
                stdout=bytes(self._kept["stdout"]),
                stderr=bytes(self._kept["stderr"]),
                truncated=self.truncated,
                duration_s=duration_s,
            )
