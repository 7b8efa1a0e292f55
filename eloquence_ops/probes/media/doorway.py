"""A door on loopback through which the native library reaches LiveKit's signalling.

It would look the name up by itself, trust roots of its own and know nothing of --connect-to. Behind
the door is the road that every other probe takes: the same address, certificate and name. And a
door can be shut: that is how a lost link is made.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Coroutine
from types import TracebackType
from typing import Final, Self

from eloquence_ops.probes.http_request import tls_name, without_zone
from eloquence_ops.probes.road import Road

_LONGEST_HEAD: Final = 64 * 1024
_AT_ONCE: Final = 64 * 1024
_MOST_BYTES: Final = 8 * 1024 * 1024
_HEAD_END: Final = b"\r\n\r\n"


class Doorway:
    """Open for the length of its block. `timeout_s` bounds each way through it until it is open."""

    def __init__(self, road: Road, context: ssl.SSLContext | None, timeout_s: float) -> None:
        self._road, self._context, self._timeout_s = road, context, timeout_s
        self._server: asyncio.Server | None = None
        self._ways: set[asyncio.Task[None]] = set()
        self.url = ""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._enter, "127.0.0.1", 0, limit=_LONGEST_HEAD)
        port: int = self._server.sockets[0].getsockname()[1]
        self.url = f"ws://127.0.0.1:{port}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._server is not None:
            self._server.close()
        await self.cut()

    async def cut(self) -> None:
        """Ends every connection through it; new ones are let in."""
        for way in self._ways:
            way.cancel()
        await asyncio.gather(*self._ways, return_exceptions=True)

    async def _enter(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        way = asyncio.ensure_future(self._lead(reader, writer))
        self._ways.add(way)
        way.add_done_callback(self._ways.discard)
        with contextlib.suppress(asyncio.CancelledError):
            await way

    async def _lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there: asyncio.StreamWriter | None = None
        try:
            async with asyncio.timeout(self._timeout_s):
                head = await reader.readuntil(_HEAD_END)
                back, there = await asyncio.open_connection(
                    self._road.address,
                    self._road.port,
                    ssl=self._context,
                    server_hostname=tls_name(self._road.endpoint) if self._context else None,
                )
                there.write(rewritten(head, self._road))
            await _both(_pump(reader, there), _pump(back, writer))
        except (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError):
            pass  # the library sees a connection that ends, as it would without us
        finally:
            for one in (there, writer):
                if one is not None:
                    one.transport.abort()


def rewritten(head: bytes, road: Road) -> bytes:
    """A request's head as if it had been sent to the endpoint itself.

    What is no websocket is one request a connection: only its first head would be rewritten.
    """
    endpoint = road.endpoint
    lines = head.removesuffix(_HEAD_END).split(b"\r\n")
    method, _, rest = lines[0].partition(b" ")
    names = {line.partition(b":")[0].strip().lower() for line in lines[1:]}
    ours = (b"host", b"connection") if b"upgrade" not in names else (b"host",)
    kept = [line for line in lines[1:] if line.partition(b":")[0].strip().lower() not in ours]
    if b"connection" in ours:
        kept.append(b"Connection: close")
    path = endpoint.path.rstrip("/").encode()
    host = without_zone(endpoint.authority).encode()
    return b"\r\n".join((method + b" " + path + rest, b"Host: " + host, *kept)) + _HEAD_END


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    left = _MOST_BYTES
    while left > 0 and (data := await reader.read(_AT_ONCE)):
        left -= len(data)
        writer.write(data)
        await writer.drain()


async def _both(*pumps: Coroutine[None, None, None]) -> None:
    """Until either direction has ended."""
    running = [asyncio.ensure_future(pump) for pump in pumps]
    try:
        await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in running:
            one.cancel()
        await asyncio.gather(*running, return_exceptions=True)
