"""One request and its answer: what is sent, and how it is told."""

from __future__ import annotations

import asyncio

import pytest

from eloquence_ops import __version__
from eloquence_ops.findings import Family
from eloquence_ops.observations import HttpExchange
from eloquence_ops.probes.http import HttpRequest
from eloquence_ops.secrets import Secret
from tests.probes.http_client import KEY, OK, ROOT, answer_of, client_on, road_to, seen_of
from tests.probes.peers import (
    free_port,
    peer,
    request_head,
    says,
)


def test_an_answer_is_told_as_it_came() -> None:
    head = b"HTTP/1.1 404 Nope\r\nServer: one\r\nX-Two: a\r\nX-Two: b\r\n"
    answer = answer_of(says(head + b"Content-Length: 5\r\n\r\nhello"))
    seen = answer.observation
    assert (seen.outcome, seen.status, seen.http_version) == ("answered", 404, "HTTP/1.1")
    assert (seen.body, seen.body_bytes, seen.body_state) == ("hello", 5, "whole")
    assert seen.header("server") == "one"
    assert [value for name, value in seen.headers if name == "x-two"] == ["a", "b"]
    assert (seen.purpose, seen.method, seen.path) == ("root", "GET", "/")
    assert (seen.endpoint, seen.address) == ("http://api.test:8083", "127.0.0.1")
    assert answer.body == b"hello"
    assert seen.timings.connect is not None
    assert seen.timings.tls is None
    assert seen.timings.first_byte is not None
    assert HttpExchange.model_validate_json(seen.model_dump_json()) == seen


def test_the_request_names_the_endpoint_and_not_the_address() -> None:
    heads: list[bytes] = []

    async def keep(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await request_head(reader) + await reader.readexactly(4))
        writer.write(OK)
        await writer.drain()

    async def story() -> None:
        request = HttpRequest("p", "POST", "/x y?é=1", (("X-API-Key", Secret(KEY)),), b"body")
        async with peer(keep) as port, client_on(road_to(port, path="/base")) as client:
            assert (await client.send(request)).observation.path == "/base/x y?é=1"

    asyncio.run(story())
    lines = heads[0].decode().split("\r\n")
    assert lines[0] == "POST /base/x%20y?%C3%A9=1 HTTP/1.1"
    assert "Host: api.test:8083" in lines
    assert "Accept-Encoding: identity" in lines
    assert f"User-Agent: eloquence/{__version__}" in lines
    assert f"X-API-Key: {KEY}" in lines
    assert "Content-Length: 4" in lines
    assert lines[-1] == "body"


def test_a_header_of_the_request_replaces_our_own() -> None:
    heads: list[bytes] = []

    async def keep(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await request_head(reader))
        writer.write(OK)

    seen_of(keep, HttpRequest("p", "GET", "/", (("host", "other.test"),)))
    assert heads[0].lower().count(b"host:") == 1
    assert b"other.test" in heads[0]


def test_proxy_variables_have_no_say(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    assert seen_of(says(OK)).outcome == "answered"


def test_a_redirect_is_not_followed() -> None:
    calls: list[int] = []

    async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls.append(1)
        await request_head(reader)
        writer.write(b"HTTP/1.1 307 X\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    seen = seen_of(redirect)
    assert (seen.status, seen.header("location"), calls) == (307, "/elsewhere", [1])


def test_cookies_do_not_travel_from_one_request_to_the_next() -> None:
    heads: list[bytes] = []

    async def bake(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            heads.append(await request_head(reader))
            writer.write(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()

    async def story() -> None:
        async with peer(bake) as port, client_on(road_to(port)) as client:
            await client.send(ROOT)
            await client.send(ROOT)

    asyncio.run(story())
    assert len(heads) == 2
    assert b"cookie" not in heads[1].lower()


def test_an_upgrade_is_reported_and_not_followed() -> None:
    raw = (
        b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\x81\x05hello"
    )
    upgrade = (("Upgrade", "websocket"), ("Connection", "Upgrade"))
    seen = seen_of(says(raw, then_wait=True), HttpRequest("up", "GET", "/", upgrade))
    assert (seen.outcome, seen.status, seen.body) == ("answered", 101, "")


def test_what_follows_an_upgrade_is_not_read_and_its_connection_ends() -> None:
    ended = asyncio.Event()

    async def pouring(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_head(reader)
        writer.write(b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        try:
            while True:
                writer.write(b"\x82\x7e\xff\xff" + b"x" * 65535)
                await writer.drain()
        except OSError:
            ended.set()

    async def story() -> None:
        upgrade = (("Upgrade", "websocket"), ("Connection", "Upgrade"))
        async with peer(pouring) as port, client_on(road_to(port)) as client:
            seen = (await client.send(HttpRequest("up", "GET", "/", upgrade))).observation
            assert (seen.outcome, seen.status, seen.body_bytes) == ("answered", 101, 0)
            async with asyncio.timeout(5):
                await ended.wait()

    asyncio.run(story())


def test_ipv6() -> None:
    async def story() -> HttpExchange:
        async with (
            peer(says(OK), host="::1") as port,
            client_on(road_to(port, ip="::1", host="::1")) as client,
        ):
            return (await client.send(ROOT)).observation

    seen = asyncio.run(story())
    assert (seen.outcome, seen.family, seen.endpoint) == (
        "answered",
        Family.IPV6,
        "http://[::1]:8083",
    )


@pytest.mark.parametrize(
    ("host", "header"),
    [("fe80::1%lo", b"host: [fe80::1]:8083"), ("my_host.test", b"host: my_host.test:8083")],
)
def test_hosts_that_url_libraries_refuse(host: str, header: bytes) -> None:
    heads: list[bytes] = []

    async def keep(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append((await request_head(reader)).lower())
        writer.write(OK)
        await writer.drain()

    async def story() -> str:
        async with (
            peer(keep, host="::1") as port,
            client_on(road_to(port, ip="::1", host=host)) as client,
        ):
            return (await client.send(ROOT)).observation.outcome

    assert asyncio.run(story()) == "answered"
    assert header in heads[0]
