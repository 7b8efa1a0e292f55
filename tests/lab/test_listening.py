"""Ports: the same one on several addresses, one that refuses, and what ends with a listener."""

from __future__ import annotations

import asyncio
import socket

import pytest

from eloquence_ops.lab.services.listening import (
    Listener,
    PortInUse,
    listening_socket,
    port_is_free,
    refusing_socket,
    same_port,
)
from tests.lab.loopback import run

HOSTS = ("127.0.0.1", "127.0.0.2")


def port_of(sock: socket.socket) -> int:
    port: int = sock.getsockname()[1]
    return port


def close(*sockets: socket.socket) -> None:
    for sock in sockets:
        sock.close()


def test_one_port_is_found_for_every_address() -> None:
    sockets = same_port(HOSTS)
    assert [sock.getsockname()[0] for sock in sockets] == list(HOSTS)
    assert len({port_of(sock) for sock in sockets}) == 1
    close(*sockets)


def test_a_port_that_one_address_lacks_is_taken_and_nothing_is_left_open() -> None:
    with listening_socket(0, HOSTS[1]) as other:
        port = port_of(other)
        with pytest.raises(PortInUse, match=f"127.0.0.2 port {port}"):
            same_port(HOSTS, port)
    assert all(port_is_free(port, host) for host in HOSTS)


def test_a_refusing_port_refuses_and_is_kept() -> None:
    with refusing_socket() as held:
        port = port_of(held)
        assert not port_is_free(port)
        with socket.socket() as client, pytest.raises(ConnectionRefusedError):
            client.connect(("127.0.0.1", port))


def test_a_port_whose_connections_have_just_ended_can_refuse_at_once() -> None:
    """Who closes first keeps TIME_WAIT, here the lab."""
    with listening_socket() as sock:
        sock.setblocking(True)
        port = port_of(sock)
        with socket.create_connection(("127.0.0.1", port)) as client:
            served, _ = sock.accept()
            served.close()
            client.recv(1)
    with refusing_socket(port) as held:
        assert port_of(held) == port


def test_closing_a_listener_ends_what_it_serves_on_every_address() -> None:
    async def main() -> None:
        ended: list[str] = []

        async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(writer.get_extra_info("sockname")[0])
                writer.transport.abort()

        sockets = same_port(HOSTS)
        port = port_of(sockets[0])
        async with Listener(serve) as listener:
            await listener.open(sockets)
            clients = [await asyncio.open_connection(host, port) for host in HOSTS]
            await asyncio.sleep(0.05)
        assert sorted(ended) == list(HOSTS)
        await listener.close()
        for _, writer in clients:
            writer.close()
        assert all(port_is_free(port, host) for host in HOSTS)

    run(main())
