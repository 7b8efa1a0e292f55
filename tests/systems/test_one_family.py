"""An API that answers over IPv4, and over IPv6 takes the connection and no more."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from eloquence_ops.findings import Family
from eloquence_ops.lab.services.dns import DnsServer
from eloquence_ops.run.examine import Result
from tests.systems.examined import examined
from tests.systems.test_healthy import services

_NAME = "api.test"
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


async def over_both(serve: _Serve) -> Result:
    async with services() as found:
        broken = await asyncio.start_server(serve, "::1", found.api)
        records = {_NAME: ["127.0.0.1", "::1"]}
        async with broken, DnsServer(records, zones=["test"]) as dns:
            return await examined(
                {"api": f"http://{_NAME}:{found.api}", "resolver": f"127.0.0.1:{dns.port}"},
                timeout_s=1.0,
            )


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
    serve: _Serve, came: str | int
) -> None:
    result = asyncio.run(over_both(serve))
    found = {f.subject.family: f for f in result.findings if f.check == "api.answers"}
    assert {family: entry.outcome for family, entry in found.items()} == {
        Family.IPV4: "ok",
        Family.IPV6: "one-family",
    }
    assert found[Family.IPV6].evidence["outcome"] == came
    assert [entry.cause.id for entry in result.diagnosis.causes] == ["dns-ipv6-broken"]
    assert result.diagnosis.unexplained == ()
    opened = [f.id for f in result.findings if f.check == "api.session"]
    assert opened == ["api.session.ok"]
