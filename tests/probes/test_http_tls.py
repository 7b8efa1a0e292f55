"""HTTP over TLS: which name is verified, and what speaking past each other becomes."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest

from eloquence_ops.observations import HttpExchange
from tests.probes.authority import Authority
from tests.probes.http_client import OK, ROOT, client_on, road_to, serving
from tests.probes.peers import (
    Handler,
    closes_at_once,
    peer,
    says,
    silent,
)


def over_tls(
    server: ssl.SSLContext | None,
    client: ssl.SSLContext,
    host: str,
    *,
    handler: Handler | None = None,
    ip: str = "127.0.0.1",
) -> HttpExchange:
    async def story() -> HttpExchange:
        async with peer(handler or says(OK), tls=server, host=ip) as port:
            road = road_to(port, scheme="https", host=host, ip=ip)
            async with client_on(road, tls=client, timeout_s=2) as https:
                return (await https.send(ROOT)).observation

    return asyncio.run(story())


def test_tls_verifies_the_endpoints_name_and_not_the_address(
    authority: Authority, trusting: ssl.SSLContext, tmp_path: Path
) -> None:
    server = authority.leaf("xn--loquence-90a.test").context(tmp_path)
    names: list[str | None] = []
    server.sni_callback = lambda _socket, name, _context: names.append(name)
    seen = over_tls(server, trusting, "xn--loquence-90a.test")
    assert (seen.outcome, seen.endpoint) == ("answered", "https://éloquence.test:8083")
    assert seen.timings.tls is not None
    assert names == ["xn--loquence-90a.test"]
    wrong = over_tls(server, trusting, "other.test")
    assert wrong.outcome == "tls-failed"
    assert "other.test" in wrong.detail


@pytest.mark.parametrize(
    "case",
    [
        ("127.0.0.1", "127.0.0.1", "127.0.0.1", "answered"),
        ("127.0.0.1", "127.0.0.1", "127.0.0.2", "tls-failed"),
        ("::1", "::1", "::1", "answered"),
        ("::1", "fe80::1%lo", "fe80::1", "answered"),
    ],
)
def test_tls_to_an_address_verifies_the_address(
    case: tuple[str, str, str, str],
    authority: Authority,
    trusting: ssl.SSLContext,
    tmp_path: Path,
) -> None:
    ip, host, covered, outcome = case
    server = authority.leaf(covered).context(tmp_path)
    assert over_tls(server, trusting, host, ip=ip).outcome == outcome


def test_tls_spoken_to_a_plain_port(trusting: ssl.SSLContext) -> None:
    async def answers_anything(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(1)

    assert over_tls(None, trusting, "a.test", handler=answers_anything).outcome == "tls-failed"
    assert over_tls(None, trusting, "a.test", handler=closes_at_once).outcome == "tls-failed"
    quiet = over_tls(None, trusting, "a.test", handler=silent)
    assert (quiet.outcome, "silent" in quiet.detail) == ("tls-failed", True)


def test_plain_http_spoken_to_a_tls_port(authority: Authority, tmp_path: Path) -> None:
    async def story() -> str:
        server = authority.leaf("a.test").context(tmp_path)
        async with peer(says(OK), tls=server) as port, client_on(road_to(port)) as client:
            return (await client.send(ROOT)).observation.outcome

    assert asyncio.run(story()) in ("closed", "not-http")


def test_a_kept_connection_over_tls(
    authority: Authority, trusting: ssl.SSLContext, tmp_path: Path
) -> None:
    connections: list[list[bytes]] = []

    async def story() -> list[HttpExchange]:
        server = authority.leaf("a.test").context(tmp_path)
        async with peer(serving([[OK, OK, OK]], connections), tls=server) as port:
            road = road_to(port, scheme="https", host="a.test")
            async with client_on(road, tls=trusting) as client:
                return [(await client.send(ROOT)).observation for _ in range(3)]

    assert [entry.status for entry in asyncio.run(story())] == [200, 200, 200]
    assert len(connections) == 1


def test_a_secure_endpoint_is_never_reached_without_tls() -> None:
    with pytest.raises(ValueError, match="TLS context"):
        client_on(road_to(1, scheme="https"))
