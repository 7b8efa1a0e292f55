"""Servers that are no TURN servers, or bad ones: each is told, none holds us, none is believed."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import cast

import pytest
from aioice import stun
from aioice.turn import make_integrity_key
from hypothesis import given, settings
from hypothesis import strategies as st

from eloquence_ops.findings import Family
from eloquence_ops.ice_urls import Login, parse
from eloquence_ops.observations import IceTrial
from eloquence_ops.probes import turn
from eloquence_ops.secrets import Redactor, Secret
from tests.probes.authority import Authority
from tests.probes.peers import Handler, peer

LOGIN = Login("somebody", Secret("a-password"))
Answer = Callable[[stun.Message], bytes | None]


class Server(asyncio.DatagramProtocol):
    """Answers each request with what it is told to."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.asked: list[stun.Message] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        request = stun.parse_message(data)
        self.asked.append(request)
        said = self._answer(request)
        if said is not None:
            self._transport.sendto(said, addr)


@contextlib.asynccontextmanager
async def server(answer: Answer) -> AsyncIterator[tuple[int, Server]]:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(
        lambda: Server(answer), local_addr=("127.0.0.1", 0)
    )
    try:
        yield transport.get_extra_info("sockname")[1], protocol
    finally:
        transport.close()


async def asked(
    url: str, port: int, *, context: ssl.SSLContext | None = None, timeout_s: float = 2.0
) -> IceTrial:
    return await turn.trial(
        parse(url),
        Family.IPV4,
        "127.0.0.1",
        LOGIN,
        port=port,
        context=context or ssl.create_default_context(),
        redactor=Redactor(LOGIN.password),
        timeout_s=timeout_s,
        started=time.monotonic(),
    )


def over_udp(answer: Answer, *, timeout_s: float = 2.0, url: str = "turn:t.test") -> IceTrial:
    async def story() -> IceTrial:
        async with server(answer) as (port, _):
            return await asked(url, port, timeout_s=timeout_s)

    return asyncio.run(story())


def over_tcp(handler: Handler, *, timeout_s: float = 2.0) -> IceTrial:
    async def story() -> IceTrial:
        async with peer(handler) as port:
            return await asked("turn:t.test?transport=tcp", port, timeout_s=timeout_s)

    return asyncio.run(story())


def answer(request: stun.Message, kind: stun.Class, **attributes: object) -> stun.Message:
    named = {name.replace("_", "-"): value for name, value in attributes.items()}
    return stun.Message(request.message_method, kind, request.transaction_id, named)


def challenge(request: stun.Message) -> stun.Message:
    return answer(
        request, stun.Class.ERROR, ERROR_CODE=(401, "Unauthorized"), REALM="r", NONCE=b"n"
    )


def relayed(request: stun.Message, key: bytes | None) -> bytes:
    made = answer(
        request,
        stun.Class.RESPONSE,
        XOR_RELAYED_ADDRESS=("192.0.2.9", 40000),
        XOR_MAPPED_ADDRESS=("192.0.2.1", 1234),
        LIFETIME=60,
    )
    if key is not None:
        made.add_message_integrity(key)
    return bytes(made)


def with_password(password: str) -> Answer:
    key = make_integrity_key("somebody", "r", password)

    def respond(request: stun.Message) -> bytes:
        if "USERNAME" not in request.attributes:
            return bytes(challenge(request))
        if not request.check_message_integrity(key):
            return bytes(challenge(request))
        return relayed(request, key)

    return respond


def test_a_relay_is_allocated_with_its_password_and_given_back() -> None:
    async def story() -> tuple[IceTrial, list[stun.Message]]:
        async with server(with_password("a-password")) as (port, protocol):
            return await asked("turn:t.test", port), protocol.asked

    trial, requests = asyncio.run(story())
    assert (trial.outcome, trial.relay, trial.mapped) == (
        "relayed",
        "192.0.2.9:40000",
        "192.0.2.1:1234",
    )
    assert [request.message_method for request in requests] == [
        stun.Method.ALLOCATE,
        stun.Method.ALLOCATE,
        stun.Method.REFRESH,
    ]
    assert requests[-1].attributes["LIFETIME"] == 0
    assert all(b"a-password" not in bytes(request) for request in requests)


def test_another_password_is_refused() -> None:
    assert over_udp(with_password("another")).outcome == "wrong-credentials"


