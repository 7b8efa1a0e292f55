"""One side of a proxied connection: bounded reading of heads and bodies, and clean closing."""

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable
from typing import NoReturn

from eloquence_ops.lab.services.http_heads import MAX_HEAD_BYTES, MAX_LINE_BYTES, Framing, Refused

_PIECE = 64 * 1024
_CHUNK_LINE_LIMIT = 4096
_LINGER_S = 1.0
_CLOSE_S = 1.0

Sink = Callable[[bytes], Awaitable[None]]


class PeerGone(ConnectionError):
    """The other side closed where more was due."""


class Wire:
    """A reader with a buffer that can be looked at, and its writer.

    The buffer is what asyncio's reader lacks: here one can wait for "more, or the end" without
    taking anything, which is how a client that went away is noticed.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.buffer = bytearray()

    @property
    def peer_address(self) -> str:
        """The address of the other side, "" when it is gone already."""
        name = self._writer.get_extra_info("peername")
        return str(name[0]) if name else ""

    async def fill(self) -> bool:
        """Read something into the buffer; False at the end."""
        data = await self._reader.read(_PIECE)
        self.buffer += data
        return bool(data)

    async def send(self, data: bytes) -> None:
        """Write, and wait while the peer is slow."""
        self._writer.write(data)
        await self._writer.drain()

    async def head(self) -> bytes | None:
        """The next head with its blank line; None if the peer closed between two of them.

        Raises:
            Refused: it is too large (414 when it is the first line).
            PeerGone: it ended in the middle.
        """
        while True:
            while self.buffer.startswith((b"\r", b"\n")):
                del self.buffer[:1]
            end = self._head_end()
            if end is not None:
                head = bytes(self.buffer[:end])
                self._check_lines(head)
                del self.buffer[:end]
                return head
            self._check_lines(bytes(self.buffer))
            if not await self.fill():
                if self.buffer:
                    raise PeerGone
                return None

    def _head_end(self) -> int | None:
        ends = [
            position + len(blank)
            for blank in (b"\n\r\n", b"\n\n")
            if (position := self.buffer.find(blank)) >= 0
        ]
        return min(ends, default=None)

    @staticmethod
    def _check_lines(head: bytes) -> None:
        lines = head.split(b"\n")
        if len(lines[0]) > MAX_LINE_BYTES:
            raise Refused(414)
        if len(head) > MAX_HEAD_BYTES or any(len(line) > MAX_LINE_BYTES for line in lines):
            raise Refused(400, "Request Header Or Cookie Too Large")

    async def body(self, framing: Framing, sink: Sink, *, timeout_s: float, limit: int) -> None:
        """Give a body to `sink` piece by piece, chunks taken apart.

        Raises:
            TimeoutError: nothing came for `timeout_s`.
            Refused: it is longer than `limit` bytes (413), or its chunks are malformed (400).
            PeerGone: it ended before its end.
        """
        if framing.kind == "length":
            await self._exactly(framing.length, sink, timeout_s)
        elif framing.kind == "chunked":
            await self._chunks(sink, timeout_s, limit)
        elif framing.kind == "close":
            while self.buffer or await self._fill_within(timeout_s):
                await sink(self._take(len(self.buffer)))

    async def _chunks(self, sink: Sink, timeout_s: float, limit: int) -> None:
        total = 0
        while True:
            line = await self._line(timeout_s)
            try:
                size = int(line.partition(b";")[0].strip(), 16)
            except ValueError:
                raise Refused(400) from None
            total += size
            if size < 0 or total > limit:
                raise Refused(413 if size >= 0 else 400)
            if size == 0:
                break
            await self._exactly(size, sink, timeout_s)
            if await self._line(timeout_s):
                raise Refused(400)
        # Trailers are of this hop only.
        while await self._line(timeout_s):
            pass

    async def _exactly(self, count: int, sink: Sink, timeout_s: float) -> None:
        while count:
            if not self.buffer and not await self._fill_within(timeout_s):
                raise PeerGone
            piece = self._take(min(count, len(self.buffer)))
            count -= len(piece)
            await sink(piece)

    async def _line(self, timeout_s: float) -> bytes:
        while (end := self.buffer.find(b"\n")) < 0:
            if len(self.buffer) > _CHUNK_LINE_LIMIT:
                raise Refused(400)
            if not await self._fill_within(timeout_s):
                raise PeerGone
        return self._take(end + 1).rstrip(b"\r\n")

    async def _fill_within(self, timeout_s: float) -> bool:
        async with asyncio.timeout(timeout_s):
            return await self.fill()

    def _take(self, count: int) -> bytes:
        piece = bytes(self.buffer[:count])
        del self.buffer[:count]
        return piece

    async def until_gone(self) -> NoReturn:
        """Wait until the peer closes, or for ever if it sends ahead.

        Raises:
            PeerGone: it closed.
        """
        while not self.buffer:
            if not await self.fill():
                raise PeerGone
        while True:
            await asyncio.Event().wait()

    async def linger(self) -> None:
        """Throw away what still comes, so that closing does not reset the answer on its way."""
        with contextlib.suppress(OSError, TimeoutError):
            if self._writer.can_write_eof():
                self._writer.write_eof()
            async with asyncio.timeout(_LINGER_S):
                while await self._reader.read(_PIECE):
                    pass

    async def close(self) -> None:
        """Close once what was written is sent, within a second."""
        self._writer.close()
        try:
            async with asyncio.timeout(_CLOSE_S):
                await self._writer.wait_closed()
        except (OSError, TimeoutError, ssl.SSLError):
            self.abort()

    def abort(self) -> None:
        """Close at once."""
        self._writer.transport.abort()


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body; of nothing, its end."""
    return b"%x\r\n%b\r\n" % (len(data), data)
