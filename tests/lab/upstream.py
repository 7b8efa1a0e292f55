"""An upstream that is told by the path what to do, and remembers what it was asked."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

_OLD_DATE = "Date: Mon, 01 Jan 2024 00:00:00 GMT\r\n"

ANSWERS = {
    "/json": (
        f"HTTP/1.1 201 Created\r\nServer: uvicorn\r\n{_OLD_DATE}content-type: application/json\r\n"
        "content-length: 2\r\nX-Custom: yes\r\nlast-modified: Sun, 01 Jan 2023 00:00:00 GMT\r\n"
        "ETag: x\r\nVary: Origin\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n{}"
    ),
    "/chunked": (
        f"HTTP/1.1 200 OK\r\nServer: uvicorn\r\n{_OLD_DATE}X-A: 1\r\n"
        "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    ),
    "/until-close": "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nabc",
    "/empty": "HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n",
    "/redirect": (
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: https://lab.test/x\r\n"
        "content-length: 0\r\n\r\n"
    ),
    "/not-modified": "HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n",
    "/half": "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
    "/closes": "",
    "/garbage": "garbage\r\n\r\n",
    "/half-head": "HTTP/1.1 200 OK\r\nContent-",
}


@dataclass
class Upstream:
    """A running upstream. `requests`: the heads it received, then whatever it read after."""

    address: tuple[str, int]
    requests: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    closed_by_peer: asyncio.Event = field(default_factory=asyncio.Event)


@contextlib.asynccontextmanager
async def upstream() -> AsyncIterator[Upstream]:
    """Serve until the block ends. `/hang` never answers; `/echo` returns the body it is sent."""
    tasks: set[asyncio.Task[None]] = set()
    state: Upstream

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            state.requests.append(head)
            path = head.split(" ")[1]
            if path == "/hang":
                await reader.read()
                state.closed_by_peer.set()
                await asyncio.Event().wait()
            if path == "/echo":
                body = await _body(head, reader)
                state.bodies.append(body)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            else:
                writer.write(ANSWERS.get(path, ANSWERS["/empty"]).encode())
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    state = Upstream(server.sockets[0].getsockname())
    try:
        yield state
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()
        await asyncio.sleep(0)


async def _body(head: str, reader: asyncio.StreamReader) -> bytes:
    fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
    if "content-length" in fields:
        return await reader.readexactly(int(fields["content-length"]))
    body = b""
    while size := int(await reader.readline(), 16):
        body += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return body
