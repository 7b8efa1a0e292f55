"""Hears this run's packets on a server, and answers each with no more than it got.

The first line of standard input is the run's secret; after it a line `r` asks for a report, and its
end ends this program, as its deadline does. It writes no file and leaves nothing behind. What it
says on standard output is lines of JSON after a nonce, since a login shell may say something first.

As root, or with CAP_NET_RAW, it binds no port: a raw socket is given what the rules of the server
let in, and a packet socket what arrives at its interfaces before any rule. Otherwise it binds the
ports that are free, one socket each.
"""

import base64
import errno
import functools
import hashlib
import hmac
import json
import os
import select
import socket
import struct
import sys
import time
from typing import Any, Callable, Dict, Iterable, List, Optional, Set, Tuple  # noqa: F401  # in comments

try:
    import ctypes

    FILTERS = True
except ImportError:  # not in every minimal Python; filters only save work
    FILTERS = False

# A packet: tag, port, number of the try, MAC. The tag begins with a byte that no protocol of
# LiveKit uses (RFC 7983), so that a call's port takes no notice of it.
HEAD = struct.Struct("!4sHH")
MAC_BYTES = 16
SIZE = HEAD.size + MAC_BYTES
ASKING, ANSWERING = b"\xe5", b"\xe6"

MOST_ANSWERS_A_PORT = 64
MOST_AT_ONCE = 4096
BUFFER_BYTES = 16 * 1024 * 1024
NOBODY = 65534
UDP = struct.Struct("!HHHH")
IS_UDP = 17
SO_ATTACH_FILTER, SO_RCVBUFFORCE, SO_MEMINFO = 26, 33, 55
MEMINFO = struct.Struct("=9I")
DROPS_AT = 8
IP_PKTINFO = 8
V4_INFO = struct.Struct("=i4s4s")
ETHER_IPV4, ETHER_IPV6 = 0x0800, 0x86DD
V6_HEADER_BYTES = 40

Beside = List[Tuple[int, int, bytes]]
Take = Callable[[bytes, Beside, Any], None]
Step = Tuple[int, int, int, int]
Info = Optional[Tuple[int, int, bytes]]


