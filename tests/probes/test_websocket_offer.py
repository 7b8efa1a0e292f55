"""A websocket asked for after an offer, from servers that choose, announce and refuse."""

from __future__ import annotations

import asyncio
import ssl
import time
from pathlib import Path

import pytest

from eloquence_ops import __version__
from eloquence_ops.endpoints import Endpoint
from eloquence_ops.findings import Family
from eloquence_ops.lab.services.proxy import Proxy, ProxyBehaviour
from eloquence_ops.observations import WebsocketOffer
from eloquence_ops.probes import http2
from eloquence_ops.probes.http import HttpClient, HttpRequest
from eloquence_ops.probes.http2 import Frame
from eloquence_ops.probes.road import Road
from eloquence_ops.probes.tls import client_context
from eloquence_ops.probes.websocket_offer import OFFERS, ask
from eloquence_ops.secrets import Redactor
from tests.probes.authority import Authority
from tests.probes.peers import Handler, closes_at_once, peer, resets, says, silent

NAME = "livekit.xn--loquence-90a.test"
BOTH = ("h2", "http/1.1")


@pytest.fixture
def root(authority: Authority, tmp_path: Path) -> str:
    file = tmp_path / "root.pem"
    file.write_bytes(authority.root.pem)
    return str(file)


def asked(
    handler: Handler,
    authority: Authority,
    root: str,
    folder: Path,
    *,
    offered: tuple[str, ...] = BOTH,
    speaks: tuple[str, ...] = ("h2", "http/1.1"),
) -> WebsocketOffer:
    server = authority.leaf(NAME).context(folder)
    server.set_alpn_protocols(list(speaks))

    async def story() -> WebsocketOffer:
        async with peer(handler, tls=server) as port:
            return await asked_at(port, offered, root)

    return asyncio.run(story())


def road_to(port: int) -> Road:
    return Road(Endpoint("wss", NAME, 443, "/sub"), Family.IPV4, "127.0.0.1", port)


async def asked_at(
    port: int, offered: tuple[str, ...], root: str, context: ssl.SSLContext | None = None
) -> WebsocketOffer:
    return await ask(
        road_to(port),
        offered,
        context=context or client_context(root),
        redactor=Redactor(),
        timeout_s=1.0,
        started=time.monotonic(),
    )


