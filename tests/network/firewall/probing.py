"""What a real packet meets: many at once, each from a source port that was never used before."""

from __future__ import annotations

import contextlib
import errno
import itertools
import selectors
import socket
import struct
import time
from collections.abc import Sequence
from typing import Final, Literal

from eloquence_ops.checks.firewall.packet import Packet
from tests.network.firewall.arena import Arena

Met = Literal["accepted", "dropped", "rejected"]

# A veth pair answers within a millisecond; on a busy machine the scheduler does not.
WAIT: Final = 0.12
_ABORTED: Final = struct.pack("ii", 1, 0)
_ALL_PROTOCOLS: Final = 3
_OUTGOING: Final = 4
_UNREACHABLE_V4: Final = 3
_UNREACHABLE_V6: Final = 1
_IPV6_HEADER: Final = 40
_FLAGS: Final = 13
_SYN: Final = 2


class Prober:
    """Sends from an arena's client. Every source port is used once, so every packet is new.

    A connection, or a datagram that is received, was accepted. There is a listener on every port,
    so that a reset or an ICMP error is a firewall's. ICMP is read as it comes: an error that meets
    a socket in the middle of its `connect` is not told to it.
    """

    def __init__(self, arena: Arena) -> None:
        self._arena = arena
        self._source_ports = itertools.count(20000)
        self._numbers: dict[int, int] = {}
        self._met: dict[int, Met] = {}

    def meet(self, packets: Sequence[Packet], wait: float = WAIT) -> list[Met]:
        """What each of them met; silence for `wait` seconds is a drop."""
        self._met, self._numbers = {}, {}
        with contextlib.ExitStack() as stack, selectors.DefaultSelector() as ready:
            for receiver in self._arena.udp:
                ready.register(receiver, selectors.EVENT_READ, self._received)
            with self._arena.container.inside():
                protocol = socket.htons(_ALL_PROTOCOLS)
                tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, protocol)
                ready.register(stack.enter_context(tap), selectors.EVENT_READ, self._arrived)
            with self._arena.client.inside():
                for family, protocol in (
                    (socket.AF_INET, socket.IPPROTO_ICMP),
                    (socket.AF_INET6, socket.IPPROTO_ICMPV6),
                ):
                    icmp = socket.socket(family, socket.SOCK_RAW, protocol)
                    ready.register(stack.enter_context(icmp), selectors.EVENT_READ, self._refused)
                for number, packet in enumerate(packets):
                    port = next(self._source_ports)
                    self._numbers[port] = number
                    sender = stack.enter_context(_sender(packet, port))
                    if packet.protocol == "tcp":
                        ready.register(sender, selectors.EVENT_WRITE, self._connected)
            deadline = time.monotonic() + wait
            while len(self._met) < len(packets) and (left := deadline - time.monotonic()) > 0:
                for key, _ in ready.select(left):
                    spoken = key.fileobj
                    assert isinstance(spoken, socket.socket)
                    key.data(spoken)
                    if key.data == self._connected:
                        ready.unregister(spoken)
        self._empty()
        return [self._met.get(number, "dropped") for number in range(len(packets))]

    def _tell(self, source_port: int, met: Met) -> None:
        """A late answer to an earlier question has no number any more."""
        if source_port in self._numbers:
            self._met.setdefault(self._numbers[source_port], met)

    def _received(self, receiver: socket.socket) -> None:
        (source_port,) = struct.unpack("!H", receiver.recv(64))
        self._tell(source_port, "accepted")

    def _connected(self, sender: socket.socket) -> None:
        """A connection, or a reset; a reset of the connection was for a later packet.

        The socket's error alone does not tell: it may come from an ICMP error about a later packet.
        """
        error = sender.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        accepted = error == errno.ECONNRESET
        with contextlib.suppress(OSError):
            sender.getpeername()
            accepted = True
        self._tell(sender.getsockname()[1], "accepted" if accepted else "rejected")

    def _arrived(self, tap: socket.socket) -> None:
        """At the container, whose answer may be held back on its way."""
        said, (_, _, kind, *_) = tap.recvfrom(2048)
        if kind == _OUTGOING or not said:
            return
        header = (said[0] & 15) * 4 if said[0] >> 4 == 4 else _IPV6_HEADER
        if len(said) >= header + 4:
            self._tell(struct.unpack("!H", said[header : header + 2])[0], "accepted")

    def _refused(self, icmp: socket.socket) -> None:
        """An ICMP error quotes the packet that it is about, which may be a later one."""
        said = icmp.recv(2048)
        if icmp.family == socket.AF_INET:
            said = said[(said[0] & 15) * 4 :]
            expected, quoted = _UNREACHABLE_V4, said[8:]
            protocol, header = quoted[9], (quoted[0] & 15) * 4
        else:
            expected, quoted = _UNREACHABLE_V6, said[8:]
            protocol, header = quoted[6], _IPV6_HEADER
        if said[0] != expected:
            return
        quoted = quoted[header:]
        if protocol == socket.IPPROTO_UDP or quoted[_FLAGS] & _SYN:
            self._tell(struct.unpack("!H", quoted[:2])[0], "rejected")

    def _empty(self) -> None:
        """Takes the connections that were made off the listeners, and late datagrams."""
        for listener in self._arena.tcp:
            with contextlib.suppress(BlockingIOError):
                while True:
                    connection, _ = listener.accept()
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORTED)
                    connection.close()
        for receiver in self._arena.udp:
            with contextlib.suppress(BlockingIOError):
                while True:
                    receiver.recv(64)


def _sender(packet: Packet, source_port: int) -> socket.socket:
    """A socket that has just sent its packet; a datagram holds the port that it came from."""
    family = socket.AF_INET if packet.family == "ip" else socket.AF_INET6
    there = (str(packet.destination), packet.port)
    if packet.protocol == "udp":
        sender = socket.socket(family, socket.SOCK_DGRAM)
        sender.bind((str(packet.source), source_port))
        sender.sendto(struct.pack("!H", source_port), there)
        return sender
    sender = socket.socket(family, socket.SOCK_STREAM)
    sender.setblocking(False)
    sender.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORTED)
    sender.bind((str(packet.source), source_port))
    sender.connect_ex(there)
    return sender
