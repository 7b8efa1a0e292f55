"""Connections that are kept, lost, shared and cancelled."""

from __future__ import annotations

import asyncio

import pytest

from eloquence_ops.observations import HttpExchange
from eloquence_ops.probes.http import HttpRequest
from tests.probes.http_client import OK, ROOT, client_on, road_to, seen_of, serving
from tests.probes.peers import (
    Handler,
    peer,
    request_head,
)


def test_a_connection_is_used_again() -> None:
    connections: list[list[bytes]] = []

    async def story() -> list[HttpExchange]:
        async with (
            peer(serving([[OK, OK, OK]], connections)) as port,
            client_on(road_to(port)) as client,
        ):
            return [(await client.send(ROOT)).observation for _ in range(3)]

    first, *others = asyncio.run(story())
    assert [len(requests) for requests in connections] == [3]
    assert first.timings.connect is not None
    assert all(entry.timings.connect is None and entry.status == 200 for entry in others)


@pytest.mark.parametrize("wait_s", [0.0, 0.2])
def test_a_kept_connection_that_was_closed_meanwhile_is_replaced(wait_s: float) -> None:
    connections: list[list[bytes]] = []

    async def story() -> list[HttpExchange]:
        async with (
            peer(serving([[OK], [OK]], connections)) as port,
            client_on(road_to(port)) as client,
        ):
            first = await client.send(ROOT)
            await asyncio.sleep(wait_s)
            return [first.observation, (await client.send(ROOT)).observation]

    assert [entry.status for entry in asyncio.run(story())] == [200, 200]
    assert len(connections) == 2


def closing_on_the_second(seen: list[bytes]) -> Handler:
    """Takes the second request of a connection and closes without an answer: a lost race."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await request_head(reader))
        writer.write(OK)
        await writer.drain()
        seen.append(await request_head(reader))
        writer.close()
        await writer.wait_closed()

    return handler


@pytest.mark.parametrize(("method", "outcome"), [("GET", "answered"), ("POST", "closed")])
def test_only_a_get_is_sent_again(method: str, outcome: str) -> None:
    seen: list[bytes] = []

    async def story() -> str:
        async with (
            peer(closing_on_the_second(seen)) as port,
            client_on(road_to(port)) as client,
        ):
            await client.send(ROOT)
            return (await client.send(HttpRequest("again", method, "/"))).observation.outcome

    assert asyncio.run(story()) == outcome
    assert len([head for head in seen if head.startswith(b"POST")]) == (method == "POST")


def test_a_new_connection_that_closes_is_not_tried_again() -> None:
    calls: list[int] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls.append(1)
        await request_head(reader)

    assert seen_of(handler).outcome == "closed"
    assert calls == [1]


def test_bytes_left_over_are_not_the_answer_to_the_next_request() -> None:
    forged = b"HTTP/1.1 200 OK\r\nX-Forged: 1\r\nContent-Length: 0\r\n\r\n"
    connections: list[list[bytes]] = []

    async def story(method: str) -> HttpExchange:
        async with (
            peer(serving([[OK + forged, OK], [OK]], connections)) as port,
            client_on(road_to(port)) as client,
        ):
            await client.send(ROOT)
            return (await client.send(HttpRequest("next", method, "/"))).observation

    for method in ("GET", "POST"):
        connections.clear()
        seen = asyncio.run(story(method))
        assert seen.header("x-forged") is None
        assert seen.outcome == ("answered" if method == "GET" else "not-http")


def test_requests_of_one_client_may_run_at_the_same_time() -> None:
    async def story() -> list[str]:
        async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await request_head(reader)
            await asyncio.sleep(0.2)
            name = head.split()[1]
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(name), name))
            await writer.drain()

        async with peer(slow) as port, client_on(road_to(port)) as client:
            requests = (HttpRequest("p", "GET", f"/{number}") for number in range(5))
            answers = await asyncio.gather(*map(client.send, requests))
            return [answer.observation.body for answer in answers]

    assert asyncio.run(story()) == ["/0", "/1", "/2", "/3", "/4"]


def test_cancelling_passes_and_leaves_no_connection() -> None:
    async def story() -> None:
        gone = asyncio.Event()

        async def watch(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
            await request_head(reader)
            assert await reader.read() == b""
            gone.set()

        async with peer(watch) as port, client_on(road_to(port), timeout_s=60) as client:
            task = asyncio.create_task(client.send(ROOT))
            await asyncio.sleep(0.2)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            async with asyncio.timeout(5):
                await gone.wait()

    asyncio.run(story())
