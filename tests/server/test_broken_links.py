"""Servers that do not answer, networks that fail on the way, and what is no SSH server at all."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
import time
from collections.abc import Awaitable, Callable

import pytest

from eloquence_ops.server.errors import LinkError, LinkLost
from eloquence_ops.server.ssh import SshLink
from eloquence_ops.server.way import Deadlines
from tests.probes.peers import Handler, closes_at_once, free_port, peer, silent
from tests.sentences import is_safe
from tests.server.client import Client
from tests.server.machines import Machine
from tests.server.relay import relay

QUICK = Deadlines(connect=1.0, handshake=1.0, login=1.0, channel=1.0, silence=1.0, ask_every=0.3)
# All deadlines together, and a busy machine's time.
SOON_S = 20.0


async def attempt(client: Client, port: int, deadlines: Deadlines = QUICK) -> LinkError:
    """How connecting fails; soon, and with nothing left over."""
    before = set(threading.enumerate())
    async with asyncio.timeout(SOON_S):
        with pytest.raises(LinkError) as error:
            async with client.link(port, deadlines=deadlines):
                pass
    await nothing_is_left(before)
    for language in ("en", "fr"):
        sentence = error.value.sentence(language)
        assert "Traceback" not in sentence
        assert "Errno" not in sentence
        assert is_safe(sentence)
    return error.value


async def nothing_is_left(before: set[threading.Thread]) -> None:
    """No thread lives on: one that is no daemon would hold up the end of the process."""
    async with asyncio.timeout(SOON_S):
        while set(threading.enumerate()) - before:  # noqa: ASYNC110  # no event tells
            await asyncio.sleep(0.05)


def failing(client: Client, handler: Handler) -> str:
    async def story() -> str:
        async with peer(handler) as port:
            return (await attempt(client, port)).phrase_id

    return asyncio.run(story())


def sends(start: bytes, forever: bytes = b"", *, then_close: bool = False) -> Handler:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        await writer.drain()
        while forever:
            writer.write(forever)
            await writer.drain()
        if not then_close:
            await asyncio.Event().wait()
        writer.close()
        await writer.wait_closed()

    return handler


def packet(payload: bytes) -> bytes:
    """An SSH packet before the key exchange, RFC 4253, 6."""
    padding = 8 - (len(payload) + 5) % 8 + 8
    return struct.pack(">IB", len(payload) + padding + 1, padding) + payload + bytes(padding)


BANNER = b"SSH-2.0-hostile\r\n"
KEXINIT = b"\x14" + bytes(16)


def names(*lists: str) -> bytes:
    return b"".join(struct.pack(">I", len(one)) + one.encode() for one in lists)


HANDSHAKES: dict[str, tuple[Handler, str]] = {
    "nothing": (silent, "link.mute"),
    "the end": (closes_at_once, "link.hung-up"),
    "half a banner": (sends(b"SSH-2.0-half"), "link.handshake-slow"),
    "a banner": (sends(BANNER), "link.handshake-slow"),
    "a banner and the end": (sends(BANNER, then_close=True), "link.handshake-cut"),
    "HTTP": (sends(b"HTTP/1.1 400 Bad\r\n\r\n", then_close=True), "link.not-ssh"),
    "escape sequences": (sends(b"\x1b[2J\x9b \xe2\x80\xae\r\n", then_close=True), "link.not-ssh"),
    "SSH of 1995": (sends(b"SSH-1.5-ancient\r\n"), "link.incompatible"),
    "a banner that is no text": (sends(b"SSH-\xff\xfe\r\n"), "link.handshake-broken"),
    "lines without end": (sends(b"", b"welcome to this server\r\n"), "link.not-ssh"),
    "a line without end": (sends(b"", b"x" * 65536), "link.not-ssh"),
    "noise": (sends(BANNER, b"\xfa" * 65536), "link.handshake-broken"),
    "a packet of 4 GB": (sends(BANNER + b"\xff\xff\xff\xf4" + bytes(60)), "link.handshake-broken"),
    "a packet of nothing": (sends(BANNER + bytes(64)), "link.handshake-broken"),
    "no algorithms": (sends(BANNER + packet(KEXINIT + names(*[""] * 10) + bytes(5))),
                      "link.incompatible"),
    "lists of 4 GB": (sends(BANNER + packet(KEXINIT + b"\xff" * 40)), "link.handshake-garbled"),
    "ignored packets without end": (sends(BANNER, packet(b"\x02" + bytes(1000))), "link.flood"),
    "a disconnect": (sends(BANNER + packet(b"\x01" + struct.pack(">II", 2, 3) + b"bye" + bytes(4))),
                     "link.handshake-broken"),
}  # fmt: skip


@pytest.mark.parametrize("sent", HANDSHAKES)
def test_what_is_no_healthy_ssh_server(newcomer: Client, sent: str) -> None:
    handler, phrase_id = HANDSHAKES[sent]
    assert failing(newcomer, handler) == phrase_id


def test_nobody_listens(newcomer: Client) -> None:
    assert asyncio.run(attempt(newcomer, free_port())).phrase_id == "link.refused"


@pytest.mark.parametrize(
    ("name", "phrase_id"),
    [("x" * 64, "link.no-address"), ("255.255.255.255", "link.no-road")],
)
def test_a_host_that_cannot_be_reached(newcomer: Client, name: str, phrase_id: str) -> None:
    newcomer.configure(f"Host *\n HostName {name}\n")
    error = asyncio.run(attempt(newcomer, free_port()))
    assert error.phrase_id == phrase_id
    assert name in error.sentence("fr")


def test_a_host_whose_queue_is_full_does_not_answer(newcomer: Client) -> None:
    """A listener that accepts nobody and has no room: the kernel drops each further SYN."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(8)]
        try:
            for one in waiting:
                one.setblocking(False)
                one.connect_ex(listener.getsockname())
            error = asyncio.run(attempt(newcomer, listener.getsockname()[1]))
        finally:
            for one in waiting:
                one.close()
    assert error.phrase_id == "link.no-answer"


