"""This very machine as the server (`--on-server`): the same interface without a network."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from eloquence_ops.server import children
from eloquence_ops.server.dial import connect
from eloquence_ops.server.errors import CommandTooSlow, LinkError
from eloquence_ops.server.link import (
    ERRORS_KEPT,
    OUTPUT_LIMIT,
    Command,
    Completed,
    Output,
    Running,
    StreamName,
    shown,
    words,
)

_AT_ONCE: Final = 64 * 1024
_MUCH: Final = 256 * 1024
_ENDING_S: Final = 1.0


class LocalLink:
    """See `link.Link`. Commands do not see our own variables, some of which are secrets."""

    def __init__(self, environ: Mapping[str, str], home: Path) -> None:
        self._environment, self._home = children.environment(environ), home
        self.host: Final = socket.gethostname()
        self._running: set[asyncio.subprocess.Process] = set()

    async def run(
        self,
        command: Command,
        *,
        stdin: bytes = b"",
        timeout_s: float,
        limit_bytes: int = OUTPUT_LIMIT,
    ) -> Completed:
        begun = time.monotonic()
        output = Output(limit_bytes)
        process = await self._start(command)
        self._running.add(process)
        try:
            async with asyncio.timeout(timeout_s):
                await _exchange(process, stdin, output)
        except TimeoutError:
            raise CommandTooSlow(
                "link.command-slow",
                output.completed(None, time.monotonic() - begun),
                command=shown(command),
                host=self.host,
                seconds=f"{timeout_s:g}",
            ) from None
        finally:
            self._running.discard(process)
            if process.returncode is None:
                _end(process)
        status = process.returncode
        ended = output.truncated or status is None or status < 0
        return output.completed(None if ended else status, time.monotonic() - begun)

    async def start(self, command: Command, *, stdin: bytes = b"") -> Running:
        process = await self._start(command)
        self._running.add(process)
        running = _Running(process, self._running)
        await running.write(stdin)
        return running

    async def open_stream(self, host: str, port: int, *, timeout_s: float) -> socket.socket:
        async with asyncio.timeout(timeout_s):
            return await connect(host, port)

    async def close(self) -> None:
        for process in self._running:
            _end(process)

    async def _start(self, command: Command) -> asyncio.subprocess.Process:
        pipe = asyncio.subprocess.PIPE
        try:
            return await asyncio.create_subprocess_exec(
                *words(command),
                stdin=pipe,
                stdout=pipe,
                stderr=pipe,
                cwd=self._home,
                env=self._environment,
                start_new_session=True,
            )
        except OSError as error:
            raise LinkError(
                "link.no-program", command=shown(command), reason=error.strerror or error
            ) from None


class _Running:
    """See `link.Running`."""

    def __init__(
        self, process: asyncio.subprocess.Process, among: set[asyncio.subprocess.Process]
    ) -> None:
        self._process, self._among = process, among
        self._errors = Output(ERRORS_KEPT)
        self._draining = asyncio.create_task(self._drain())

    async def _drain(self) -> None:
        while self._process.stderr and (data := await self._process.stderr.read(_AT_ONCE)):
            self._errors.take("stderr", data)

    async def read(self) -> bytes:
        return await self._process.stdout.read(_MUCH) if self._process.stdout else b""

    async def write(self, data: bytes) -> None:
        if self._process.stdin:
            with contextlib.suppress(ConnectionError):
                self._process.stdin.write(data)
                await self._process.stdin.drain()

    def said(self) -> bytes:
        return self._errors.completed(None, 0.0).stderr

    async def close(self) -> None:
        if self._process.returncode is None:
            _end(self._process)
            # Not for long: sudo may not be signalled, and ends when it likes.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), _ENDING_S)
        self._draining.cancel()
        self._among.discard(self._process)


async def _exchange(process: asyncio.subprocess.Process, stdin: bytes, output: Output) -> None:
    """Until both streams have ended, or have said more than is allowed."""

    async def read(name: StreamName, stream: asyncio.StreamReader) -> None:
        while data := await stream.read(_AT_ONCE):
            if not output.take(name, data):
                _end(process)
                return

    if not (process.stdin and process.stdout and process.stderr):
        raise RuntimeError("the process was made without pipes")
    await asyncio.gather(
        _write(process.stdin, stdin),
        read("stdout", process.stdout),
        read("stderr", process.stderr),
    )
    await process.wait()


def _end(process: asyncio.subprocess.Process) -> None:
    """All of its group; what may not be signalled, such as sudo, finds its pipes closed."""
    children.end_group(process.pid)
    pipes = process._transport  # type: ignore[attr-defined]  # asyncio has no other way to them
    for number in (0, 1, 2):
        if pipe := pipes.get_pipe_transport(number):
            pipe.close()


async def _write(stream: asyncio.StreamWriter, data: bytes) -> None:
    """A command may end without having read all that it was given."""
    with contextlib.suppress(ConnectionError):
        stream.write(data)
        await stream.drain()
        stream.close()