class Responder:
    def __init__(self, told: Dict[str, Any], secret: bytes, orders: bytes) -> None:
        self.nonce, self.is_v4 = told["nonce"].encode(), told["family"] == 4
        self.deadline = time.monotonic() + told["deadline_s"]
        self.ports = {port for first, last in told["ports"] for port in range(first, last + 1)}
        self.tag, self.secret, self.orders = base64.b64decode(told["tag"]), secret, orders
        self.heard = set()  # type: Set[int]
        self.arrived = set()  # type: Set[int]
        self.held_back = set()  # type: Set[int]
        self.in_use = set()  # type: Set[int]
        self.left = set()  # type: Set[int]
        self.answers = {}  # type: Dict[int, int]
        self.translated = 0
        self.raw = None  # type: Optional[socket.socket]
        self.tap = None  # type: Optional[socket.socket]
        self.takes = {}  # type: Dict[int, Tuple[socket.socket, Take]]
        self.poll = select.epoll()

    # What it listens with

    def open(self, bind: bool) -> None:
        if bind or not self.open_raw():
            self.bind_all()
        self.poll.register(0, select.EPOLLIN | select.EPOLLHUP)
        become_nobody()

    def listen(self, one: socket.socket, take: Take) -> None:
        self.takes[one.fileno()] = one, take
        self.poll.register(one.fileno(), select.EPOLLIN)

    def open_raw(self) -> bool:
        kind = socket.AF_INET if self.is_v4 else socket.AF_INET6
        try:
            raw = socket.socket(kind, socket.SOCK_RAW, socket.IPPROTO_UDP)
        except OSError:
            return False
        if not self.is_v4:
            raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_CHECKSUM, 6)
        ask_for_destination(raw, self.is_v4)
        attach(raw, filter_of(ASKING + self.tag, with_ip_header=self.is_v4, is_v4=self.is_v4))
        enlarge(raw)
        self.raw = raw
        self.listen(raw, self.take_raw)
        self.open_tap()
        return True

    def open_tap(self) -> None:
        ether = ETHER_IPV4 if self.is_v4 else ETHER_IPV6
        try:
            tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ether))
        except (OSError, AttributeError):
            return
        attach(tap, filter_of(ASKING + self.tag, with_ip_header=True, is_v4=self.is_v4))
        enlarge(tap)
        self.tap = tap
        self.listen(tap, self.take_tap)

    def bind_all(self) -> None:
        raise_limit(len(self.ports) + 64)
        kind = socket.AF_INET if self.is_v4 else socket.AF_INET6
        for port in sorted(self.ports):
            try:
                one = socket.socket(kind, socket.SOCK_DGRAM)
            except OSError:
                self.left.add(port)
                continue
            try:
                if not self.is_v4:
                    one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                ask_for_destination(one, self.is_v4)
                one.bind(("", port))
            except OSError as refusal:
                one.close()
                (self.in_use if refusal.errno == errno.EADDRINUSE else self.left).add(port)
                continue
            self.listen(one, functools.partial(self.take_bound, one, port))

    # What it hears

    def number(self, payload: bytes, port: int) -> Optional[int]:
        """Of the try that a packet of this run is of; None for any other."""
        if len(payload) != SIZE or payload[:4] != ASKING + self.tag:
            return None
        _, meant, number = HEAD.unpack_from(payload)
        expected = self.sealed(ASKING, meant, number)
        if meant not in self.ports or not hmac.compare_digest(payload, expected):
            return None
        if meant != port:
            self.translated += 1
            return None
        return int(number)

    def sealed(self, kind: bytes, port: int, number: int) -> bytes:
        head = HEAD.pack(kind + self.tag, port, number)
        return head + hashlib.blake2s(head, key=self.secret, digest_size=MAC_BYTES).digest()

    def may_answer(self, port: int) -> bool:
        count = self.answers.get(port, 0)
        self.answers[port] = count + 1
        return count < MOST_ANSWERS_A_PORT

    def take_raw(self, message: bytes, beside: Beside, sender: Any) -> None:
        """A raw socket of IPv4 is given the IP header too, one of IPv6 is not."""
        start = (message[0] & 15) * 4 if self.is_v4 else 0
        if len(message) < start + UDP.size or self.raw is None:
            return
        asked_from, port, length, _ = UDP.unpack_from(message, start)
        number = self.number(message[start + UDP.size : start + length], port)
        if number is None:
            return
        self.heard.add(port)
        if not self.may_answer(port):
            return
        payload = self.sealed(ANSWERING, port, number)
        check = 0  # of IPv6 the kernel computes it
        if self.is_v4:
            pseudo = message[12:20] + struct.pack("!HH", IS_UDP, UDP.size + SIZE)
            check = checksum(pseudo + UDP.pack(port, asked_from, UDP.size + SIZE, 0) + payload)
        head = UDP.pack(port, asked_from, UDP.size + SIZE, check)
        self.send(self.raw, port, head + payload, beside, (sender[0], 0, *sender[2:]))

    def take_tap(self, message: bytes, _beside: Beside, _sender: Any) -> None:
        start = (message[0] & 15) * 4 if self.is_v4 else V6_HEADER_BYTES
        if len(message) < start + UDP.size or message[9 if self.is_v4 else 6] != IS_UDP:
            return
        _, port, length, _ = UDP.unpack_from(message, start)
        if self.number(message[start + UDP.size : start + length], port) is not None:
            self.arrived.add(port)

    def take_bound(
        self, one: socket.socket, port: int, message: bytes, beside: Beside, sender: Any
    ) -> None:
        number = self.number(message, port)
        if number is None:
            return
        self.heard.add(port)
        if self.may_answer(port):
            self.send(one, port, self.sealed(ANSWERING, port, number), beside, sender)

    def send(self, one: socket.socket, port: int, data: bytes, beside: Beside, to: Any) -> None:
        info = source_of(beside)
        for _ in range(3):
            try:
                one.sendmsg([data], [info] if info else [], 0, to)
            except BlockingIOError:
                select.select([], [one], [], 0.05)
            except OSError as refusal:
                if refusal.errno == errno.EPERM:  # what a rule for output that drops looks like
                    self.held_back.add(port)
                if refusal.errno != errno.ENOBUFS:
                    return
                time.sleep(0.002)
            else:
                return

    # What it says

    def say(self, what: Dict[str, Any]) -> None:
        line = self.nonce + b" " + json.dumps(what, separators=(",", ":")).encode() + b"\n"
        while line:
            line = line[os.write(1, line) :]

    def ready(self) -> None:
        self.say(
            {
                "way": "bound" if self.raw is None else "raw",
                "sees_arrivals": self.tap is not None,
                "in_use": packed(self.in_use),
                "left": packed(self.left),
                "room": tracked_room(),
            }
        )

    def report(self) -> None:
        kernel_side = [one for one in (self.raw, self.tap) if one is not None]
        for one in kernel_side:
            drain(*self.takes[one.fileno()])
        self.say(
            {
                "heard": packed(self.heard),
                "arrived": packed(self.arrived),
                "held_back": packed(self.held_back),
                "translated": self.translated,
                "dropped": sum(map(drops, kernel_side)),
            }
        )

    def serve(self) -> None:
        while True:
            while b"\n" in self.orders:
                order, _, self.orders = self.orders.partition(b"\n")
                if order == b"r":
                    self.report()
            left = self.deadline - time.monotonic()
            if left <= 0:
                return
            for fd, _ in self.poll.poll(left, 1024):
                if fd != 0:
                    drain(*self.takes[fd])
                    continue
                said = os.read(0, 4096)
                if not said:
                    return
                self.orders = (self.orders + said)[-4096:]


