"""The door to LiveKit's signalling: what goes through it looks as if it came without one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from eloquence_ops.endpoints import parse
from eloquence_ops.findings import Family
from eloquence_ops.probes.media.doorway import Doorway, rewritten
from eloquence_ops.probes.road import Road
from tests.lab.loopback import run


def _road(url: str, port: int = 443) -> Road:
    return Road(parse(url, "livekit"), Family.IPV4, "127.0.0.1", port)


def test_a_handshake_is_the_endpoints_own() -> None:
    fields = b"Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
    head = b"GET /rtc/v1?x=1 HTTP/1.1\r\nHost: 127.0.0.1:4\r\n" + fields
    assert rewritten(head, _road("wss://livekit.éloquence.test/lk")) == (
        b"GET /lk/rtc/v1?x=1 HTTP/1.1\r\nHost: livekit.xn--loquence-90a.test\r\n"
        b"Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
    )


def test_what_is_no_websocket_is_one_request_a_connection() -> None:
    head = b"GET /rtc/validate HTTP/1.1\r\nhost: 127.0.0.1:4\r\nConnection: keep-alive\r\n\r\n"
    assert rewritten(head, _road("ws://livekit.test:7880")) == (
        b"GET /rtc/validate HTTP/1.1\r\nHost: livekit.test:7880\r\nConnection: close\r\n\r\n"
    )


@contextlib.asynccontextmanager
async def _echo() -> AsyncIterator[tuple[int, list[asyncio.StreamWriter]]]:
    there: list[asyncio.StreamWriter] = []
    answering: set[asyncio.Task[None] | None] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there.append(writer)
        answering.add(asyncio.current_task())
        await reader.readuntil(b"\r\n\r\n")
        with contextlib.suppress(OSError):
            while data := await reader.read(100):
                writer.write(data)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], there
    finally:
        server.close()
        await asyncio.gather(*(task for task in answering if task), return_exceptions=True)


async def _through(door: Doorway) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(door.url.rpartition(":")[2]))
    writer.write(b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\nhello")
    assert await asyncio.wait_for(reader.readexactly(5), 5) == b"hello"
    return reader, writer


def test_a_cut_ends_what_is_under_way_and_lets_the_next_one_in() -> None:
    async def main() -> None:
        async with _echo() as (port, _), Doorway(_road("ws://x.test", port), None, 2) as door:
            reader, writer = await _through(door)
            await door.cut()
            with contextlib.suppress(ConnectionError):
                assert await asyncio.wait_for(reader.read(), 5) == b""
            writer.close()
            _, again = await _through(door)
            again.close()

    run(main())


@pytest.mark.parametrize("first", [b"", b"x" * 100_000])
def test_who_comes_with_no_request_is_let_go(first: bytes) -> None:
    async def main() -> None:
        async with _echo() as (port, there):
            async with Doorway(_road("ws://x.test", port), None, 0.2) as door:
                number = int(door.url.rpartition(":")[2])
                reader, writer = await asyncio.open_connection("127.0.0.1", number)
                writer.write(first)
                with contextlib.suppress(ConnectionError):
                    assert await asyncio.wait_for(reader.read(), 5) == b""
                writer.close()
            assert there == []

    run(main())


def test_behind_a_closed_door_nobody_is() -> None:
    async def main() -> None:
        async with Doorway(_road("ws://x.test"), None, 1) as door:
            port = int(door.url.rpartition(":")[2])
        with pytest.raises(ConnectionRefusedError):
            await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port), 5)

    run(main())
