"""A TCP relay that makes a way longer: every byte arrives half a round trip later, each way."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Iterator

_CHUNK = 64 * 1024


@contextlib.contextmanager
def longer_way(port: int, round_trip_s: float, host: str = "127.0.0.1") -> Iterator[int]:
    """The port on 127.0.0.1 of a relay to `host`:`port`, in a thread of its own.

    A connection is accepted at once by the kernel, so that its own handshake costs no round trip:
    the relay waits one before it passes the first bytes on.
    """
    ready, stop, ports = threading.Event(), threading.Event(), []

    async def pump(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, first_s: float
    ) -> None:
        loop = asyncio.get_running_loop()
        wait_s, last = first_s, loop.time()
        # Two that are due at one time may be called in either order: each takes the next in line.
        under_way: deque[bytes] = deque()
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while data := await reader.read(_CHUNK):
                # In order, and as a pipe: bytes under way do not wait for one another.
                due = max(loop.time() + round_trip_s / 2 + wait_s, last)
                wait_s, last = 0.0, due
                under_way.append(data)
                loop.call_at(due, lambda: writer.write(under_way.popleft()))
            await asyncio.sleep(max(0.0, last - loop.time()) + round_trip_s / 2)
        writer.close()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(host, port)
        # Cancelled at the end, which asyncio.streams would print as an accident.
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(pump(reader, back, round_trip_s), pump(there, writer, 0.0))

    async def serve() -> None:
        server = await asyncio.start_server(relay, "127.0.0.1", 0)
        ports.append(server.sockets[0].getsockname()[1])
        ready.set()
        async with server:
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    ready.wait(10)
    try:
        yield ports[0]
    finally:
        stop.set()
        thread.join(10)