def drain(one: socket.socket, take: Take) -> None:
    """Everything that waits, up to a bound, so that orders and the deadline have their turn."""
    for _ in range(MOST_AT_ONCE):
        try:
            message, beside, _, sender = one.recvmsg(2048, 128, socket.MSG_DONTWAIT)
        except OSError:
            return
        take(message, beside, sender)


def ask_for_destination(one: socket.socket, is_v4: bool) -> None:
    if is_v4:
        one.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
    else:
        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)


def source_of(beside: Beside) -> Info:
    """The address that was asked is the one that answers, on a server with several."""
    for level, kind, data in beside:
        if level == socket.IPPROTO_IP and kind == IP_PKTINFO:
            _, _, own = V4_INFO.unpack_from(data)
            return level, kind, V4_INFO.pack(0, own, own)
        if level == socket.IPPROTO_IPV6 and kind == socket.IPV6_PKTINFO:
            return level, kind, bytes(data)
    return None


def checksum(data: bytes) -> int:
    """RFC 1071; 0 would mean that there is none (RFC 768)."""
    total = sum(struct.unpack("!{}H".format(len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return (~total & 0xFFFF) or 0xFFFF


def filter_of(wanted: bytes, *, with_ip_header: bool, is_v4: bool) -> List[Step]:
    """Classic BPF for packets whose data begin with `wanted`: (code, if true, if false, value).

    0xB1 is `ldxb 4*([k]&0xf)`, 0x40 `ld [x+k]`, 0x20 `ld [k]`, 0x15 `jeq`, 0x06 `ret`. One of IPv6
    with extension headers is not one of ours.
    """
    value = struct.unpack("!I", wanted)[0]
    decide = [(0x15, 0, 1, value), (0x06, 0, 0, 0xFFFF), (0x06, 0, 0, 0)]
    if with_ip_header and is_v4:
        return [(0xB1, 0, 0, 0), (0x40, 0, 0, UDP.size), *decide]
    return [(0x20, 0, 0, UDP.size + (V6_HEADER_BYTES if with_ip_header else 0)), *decide]


def attach(one: socket.socket, program: List[Step]) -> None:
    """The kernel keeps what is none of ours: a live call brings thousands of packets a second."""
    if not FILTERS:
        return
    held = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in program))
    try:
        told = struct.pack("HP", len(program), ctypes.addressof(held))
        one.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, told)
    except OSError:
        pass


def enlarge(one: socket.socket) -> None:
    """A full buffer would look just like a firewall."""
    for option in (SO_RCVBUFFORCE, socket.SO_RCVBUF):
        try:
            one.setsockopt(socket.SOL_SOCKET, option, BUFFER_BYTES)
        except OSError:
            continue
        return


def drops(one: socket.socket) -> int:
    """What the kernel threw away because a socket's buffer was full; 0 where it does not say."""
    try:
        told = one.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, MEMINFO.size)
        return int(MEMINFO.unpack(told)[DROPS_AT])
    except (OSError, struct.error):
        return 0


def raise_limit(wanted: int) -> None:
    try:
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))
    except (ImportError, OSError, ValueError):
        pass


def become_nobody() -> None:
    """Root is needed to open the sockets, and for nothing after that."""
    if os.geteuid() != 0:
        return
    try:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    except OSError:
        pass


def tracked_room() -> Optional[int]:
    """How many more connections the server's tracking of them has room for; None without one."""
    found = []
    for name in ("count", "max"):
        try:
            with open("/proc/sys/net/netfilter/nf_conntrack_" + name) as file:
                found.append(int(file.read()))
        except (OSError, ValueError):
            return None
    return found[1] - found[0]


def packed(ports: Iterable[int]) -> List[List[int]]:
    found = []  # type: List[List[int]]
    for port in sorted(ports):
        if found and found[-1][1] == port - 1:
            found[-1][1] = port
        else:
            found.append([port, port])
    return found


def main() -> None:
    told = json.loads(base64.b64decode(sys.argv[2]).decode())
    before = b""
    while b"\n" not in before:
        said = os.read(0, 4096)
        if not said:
            return
        before += said
    secret, _, orders = before.partition(b"\n")
    responder = Responder(told, base64.b64decode(secret), orders)
    responder.open(told["bind"])
    responder.ready()
    responder.serve()


if __name__ == "__main__":
    main()
