"""Three hosts of our own, so that real packets can ask a real firewall: client, server, container.

The server is the one with the firewall. The container hangs on its `docker0`. Addresses are
documentation ranges (RFC 5737, RFC 3849); nothing leaves the machine.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address, ip_interface
from pathlib import Path
from typing import Final

from eloquence_ops.checks.firewall.packet import Host, Interface, IpAddress

PORTS: Final = (22, 53, 80, 443, 3478, 5349, 7880, 7881, 8083, 50000, 50010, 60000, 60001)
CLIENT: Final = ("203.0.113.1", "203.0.113.77", "2001:db8::1", "2001:db8::77")
SERVER: Final = ("203.0.113.10", "203.0.113.20", "2001:db8::10", "2001:db8::20")
CONTAINER: Final = ("172.17.0.2", "fd00:17::2")
_BRIDGE: Final = ("172.17.0.1/16", "fd00:17::1/64")

HOST: Final = Host(
    (
        Interface("lo", (ip_interface("127.0.0.1/8"), ip_interface("::1/128"))),
        Interface(
            "eth0",
            tuple(ip_interface(f"{text}/{24 if '.' in text else 64}") for text in SERVER),
        ),
        Interface("docker0", tuple(ip_interface(text) for text in _BRIDGE)),
    ),
    forwards=True,
)

# Nobody asks for a neighbour's address: a firewall that holds ICMPv6 back would hide it.
_MACS: Final = {"c": "02:00:00:00:00:01", "s": "02:00:00:00:00:02"}
_CONTAINERS_MAC: Final = "02:00:00:00:00:03"
_BRIDGES_MAC: Final = "02:00:00:00:00:04"
_SYSCTLS: Final = (
    "net.ipv4.ip_forward=1",
    "net.ipv6.conf.all.forwarding=1",
    "net.ipv4.icmp_ratelimit=0",
    "net.ipv6.icmp.ratelimit=0",
)
_NEWNET: Final = 0x40000000
_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_TAGS: Final = itertools.count()


@dataclass(frozen=True)
class Namespace:
    """One of the hosts."""

    name: str

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """This thread is in it: the sockets it makes, and the processes it starts."""
        with Path("/proc/thread-self/ns/net").open("rb") as home:
            with Path("/run/netns", self.name).open("rb") as there:
                _enter(there.fileno())
            try:
                yield
            finally:
                _enter(home.fileno())

    def run(self, *command: str, given: str | None = None) -> str:
        """A command in it, its errors after its output; raises `RuntimeError` with both."""
        with self.inside():
            done = subprocess.run(
                command,
                input=given,
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
        return done.stdout + done.stderr


def _enter(descriptor: int) -> None:
    if _LIBC.setns(descriptor, _NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


@dataclass(frozen=True)
class Arena:
    """The three, with a listener on every port of `PORTS` at server and container."""

    client: Namespace
    server: Namespace
    container: Namespace
    tcp: tuple[socket.socket, ...]
    udp: tuple[socket.socket, ...]


@contextlib.contextmanager
def arena() -> Iterator[Arena]:
    """Made for the block, and gone after it."""
    tag = f"{os.getpid():x}-{next(_TAGS)}"
    client, server, container = (Namespace(f"el-fw-{kind}-{tag}") for kind in "csd")
    with contextlib.ExitStack() as stack:
        for namespace in (client, server, container):
            _ip(f"netns add {namespace.name}")
            stack.callback(_ip, f"netns delete {namespace.name}")
        _wire(client, server, container)
        tcp: list[socket.socket] = []
        udp: list[socket.socket] = []
        for namespace in (server, container):
            with namespace.inside():
                for port in PORTS:
                    tcp.append(stack.enter_context(_listener(socket.SOCK_STREAM, port)))
                    udp.append(stack.enter_context(_listener(socket.SOCK_DGRAM, port)))
        yield Arena(client, server, container, tuple(tcp), tuple(udp))


def _listener(kind: socket.SocketKind, port: int) -> socket.socket:
    """On every address of both families."""
    listener = socket.socket(socket.AF_INET6, kind)
    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    listener.bind(("::", port))
    if kind is socket.SOCK_STREAM:
        listener.listen(512)
    listener.setblocking(False)
    return listener


def _wire(client: Namespace, server: Namespace, container: Namespace) -> None:
    _ip(
        f"link add eth0 address {_MACS['c']} netns {client.name} type veth"
        f" peer name eth0 address {_MACS['s']} netns {server.name}"
    )
    _ip(
        f"link add eth0 address {_CONTAINERS_MAC} netns {container.name} type veth"
        f" peer name docker0 address {_BRIDGES_MAC} netns {server.name}"
    )
    server.run("sysctl", "-qw", *_SYSCTLS)
    _addresses(client, "eth0", CLIENT)
    _addresses(server, "eth0", SERVER)
    _addresses(server, "docker0", _BRIDGE)
    _addresses(container, "eth0", tuple(f"{a}/{16 if '.' in a else 64}" for a in CONTAINER))
    _neighbours(client, "eth0", SERVER, _MACS["s"])
    _neighbours(server, "eth0", CLIENT, _MACS["c"])
    _neighbours(server, "docker0", CONTAINER, _CONTAINERS_MAC)
    _neighbours(container, "eth0", tuple(a.split("/")[0] for a in _BRIDGE), _BRIDGES_MAC)
    _batch(container, "route add default via 172.17.0.1", "route add default via fd00:17::1")


def _addresses(namespace: Namespace, link: str, addresses: tuple[str, ...]) -> None:
    prefixed = (a if "/" in a else f"{a}/{24 if '.' in a else 64}" for a in addresses)
    _batch(
        namespace,
        "link set lo up",
        f"link set {link} up",
        # Without nodad an IPv6 address is tentative for a second or two.
        *(f"address add {a} dev {link}{' nodad' if ':' in a else ''}" for a in prefixed),
    )


def _neighbours(namespace: Namespace, link: str, addresses: tuple[str, ...], mac: str) -> None:
    _batch(
        namespace,
        *(f"neighbour replace {a} lladdr {mac} dev {link} nud permanent" for a in addresses),
    )


def _batch(namespace: Namespace, *commands: str) -> None:
    namespace.run("ip", "-batch", "-", given="\n".join(commands) + "\n")


def _ip(command: str) -> None:
    subprocess.run(["ip", *command.split()], check=True, capture_output=True, timeout=30)


def same_family(addresses: tuple[str, ...], version: int) -> list[IpAddress]:
    """Those of one family."""
    return [address for text in addresses if (address := ip_address(text)).version == version]
