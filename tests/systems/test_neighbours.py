"""An API that is not met at its address is looked for beside it: without a key, without a POST."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from eloquence_ops.findings import Family
from eloquence_ops.lab.services.dns import DnsServer
from eloquence_ops.lab.services.listening import refusing_socket
from eloquence_ops.observations import HttpExchange
from eloquence_ops.run.examine import Result
from tests.systems.examined import examined

API, LIVEKIT = "api.test", "livekit.test"
_Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def _answer(status: str, headers: str = "", body: str = "") -> str:
    return (
        f"HTTP/1.1 {status}\r\n{headers}content-length: {len(body)}\r\n"
        f"connection: close\r\n\r\n{body}"
    )


_ROUTE = _answer("405 X", "allow: POST\r\ncontent-type: application/json\r\n", "{}")
_PAGE = _answer("200 OK", "content-type: text/html\r\n", "<h1>")
_PROXY = _answer("502 Bad Gateway", "server: nginx\r\n")


@dataclass
class Eloquence:
    """Shows the session route to a GET, and remembers all that was ever asked."""

    asked: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            self.asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
            writer.write(_ROUTE.encode())
        writer.close()


def says(answer: str) -> _Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer.encode())
        writer.close()

    return serve


async def hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


async def closes(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


@contextlib.asynccontextmanager
async def listening(serve: _Serve | None, host: str = "127.0.0.1") -> AsyncIterator[int]:
    """Its port; without anybody to serve, one that refuses."""
    if serve is None:
        with refusing_socket() as nobody:
            yield nobody.getsockname()[1]
        return
    server = await asyncio.start_server(serve, host, 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def beside(
    serve: _Serve | None,
    neighbour: _Serve,
    *,
    url: str = f"http://{API}:8083",
    place: tuple[str, int] = (API, 80),
    addresses: list[str] | None = None,
) -> Result:
    """The API's address is served by the first, `place` by the other; every other usual port
    refuses, so that nothing of this machine is met."""
    secure = url.startswith("https:")
    own = (API, 443 if secure else 8083)
    records = {LIVEKIT: ["127.0.0.1"]}
    if addresses is None or addresses:
        records[API] = addresses or ["127.0.0.1"]
    async with (
        listening(serve) as at_address,
        listening(neighbour) as at_neighbour,
        listening(None) as nowhere,
        DnsServer(records, zones=["test"]) as dns,
    ):
        ports = {(host, port): nowhere for host in (API, LIVEKIT) for port in (80, 443, 8083, 8443)}
        ports |= {own: at_address, place: at_neighbour}
        return await examined(
            {
                "api": url,
                "livekit": f"wss://{LIVEKIT}",
                "resolver": f"127.0.0.1:{dns.port}",
                "connect_to": tuple(
                    f"{host}:{port}=127.0.0.1:{to}" for (host, port), to in ports.items()
                ),
            },
            timeout_s=1.0,
        )


def told(result: Result) -> str | None:
    """Where the neighbour was found."""
    found = {entry.id: entry for entry in result.findings}
    finding = found.get("api.neighbours.found")
    return str(finding.evidence["address"]) if finding else None


NOT_MET = {
    "nobody listens": None,
    "it hangs": hangs,
    "it closes": closes,
    "it is no HTTP": says("220 mail ready\r\n"),
    "another service answers": says(_PAGE),
    "a proxy finds nobody": says(_PROXY),
}


@pytest.mark.parametrize("serve", NOT_MET.values(), ids=NOT_MET)
def test_an_api_that_is_not_met_is_found_beside_it(serve: _Serve | None) -> None:
    eloquence = Eloquence()
    result = asyncio.run(beside(serve, eloquence.serve))
    assert told(result) == f"http://{API}"
    assert "api-wrong-base-url" in {entry.cause.id for entry in result.diagnosis.causes}
    unexplained = {finding.subject.name for finding in result.diagnosis.unexplained}
    assert f"http://{API}:8083" not in unexplained


def test_a_tls_end_that_fails_is_no_obstacle_to_its_neighbours() -> None:
    eloquence = Eloquence()
    result = asyncio.run(beside(closes, eloquence.serve, url=f"https://{API}", place=(API, 8083)))
    # The API itself, past a proxy that fails: no address for the app.
    assert "api.neighbours.direct" in {entry.id for entry in result.findings}


def test_a_name_that_does_not_exist_leaves_the_other_name_to_try() -> None:
    eloquence = Eloquence()
    result = asyncio.run(beside(None, eloquence.serve, place=(LIVEKIT, 8083), addresses=[]))
    assert told(result) == f"http://{LIVEKIT}:8083"
    assert "api-wrong-base-url" in {entry.cause.id for entry in result.diagnosis.causes}


@pytest.mark.parametrize("serve", NOT_MET.values(), ids=NOT_MET)
def test_no_neighbour_is_given_a_key_or_a_post(serve: _Serve | None) -> None:
    eloquence = Eloquence()
    asyncio.run(beside(serve, eloquence.serve))
    assert eloquence.asked
    for head in eloquence.asked:
        assert head.startswith("GET ")
        assert "x-api-key" not in head.lower()
        assert "lab-api-key" not in head


def test_a_neighbour_is_tried_over_each_family() -> None:
    """Without a redirection, which would take both to one place: the ports are this machine's."""

    async def main() -> Result:
        async with listening(None) as nowhere:
            records = {API: ["127.0.0.1", "::1"]}
            async with DnsServer(records, zones=["test"]) as dns:
                return await examined(
                    {
                        "api": f"http://{API}:{nowhere}",
                        "resolver": f"127.0.0.1:{dns.port}",
                    },
                    timeout_s=1.0,
                )

    tried = [
        (entry.endpoint, entry.family)
        for entry in asyncio.run(main()).seen.every(HttpExchange)
        if entry.purpose == "neighbour-get"
    ]
    assert len(tried) == len(set(tried)) == 8
    assert {family for _, family in tried} == {Family.IPV4, Family.IPV6}


@pytest.mark.parametrize(
    "answer",
    [
        _ROUTE,
        _answer("301 X", "location: https://other.test/\r\n"),
        _answer("403 X", "server: nginx\r\n"),
    ],
    ids=["the API", "a redirect", "a refusal"],
)
def test_what_shows_where_the_api_is_has_no_neighbours_asked(answer: str) -> None:
    eloquence = Eloquence()
    asyncio.run(beside(says(answer), eloquence.serve))
    assert eloquence.asked == []
