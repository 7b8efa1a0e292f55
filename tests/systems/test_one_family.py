"""An API that answers over one family, and over the other takes the connection and no more."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import pytest

from eloquence_ops.findings import Family
from eloquence_ops.lab.services.dns import DnsServer
from eloquence_ops.observations import HttpExchange
from eloquence_ops.run.examine import Result
from tests.systems.examined import examined
from tests.systems.test_healthy import services

_NAME = "api.test"
_LOOPBACK = {Family.IPV4: "127.0.0.1", Family.IPV6: "::1"}
_OTHER = {Family.IPV4: Family.IPV6, Family.IPV6: Family.IPV4}
_Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def closes(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def closes_after_the_request(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.close()


async def never_answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


async def speaks_for_another(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 504 Gateway Timeout\r\ncontent-length: 15\r\n\r\nGateway Timeout")
    writer.close()


async def is_another_service(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 4\r\n\r\ngone")
    writer.close()


async def finds_nobody(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 11\r\n\r\nBad Gateway")
    writer.close()


async def over_both(serve: _Serve, broken: Family) -> Result:
    """The API over one family, and this over the other, at the same port."""
    address, other = _LOOPBACK[broken], _LOOPBACK[_OTHER[broken]]
    async with services(host=other) as found:
        server = await asyncio.start_server(serve, address, found.api)
        async with server, DnsServer({_NAME: [*_LOOPBACK.values()]}, zones=["test"]) as dns:
            return await examined(
                {"api": f"http://{_NAME}:{found.api}", "resolver": f"127.0.0.1:{dns.port}"},
                timeout_s=1.0,
            )


@pytest.mark.parametrize("broken", _LOOPBACK, ids=lambda family: family.value)
@pytest.mark.parametrize(
    ("serve", "came"),
    [
        (closes, "closed"),
        (closes_after_the_request, "closed"),
        (never_answers, "silent"),
        (speaks_for_another, "gateway-timeout"),
        (is_another_service, 404),
        (finds_nobody, 502),
    ],
)
def test_what_is_wrong_over_one_family_is_told_of_that_family(
    serve: _Serve, came: str | int, broken: Family
) -> None:
    result = asyncio.run(over_both(serve, broken))
    found = {f.subject.family: f for f in result.findings if f.check == "api.answers"}
    assert {family: entry.outcome for family, entry in found.items()} == {
        _OTHER[broken]: "ok",
        broken: "one-family",
    }
    assert found[broken].evidence["outcome"] == came
    assert [entry.cause.id for entry in result.diagnosis.causes] == ["dns-ipv6-broken"]
    assert result.diagnosis.unexplained == ()
    assert result.verdict == "degraded"
    opened = [f.id for f in result.findings if f.check == "api.session"]
    assert opened == ["api.session.ok"]


def test_each_family_is_asked_for_the_route_once_and_ipv4_comes_first_where_both_work() -> None:
    async def main() -> Result:
        async with services() as found:
            forward = partial(forwarded, port=found.api)
            over_ipv6 = await asyncio.start_server(forward, "::1", found.api)
            async with over_ipv6, DnsServer({_NAME: [*_LOOPBACK.values()]}, zones=["test"]) as dns:
                return await examined(
                    {"api": f"http://{_NAME}:{found.api}", "resolver": f"127.0.0.1:{dns.port}"}
                )

    seen = asyncio.run(main()).seen
    asked = [
        (entry.family, entry.purpose)
        for entry in seen.every(HttpExchange)
        if entry.method == "GET" and entry.path == "/api/sessions"
    ]
    assert sorted(asked) == [(Family.IPV4, "sessions-get"), (Family.IPV6, "family-get")]
    assert {entry.family for entry in seen.every(HttpExchange) if entry.method == "POST"} == {
        Family.IPV4
    }


async def forwarded(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, port: int
) -> None:
    """To the same port over IPv4."""
    there, to = await asyncio.open_connection("127.0.0.1", port)

    async def copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            sink.write(data)
        sink.close()

    await asyncio.gather(copy(reader, to), copy(there, writer))