def test_a_success_that_nobody_signed_is_not_believed() -> None:
    def liar(request: stun.Message) -> bytes:
        signed = "USERNAME" in request.attributes
        return relayed(request, None) if signed else bytes(challenge(request))

    trial = over_udp(liar, timeout_s=0.6)
    assert trial.outcome == "silent"
    assert trial.relay == ""


def test_a_server_that_wants_no_password_relays_for_anybody() -> None:
    assert over_udp(lambda request: relayed(request, None)).outcome == "open"


def test_silence_is_asked_again_and_bounded() -> None:
    async def story() -> tuple[IceTrial, int]:
        async with server(lambda _request: None) as (port, protocol):
            return await asked("turn:t.test", port, timeout_s=30), len(protocol.asked)

    trial, packets = asyncio.run(story())
    assert trial.outcome == "silent"
    assert packets == 4
    assert trial.duration_s < turn.SILENT_UDP_S + 1


def test_what_was_lost_once_is_no_silence() -> None:
    lost = iter([None])

    def respond(request: stun.Message) -> bytes | None:
        try:
            return next(lost)
        except StopIteration:
            return with_password("a-password")(request)

    assert over_udp(respond).outcome == "relayed"


def test_a_closed_port_is_told_at_once() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    for url in ("turn:t.test", "turn:t.test?transport=tcp"):
        trial = asyncio.run(asked(url, port))
        assert (trial.outcome, trial.duration_s < 1) == ("closed", True)


@settings(max_examples=30, deadline=None)
@given(st.binary(max_size=300))
def test_whatever_comes_over_udp_is_no_defect(rubbish: bytes) -> None:
    assert over_udp(lambda _request: rubbish, timeout_s=0.02).outcome == "silent"


@pytest.mark.parametrize("attribute", [0x0009, 0x000D, 0x0014, 0x0016, 0x0020, 0x8028])
def test_attributes_that_are_cut_or_wrong_are_no_defect(attribute: int) -> None:
    def respond(request: stun.Message) -> bytes:
        body = attribute.to_bytes(2, "big") + b"\x00\x02\xff\xff\x00\x00"
        head = b"\x01\x13" + len(body).to_bytes(2, "big") + stun.COOKIE.to_bytes(4, "big")
        return head + request.transaction_id + body

    assert over_udp(respond, timeout_s=0.1).outcome in ("silent", "not-turn")


@pytest.mark.parametrize(
    ("said", "detail"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "speaks another protocol"),
        (b"", "closed without an answer"),
        (b"\x00\x03\xff\xff" + stun.COOKIE.to_bytes(4, "big") + b"x" * 12, "larger than any"),
        (b"\x00" * 20, "speaks another protocol"),
    ],
)
def test_what_is_no_turn_over_tcp_is_told(said: bytes, detail: str) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(20)
        writer.write(said)
        await writer.drain()
        writer.close()

    trial = over_tcp(handler)
    assert trial.outcome == "not-turn"
    assert detail in trial.detail


def test_a_connection_that_stays_silent_is_no_turn() -> None:
    async def handler(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    trial = over_tcp(handler, timeout_s=0.3)
    assert (trial.outcome, trial.duration_s < 2) == ("not-turn", True)


def test_a_flood_is_bounded_in_time() -> None:
    async def handler(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        indication = bytes(stun.Message(stun.Method.DATA, stun.Class.INDICATION))
        while True:
            writer.write(indication * 100)
            await writer.drain()

    assert over_tcp(handler, timeout_s=0.3).duration_s < 2


@pytest.mark.parametrize("trusted", [True, False])
def test_tls_is_verified_by_the_servers_name(trusted: bool, tmp_path: Path) -> None:
    authority, context = Authority(), ssl.create_default_context()
    if trusted:
        context.load_verify_locations(cadata=authority.root.pem.decode())

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        respond = with_password("a-password")
        while True:
            head = await reader.readexactly(20)
            rest = await reader.readexactly(int.from_bytes(head[2:4], "big"))
            writer.write(respond(stun.parse_message(head + rest)) or b"")

    async def story(name: str) -> str:
        async with peer(handler, tls=authority.leaf("t.test").context(tmp_path)) as port:
            return (await asked(f"turns:{name}", port, context=context)).outcome

    assert asyncio.run(story("t.test")) == ("relayed" if trusted else "untrusted")
    assert asyncio.run(story("other.test")) == "untrusted"


def test_a_plain_port_is_no_tls() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    async def story() -> IceTrial:
        async with peer(handler) as port:
            return await asked("turns:t.test", port)

    assert asyncio.run(story()).outcome == "no-tls"
