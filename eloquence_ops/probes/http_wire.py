"""The connection below HTTP: goes to the road's exact address, and keeps count.

httpcore, the engine of httpx, takes any network backend. This one ignores the host in the URL,
so that Host and SNI keep the endpoint's own name whatever is connected to, and it ends an
answer that is no HTTP at its first bytes instead of at the deadline.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import Iterable
from typing import Any, Final, Literal

import httpcore

from eloquence_ops.probes.channel import Channel
from eloquence_ops.probes.road import Road

HEAD_LIMIT: Final = 64 * 1024
"""Bytes that may come before the end of an answer's headers; interim (1xx) answers included."""
FIRST_LIMIT: Final = 16 * 1024
"""How many first bytes are kept, to be shown where they are not HTTP."""

# What is not HTTP is read on for this long, so that a banner is seen whole.
_BANNER_S: Final = 0.3
_BANNER_BYTES: Final = 512

Stage = Literal["connect", "tls", "exchange"]


class NotHttp(Exception):
    """The answer does not begin with `HTTP/`."""


class HeadTooLarge(Exception):
    """More than `HEAD_LIMIT` bytes and still no end of the headers."""


class Wire(httpcore.AsyncNetworkBackend, httpcore.AsyncNetworkStream):
    """The backend of one connection, and its stream. Durations are seconds."""

    def __init__(self, road: Road, tls_name: str) -> None:
        self._road, self._tls_name = road, tls_name
        self._channel: Channel | None = None
        self.stage: Stage = "connect"
        self.begin()

    def begin(self) -> None:
        """A new request: what is counted is its own."""
        self.in_head, self.ended = True, False
        self.received, self.first = 0, b""
        self.connect_s: float | None = None
        self.tls_s: float | None = None
        self.first_byte_s: float | None = None
        self._asked = time.monotonic()

    async def connect_tcp(
        self,
        host: str,  # noqa: ARG002  # the URL's name; the road says where to go
        port: int,  # noqa: ARG002
        timeout: float | None = None,  # noqa: ARG002  # one deadline holds for the whole exchange
        local_address: str | None = None,  # noqa: ARG002
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,  # noqa: ARG002
    ) -> Wire:
        begun = time.monotonic()
        road = self._road
        if road.via is not None:
            self._channel = Channel(await road.via(road.address, road.port))
        else:
            self._channel = await Channel.open(road.family, road.address, road.port)
        self._asked = time.monotonic()
        self.connect_s = self._asked - begun
        self.stage = "tls" if road.endpoint.secure else "exchange"
        return self

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,  # noqa: ARG002
        timeout: float | None = None,  # noqa: ARG002
    ) -> Wire:
        begun = time.monotonic()
        await self._open_channel.start_tls(ssl_context, self._tls_name, offers=("http/1.1",))
        self._asked = time.monotonic()
        self.tls_s = self._asked - begun
        self.stage = "exchange"
        return self

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        if self.in_head:
            max_bytes = min(max_bytes, HEAD_LIMIT - self.received)
            if max_bytes <= 0:
                raise HeadTooLarge
        data = await self._receive(max_bytes)
        if self.in_head and not b"HTTP/".startswith(self.first[:5]):
            await self._rest_of_banner()
            raise NotHttp
        if self.ended and self.in_head and 0 < self.received < len(b"HTTP/"):
            raise NotHttp
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        try:
            await self._open_channel.send(buffer)
        except OSError as error:
            # httpcore then still reads: a server may answer 413 and close before all is sent.
            raise httpcore.WriteError(str(error)) from error

    async def aclose(self) -> None:
        self.close()

    def close(self) -> None:
        if self._channel is not None:
            self._channel.close()

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":  # asked of an idle connection
            return self._open_channel.is_spent
        return None

    @property
    def _open_channel(self) -> Channel:
        if self._channel is None:
            raise RuntimeError("nothing is connected yet")
        return self._channel

    async def _receive(self, at_most: int) -> bytes:
        data = await self._open_channel.receive(at_most)
        if data and self.first_byte_s is None:
            self.first_byte_s = time.monotonic() - self._asked
        self.received += len(data)
        self.ended = not data
        if len(self.first) < FIRST_LIMIT:
            self.first = (self.first + data)[:FIRST_LIMIT]
        return data

    async def _rest_of_banner(self) -> None:
        with contextlib.suppress(TimeoutError, OSError):
            async with asyncio.timeout(_BANNER_S):
                while not self.ended and self.received < _BANNER_BYTES:
                    await self._receive(_BANNER_BYTES)
