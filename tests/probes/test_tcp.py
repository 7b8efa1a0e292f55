"""A connection attempt, by what really happened to it."""

from __future__ import annotations

import asyncio
import errno
import shutil
import socket
import subprocess
import sys
import time

import pytest

from eloquence_ops.findings import Family, Vantage
from eloquence_ops.observations import TcpConnect
from eloquence_ops.probes import tcp
from tests.probes.peers import free_port, peer, silent


def attempt(address: str, port: int, *, timeout_s: float = 5.0) -> TcpConnect:
    return asyncio.run(connected(address, port, timeout_s=timeout_s))


async def connected(address: str, port: int, *, timeout_s: float = 5.0) -> TcpConnect:
    return await tcp.connect(
        "the endpoint",
        Family.IPV6 if ":" in address else Family.IPV4,
        address,
        port,
        timeout_s=timeout_s,
        started=time.monotonic(),
    )


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_connected_and_closed_again(address: str) -> None:
    async def story() -> TcpConnect:
        left = asyncio.Event()

        async def watch(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
            assert await reader.read() == b""
            left.set()

        async with peer(watch, host=address) as port:
            seen = await connected(address, port)
            assert seen.port == port
            async with asyncio.timeout(5):
                await left.wait()
            return seen

    seen = asyncio.run(story())
    assert (seen.outcome, seen.detail, seen.vantage) == ("connected", "", Vantage.HERE)
    assert (seen.endpoint, seen.address) == ("the endpoint", address)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_refused(address: str) -> None:
    seen = attempt(address, free_port(address))
    assert seen.outcome == "refused"
    assert "ECONNREFUSED" in seen.detail


def test_a_full_queue_is_silence() -> None:
    """A listener that accepts nobody and has no room: the kernel drops each further SYN."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        waiting = [socket.socket() for _ in range(8)]
        try:
            for one in waiting:
                one.setblocking(False)
                one.connect_ex(address)
            begun = time.monotonic()
            assert attempt("127.0.0.1", address[1], timeout_s=0.5).outcome == "silent"
            assert time.monotonic() - begun < 5
        finally:
            for one in waiting:
                one.close()


def test_not_an_address() -> None:
    assert attempt("not-an-address", 80).outcome == "failed"


def test_a_socket_connected_to_itself_is_no_listener() -> None:
    """Connecting to a free port of the ephemeral range may take that very port as one's own."""
    low, high = 32768, 60999
    port = free_port()
    if not low <= port <= high or sys.platform != "linux":
        pytest.skip("the ephemeral range is another one here")

    async def story() -> TcpConnect:
        # Bound to the target's own port, so that the rare case happens each time.
        loop = asyncio.get_running_loop()
        original = loop.sock_connect

        async def bound_first(sock: socket.socket, address: tuple[str, int]) -> None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(address)
            await original(sock, address)

        loop.sock_connect = bound_first  # type: ignore[method-assign,assignment]
        return await connected("127.0.0.1", port)

    seen = asyncio.run(story())
    assert seen.outcome == "refused"
    assert "itself" in seen.detail


def in_a_namespace(setup: str, address: str) -> str:
    """The outcome of an attempt inside a network namespace of its own."""
    script = (
        "import asyncio, time\n"
        "from eloquence_ops.findings import Family\n"
        "from eloquence_ops.probes import tcp\n"
        f"address = {address!r}\n"
        "family = Family.IPV6 if ':' in address else Family.IPV4\n"
        "print(asyncio.run(tcp.connect('e', family, address, 80, timeout_s=5, "
        "started=time.monotonic())).outcome)\n"
    )
    shell = f'set -e; {setup} exec "$0" -c "$1"'
    command = ["unshare", "-rn", "sh", "-c", shell, sys.executable, script]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def can_make_namespaces() -> bool:
    if sys.platform != "linux" or not (shutil.which("unshare") and shutil.which("ip")):
        return False
    made = subprocess.run(["unshare", "-rn", "ip", "link"], capture_output=True, check=False)
    return made.returncode == 0


@pytest.mark.skipif(not can_make_namespaces(), reason="needs unshare -rn and ip (iproute2)")
@pytest.mark.parametrize(
    ("setup", "address", "outcome"),
    [
        ("", "192.0.2.1", "no-route-here"),
        ("", "2001:db8::1", "no-route-here"),
        ("ip link set lo up; ip route add unreachable 192.0.2.0/24;", "192.0.2.1", "no-route-here"),
        # Nobody answers ARP on this link: the host is unreachable though there is a route.
        (
            "ip link set lo up; ip link add v0 type veth peer name v1;"
            " ip link set v0 up; ip link set v1 up; ip addr add 198.51.100.1/24 dev v0;"
            " echo 50 > /proc/sys/net/ipv4/neigh/v0/retrans_time_ms;",
            "198.51.100.9",
            "unreachable",
        ),
    ],
)
def test_no_road_is_told_from_an_unreachable_host(setup: str, address: str, outcome: str) -> None:
    assert in_a_namespace(setup, address) == outcome


def test_the_kernels_own_timeout_is_silence_too() -> None:
    error = OSError(errno.ETIMEDOUT, "timed out")
    assert tcp.outcome_of(error, Family.IPV4, "127.0.0.1") == "silent"


def test_a_peer_that_says_nothing_is_connected() -> None:
    async def story() -> str:
        async with peer(silent) as port:
            return (await connected("127.0.0.1", port)).outcome

    assert asyncio.run(story()) == "connected"