def stages(server: Machine, client: Client) -> dict[str, int]:
    """After how many of the server's bytes a healthy connection has come how far."""

    async def story() -> dict[str, int]:
        found: dict[str, int] = {}
        async with relay(server.port) as way:
            client.trust(server, port=way.port)
            stranger = Client(client.home, {})
            async with stranger.link(way.port) as link:
                found["logged in"] = way.passed
                await link.run("true", timeout_s=20)
                found["command"] = way.passed
        return found

    return asyncio.run(story())


@pytest.mark.parametrize(
    ("freeze_after", "phrase_ids"),
    [
        (0, {"link.mute"}),
        (10, {"link.handshake-slow"}),
        (60, {"link.handshake-slow"}),
        (600, {"link.handshake-slow"}),
        (-1, {"link.login-slow"}),  # before the last byte of the login
    ],
)
def test_a_network_that_goes_silent_while_connecting(
    server: Machine, authorized: Client, freeze_after: int, phrase_ids: set[str]
) -> None:
    if freeze_after < 0:
        freeze_after += stages(server, authorized)["logged in"]

    async def story() -> str:
        async with relay(server.port, freeze_after=freeze_after) as way:
            authorized.trust(server, port=way.port)
            return (await attempt(authorized, way.port)).phrase_id

    assert asyncio.run(story()) in phrase_ids


def lost(
    server: Machine, client: Client, during: Callable[[SshLink], Awaitable[object]], how: str
) -> list[str]:
    """What is raised by something that goes on while the link breaks, and by what comes after."""

    async def story() -> list[str]:
        raised: list[str] = []
        async with relay(server.port) as way:
            client.trust(server, port=way.port)
            async with client.link(way.port, deadlines=QUICK) as link:
                assert (await link.run("echo here", timeout_s=20)).stdout == b"here\n"
                going_on = asyncio.ensure_future(during(link))
                await asyncio.sleep(0.3)
                way.freeze() if how == "silent" else way.cut()
                async with asyncio.timeout(SOON_S):
                    for awaitable in (going_on, link.run("true", timeout_s=600)):
                        with pytest.raises(LinkLost) as error:
                            await awaitable
                        raised.append(error.value.phrase_id)
        return raised

    return asyncio.run(story())


@pytest.mark.parametrize(("how", "phrase_id"), [("silent", "link.silent"), ("cut", "link.broken")])
@pytest.mark.parametrize(
    "command", ["sleep 600", "yes", "cat > /dev/null"], ids=["waiting", "reading", "writing"]
)
def test_a_link_that_breaks_under_a_command(
    server: Machine, authorized: Client, command: str, how: str, phrase_id: str
) -> None:
    stdin = b"x" * 500_000_000 if command.startswith("cat") else b""

    def during(link: SshLink) -> Awaitable[object]:
        return link.run(command, stdin=stdin, timeout_s=600, limit_bytes=10**12)

    assert lost(server, authorized, during, how) == [phrase_id, phrase_id]


@pytest.mark.parametrize(("how", "phrase_id"), [("silent", "link.silent"), ("cut", "link.broken")])
def test_a_link_that_breaks_while_nothing_runs(
    server: Machine, authorized: Client, how: str, phrase_id: str
) -> None:
    async def during(link: SshLink) -> None:
        while link._session.is_active():  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.1)
        await link.run("true", timeout_s=600)

    assert lost(server, authorized, during, how) == [phrase_id, phrase_id]


def test_a_slow_line_is_not_a_dead_one(server: Machine, authorized: Client) -> None:
    """The answer to our question waits behind a megabyte; but bytes do come."""

    async def story() -> int:
        async with relay(server.port) as way:
            authorized.trust(server, port=way.port)
            async with authorized.link(way.port, deadlines=QUICK) as link:
                way.bytes_per_s = 200_000
                completed = await link.run("head -c 1000000 /dev/zero", timeout_s=60)
                return len(completed.stdout)

    assert asyncio.run(story()) == 1_000_000


def test_cancelled_while_connecting(newcomer: Client) -> None:
    async def story() -> None:
        before = set(threading.enumerate())
        async with peer(sends(BANNER)) as port:
            connecting = asyncio.ensure_future(attempt(newcomer, port, Deadlines()))
            await asyncio.sleep(0.3)
            connecting.cancel()
            begun = time.monotonic()
            with pytest.raises(asyncio.CancelledError):
                await connecting
            assert time.monotonic() - begun < SOON_S / 2
            await nothing_is_left(before)

    asyncio.run(story())


def test_a_closed_link_says_so(server: Machine, authorized: Client) -> None:
    async def story() -> str:
        before = set(threading.enumerate())
        async with authorized.link(server.port) as link:
            await link.close()
            with pytest.raises(LinkLost) as error:
                await link.run("true", timeout_s=5)
        await nothing_is_left(before)
        return error.value.phrase_id

    assert asyncio.run(story()) == "link.closed"
