"""A longer way between two namespaces: every IP packet is held for half of the round trip.

This kernel has no netem, and `bench/delay.py` is a TCP proxy, which would itself answer every port.
So packets go out by a TUN device in the one namespace and come in by one in the other.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import struct
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from tests.network.namespaces import Host

CLIENT: Final = "192.0.2.1"
SERVER: Final = "192.0.2.10"
_TUNSETIFF: Final = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000
_PACKET: Final = 2048
# What a router would hold: more is dropped, and counted.
_MOST: Final = 20_000


@dataclass
class Way:
    """`dropped` counts what the queues had no room for: a figure with any is no figure."""

    delay_s: float
    dropped: int = 0
    _queues: dict[int, deque[tuple[float, bytes]]] = field(default_factory=dict)

    def carry(self, ends: tuple[int, int], stop: int) -> None:
        other = {ends[0]: ends[1], ends[1]: ends[0]}
        self._queues = {end: deque() for end in ends}
        while True:
            due = [queue[0][0] for queue in self._queues.values() if queue]
            wait_s = max(0.0, min(due) - time.monotonic()) if due else None
            ready, _, _ = select.select([*ends, stop], [], [], wait_s)
            if stop in ready:
                return
            for end in ready:
                self._take(end, self._queues[other[end]])
            now = time.monotonic()
            for end, queue in self._queues.items():
                while queue and queue[0][0] <= now:
                    os.write(end, queue.popleft()[1])

    def _take(self, end: int, queue: deque[tuple[float, bytes]]) -> None:
        at = time.monotonic() + self.delay_s
        with contextlib.suppress(BlockingIOError):
            for _ in range(256):
                packet = os.read(end, _PACKET)
                if len(queue) < _MOST:
                    queue.append((at, packet))
                else:
                    self.dropped += 1


@contextlib.contextmanager
def far_away(client: Host, server: Host, round_trip_s: float) -> Iterator[Way]:
    """`SERVER` is the server's address by the longer way."""
    ends = (_end(client, CLIENT, SERVER), _end(server, SERVER, CLIENT))
    way, (stopped, stop) = Way(round_trip_s / 2), os.pipe()
    thread = threading.Thread(target=way.carry, args=(ends, stopped), daemon=True)
    thread.start()
    try:
        yield way
    finally:
        os.close(stop)
        thread.join(5)
        for end in (*ends, stopped):
            os.close(end)


def _end(host: Host, own: str, other: str) -> int:
    with host.entered():
        end = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(end, _TUNSETIFF, struct.pack("16sH", b"far0", _IFF_TUN | _IFF_NO_PI))
    host.run("ip", "address", "add", own, "peer", other, "dev", "far0")
    host.run("ip", "link", "set", "far0", "txqueuelen", "20000", "up")
    return end
