"""A stretch of network between a client and a server, that fails as it is told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field


@dataclass
class Relay:
    """Passes bytes both ways, until it is told otherwise."""

    port: int = 0
    freeze_after: int | None = None
    """So many bytes of the server are passed on, then nothing in either direction."""
    cut_after: int | None = None
    """So many bytes of the server are passed on, then the connection ends."""
    bytes_per_s: int | None = None
    """How fast the server's bytes are passed on."""
    passed: int = 0
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)
    _running: asyncio.Event = field(default_factory=asyncio.Event)

    def freeze(self) -> None:
        """From now on nothing arrives, and nobody is told."""
        self._running.clear()

    def cut(self) -> None:
        """Both sides are told that the connection has ended."""
        for writer in self._writers:
            writer.transport.abort()

    async def carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, counted: bool
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(8192):
                if counted and self.bytes_per_s:
                    await asyncio.sleep(len(data) / self.bytes_per_s)
                if counted and self.freeze_after is not None:
                    data = data[: max(0, self.freeze_after - self.passed)]
                    if self.passed + len(data) >= self.freeze_after:
                        self.freeze()
                self.passed += len(data) if counted else 0
                if not counted:
                    await self._running.wait()
                writer.write(data)
                await writer.drain()
                await self._running.wait()
                if counted and self.cut_after is not None and self.passed >= self.cut_after:
                    self.cut()
        writer.close()


@contextlib.asynccontextmanager
async def relay(
    to_port: int, *, freeze_after: int | None = None, cut_after: int | None = None
) -> AsyncIterator[Relay]:
    made = Relay(freeze_after=freeze_after, cut_after=cut_after)
    made._running.set()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", to_port)
        made._writers += [writer, far_writer]
        for task in (
            asyncio.create_task(made.carry(reader, far_writer, counted=False)),
            asyncio.create_task(made.carry(far_reader, writer, counted=True)),
        ):
            tasks.add(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        made.cut()
        await asyncio.gather(*tasks, return_exceptions=True)