def announcing(*frames: Frame) -> Handler:
    """Sends these frames, reads what comes, and keeps the connection."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"".join(frame.wire() for frame in frames))
        await writer.drain()
        await reader.read()

    return handler


def settings(*pairs: tuple[int, int]) -> Frame:
    raw = b"".join(key.to_bytes(2, "big") + value.to_bytes(4, "big") for key, value in pairs)
    return Frame(http2.SETTINGS, 0, 0, raw)


def answer(block: bytes, flags: int = http2.END_HEADERS) -> Frame:
    return Frame(http2.HEADERS, flags, 1, block)


CAN = settings((3, 100), (http2.ENABLE_CONNECT, 1))

HTTP2: dict[str, tuple[Handler, str, int | None]] = {
    "announces none": (announcing(settings((3, 100))), "no-http2-websocket", None),
    "announces that it cannot": (
        announcing(settings((http2.ENABLE_CONNECT, 0))),
        "no-http2-websocket",
        None,
    ),
    "takes it": (announcing(CAN, answer(b"\x88")), "answered", 200),
    "wants a token": (announcing(CAN, answer(b"\x48\x03401")), "answered", 401),
    "refuses": (announcing(CAN, answer(b"\x08\x03405")), "answered", 405),
    "refuses in Huffman's code": (
        announcing(CAN, answer(b"\x48\x82\x68\x01")),
        "answered",
        401,
    ),
    "breaks the stream off": (
        announcing(CAN, Frame(http2.RST_STREAM, 0, 1, b"\x00\x00\x00\x01")),
        "closed",
        None,
    ),
    "goes away": (announcing(CAN, Frame(http2.GOAWAY, 0, 0, bytes(8))), "closed", None),
    "says nothing": (silent, "silent", None),
    "hangs up": (closes_at_once, "closed", None),
    "speaks HTTP/1.1 all the same": (says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "closed", None),
    "sends a huge frame": (announcing(Frame(0, 0, 0, bytes(70_000))), "closed", None),
    "sends small frames for ever": (announcing(*[Frame(9, 0, 3, b"x")] * 200), "closed", None),
    "answers with garbage": (announcing(CAN, answer(b"\xff\xff\xff")), "answered", None),
    "answers with nothing": (announcing(CAN, answer(b"")), "answered", None),
}


@pytest.mark.parametrize("name", HTTP2)
def test_over_http2(name: str, authority: Authority, root: str, tmp_path: Path) -> None:
    handler, outcome, status = HTTP2[name]
    seen = asked(handler, authority, root, tmp_path)
    assert (seen.outcome, seen.status, seen.chosen) == (outcome, status, "h2")
    assert WebsocketOffer.model_validate_json(seen.model_dump_json()) == seen


@pytest.mark.parametrize(
    ("handler", "outcome", "status"),
    [
        (says(b"HTTP/1.1 401 Unauthorized\r\n\r\n"), "answered", 401),
        (says(b"HTTP/1.1 101 Switching Protocols\r\n\r\n"), "answered", 101),
        (says(b"SSH-2.0-OpenSSH_9.2\r\n"), "failed", None),
        (says(b""), "closed", None),
        (says(b"HTTP/1.1 40"), "closed", None),
        (resets, "closed", None),
        (silent, "silent", None),
    ],
)
def test_over_http1(
    handler: Handler,
    outcome: str,
    status: int | None,
    authority: Authority,
    root: str,
    tmp_path: Path,
) -> None:
    for offered, chosen in (((), ""), (("http/1.1",), "http/1.1")):
        seen = asked(handler, authority, root, tmp_path, offered=offered)
        assert (seen.status, seen.chosen) == (status, chosen)
        assert seen.outcome in (outcome, "failed")


def test_what_is_asked_for_is_a_websocket_of_that_name(
    authority: Authority, root: str, tmp_path: Path
) -> None:
    heads: list[bytes] = []

    async def listens(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 401 Unauthorized\r\n\r\n")
        await writer.drain()

    asked(listens, authority, root, tmp_path, offered=("http/1.1",))
    assert heads[0].startswith(b"GET /sub/rtc HTTP/1.1\r\nHost: " + NAME.encode())
    assert b"Upgrade: websocket\r\n" in heads[0]


def test_a_certificate_that_is_not_trusted_is_told_as_refused(root: str, tmp_path: Path) -> None:
    other = Authority("Nobody")
    seen = asked(silent, other, root, tmp_path)
    assert (seen.outcome, seen.status) == ("refused", None)


def test_the_labs_proxy_breaks_what_it_announces(
    authority: Authority, root: str, tmp_path: Path
) -> None:
    leaf = authority.leaf(NAME)
    leaf.context(tmp_path)
    pem = next(tmp_path.glob(f"{leaf.certificate.serial_number}.pem"))

    async def story() -> list[tuple[str, int | None]]:
        async with Proxy(ProxyBehaviour(http2=True), certificate=pem, key=pem) as proxy:
            seen = [await asked_at(proxy.port, offered, root) for offered in OFFERS]
            return [(one.chosen, one.status) for one in seen]

    assert asyncio.run(story()) == [("", 404), ("http/1.1", 404), ("h2", 405)]


def test_what_one_connection_offers_no_other_does(
    authority: Authority, root: str, tmp_path: Path
) -> None:
    """All of a run's share one context, and httpcore sets an offer of its own on it."""
    certificate = authority.leaf(NAME).context(tmp_path)
    certificate.set_alpn_protocols(list(BOTH))

    async def story() -> list[str]:
        context = client_context(root)
        async with peer(closes_at_once, tls=certificate) as port:
            client = HttpClient(
                road_to(port), tls=context, redactor=Redactor(), timeout_s=2.0, started=0.0
            )
            async with client:
                await client.send(HttpRequest("root", "GET", "/"))
            offers = (asked_at(port, offered, root, context) for offered in OFFERS)
            return [seen.chosen for seen in await asyncio.gather(*offers)]

    assert asyncio.run(story()) == ["", "http/1.1", "h2"]


@pytest.mark.parametrize(
    ("block", "flags", "status"),
    [
        (b"\x88", 0, 200),
        (b"\x8d", 0, 404),
        (b"\x82", 0, None),  # :method, which no answer has
        (b"\x3f\xe1\x1f\x88", 0, None),
        (b"\x20\x88", 0, 200),
        (b"\x02\x88\x00\x00", http2.PADDED, 200),
        (b"\x00\x00\x00\x00\x10\x88", http2.PRIORITY, 200),
        (b"\x08\x03abc", 0, None),
        (b"\x08\x7f401", 0, 401),
        (b"\x08", 0, None),
        (b"\xff", http2.PADDED, None),
    ],
)
def test_the_status_of_a_header_block(block: bytes, flags: int, status: int | None) -> None:
    assert http2.status_of(answer(block, flags)) == status


def test_any_header_block_at_all_is_read_without_an_accident() -> None:
    for first in range(256):
        for rest in (b"", b"\x00", b"\x83", b"\x03\xff\xfe\xfd", bytes(range(250))):
            for flags in (0, http2.PADDED, http2.PRIORITY, http2.PADDED | http2.PRIORITY):
                found = http2.status_of(answer(bytes([first]) + rest, flags))
                assert found is None or 0 <= found <= 999


# Who asks


@pytest.mark.parametrize(("speaks", "first"), [("http/1.1", b""), ("h2", CAN.wire())])
def test_our_requests_are_known_in_the_servers_log(
    speaks: str, first: bytes, authority: Authority, root: str, tmp_path: Path
) -> None:
    """Otherwise they would be taken for a user's, and their failures counted."""
    heard = bytearray()

    async def listening(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        while data := await reader.read(4096):
            heard.extend(data)
        writer.close()

    asked(listening, authority, root, tmp_path, speaks=(speaks,))
    assert f"eloquence/{__version__}".encode() in heard
