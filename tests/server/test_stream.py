"""Connections that a server makes, as the HTTP probe uses them: over SSH and on this machine."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from pathlib import Path

import pytest

from eloquence_ops.probes.channel import Channel
from eloquence_ops.server.errors import ForwardingRefused
from eloquence_ops.server.link import Link
from tests.probes.authority import Authority
from tests.probes.conftest import authority
from tests.probes.peers import closes_at_once, free_port, peer, repeats, says
from tests.server.client import Client
from tests.server.machines import Machine, machine
from tests.server.test_run import Linked, linked

__all__ = ["authority", "linked"]

# A label has at most 63 characters: nobody is asked for it.
NO_NAME = "x" * 64
REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def opened(link: Link, port: int, host: str = "127.0.0.1") -> Channel:
    return Channel(await link.open_stream(host, port, timeout_s=20))


async def all_of(channel: Channel) -> bytes:
    received = b""
    while data := await channel.receive(65536):
        received += data
    return received


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_request_and_its_answer(linked: Linked, host: str) -> None:
    async def story() -> bytes:
        async with linked() as link, asyncio.timeout(30), peer(says(ANSWER)) as port:
            channel = await opened(link, port, host)
            await channel.send(REQUEST)
            answer = await all_of(channel)
            channel.close()
            return answer

    assert asyncio.run(story()) == ANSWER


def test_tls_on_top(linked: Linked, authority: Authority, tmp_path: Path) -> None:
    server, client = authority.leaf("x.test").context(tmp_path), ssl.create_default_context()
    client.load_verify_locations(cadata=authority.root.pem.decode())

    async def story() -> bytes:
        async with linked() as link, asyncio.timeout(30), peer(says(ANSWER), tls=server) as port:
            channel = await opened(link, port)
            await channel.start_tls(client, "x.test")
            await channel.send(REQUEST)
            return await all_of(channel)

    assert asyncio.run(story()) == ANSWER


def test_megabytes_arrive_whole_and_a_reader_that_waits_holds_them_back(linked: Linked) -> None:
    body = bytes(range(256)) * 40_000

    async def story() -> bytes:
        async with linked() as link, asyncio.timeout(60), peer(says(body)) as port:
            channel = await opened(link, port)
            await channel.send(REQUEST)
            await asyncio.sleep(0.5)
            return await all_of(channel)

    assert asyncio.run(story()) == body


def test_an_idle_stream_notices_that_the_far_end_has_gone(linked: Linked) -> None:
    async def story() -> None:
        async with linked() as link, asyncio.timeout(30):
            arrived = asyncio.Event()

            async def waits(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
                arrived.set()
                await asyncio.Event().wait()

            async with peer(waits) as port:
                channel = await opened(link, port)
                await arrived.wait()
                assert not channel.is_spent
            while not channel.is_spent:  # noqa: ASYNC110  # httpcore asks as well
                await asyncio.sleep(0.05)

    asyncio.run(story())


def test_the_far_end_closes_at_once(linked: Linked) -> None:
    async def story() -> bytes:
        async with linked() as link, asyncio.timeout(30), peer(closes_at_once) as port:
            return await all_of(await opened(link, port))

    assert asyncio.run(story()) == b""


def test_closing_reaches_the_far_end_even_while_it_floods(linked: Linked) -> None:
    async def story() -> None:
        left = asyncio.Event()
        flooding = repeats(b"", b"x" * 65536)

        async def watched(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await flooding(reader, writer)
            finally:
                left.set()

        async with linked() as link, asyncio.timeout(30), peer(watched) as port:
            channel = await opened(link, port)
            await channel.send(REQUEST)
            assert await channel.receive(10)
            channel.close()
            await left.wait()

    asyncio.run(story())


def failure(linked: Linked, host: str, port: int, timeout_s: float = 20) -> OSError:
    async def story() -> OSError:
        async with linked() as link:
            with pytest.raises(OSError) as error:  # noqa: PT011  # which one is the question
                await link.open_stream(host, port, timeout_s=timeout_s)
            return error.value

    return asyncio.run(story())


def test_nobody_listens_there(linked: Linked) -> None:
    assert isinstance(failure(linked, "127.0.0.1", free_port()), ConnectionRefusedError)


def test_there_is_no_such_name(linked: Linked) -> None:
    assert isinstance(failure(linked, NO_NAME, 80), socket.gaierror)


def test_there_is_no_road(linked: Linked) -> None:
    """The kernel itself refuses to connect to everybody; sshd then gives no reason."""
    error = failure(linked, "255.255.255.255", 80)
    assert error.errno == errno.ENETUNREACH or isinstance(error, ConnectionError)


def test_a_full_queue_is_silence(linked: Linked) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(8)]
        try:
            for one in waiting:
                one.setblocking(False)
                one.connect_ex(listener.getsockname())
            error = failure(linked, "127.0.0.1", listener.getsockname()[1], timeout_s=1)
        finally:
            for one in waiting:
                one.close()
    assert isinstance(error, TimeoutError)


@pytest.mark.parametrize(
    "extra", ["AllowTcpForwarding no", "DisableForwarding yes", "PermitOpen none"]
)
def test_a_server_that_makes_no_connections_still_runs_commands(
    authorized: Client, server: Machine, tmp_path: Path, extra: str
) -> None:
    public = (authorized.home / ".ssh" / "id_ed25519.pub").read_text()

    async def story(port: int) -> bytes:
        async with authorized.link(port) as link:
            with pytest.raises(ForwardingRefused):
                await link.open_stream("127.0.0.1", port, timeout_s=20)
            return (await link.run("echo still", timeout_s=20)).stdout

    with machine(tmp_path / "machine", public, extra=extra) as made:
        authorized.trust(made)
        assert asyncio.run(story(made.port)) == b"still\n"


def test_many_that_fail_at_once_each_fail_for_their_own_reason(
    server: Machine, authorized: Client
) -> None:
    closed = free_port()

    async def story() -> list[BaseException]:
        async with authorized.link(server.port) as link:
            opening = [
                link.open_stream(host, port, timeout_s=20)
                for host, port in [("127.0.0.1", closed), (NO_NAME, 80)] * 10
            ]
            results = await asyncio.gather(*opening, return_exceptions=True)
            return [result for result in results if isinstance(result, BaseException)]

    errors = asyncio.run(story())
    expected = [ConnectionRefusedError, socket.gaierror] * 10
    assert [type(error) for error in errors] == expected
