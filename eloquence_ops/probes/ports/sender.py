"""Asks ports over UDP and takes the answers, within what its own buffer can hold.

More may not be under way than the buffer has room for, so that an answer that is not there was not
thrown away here. Blocking: for a thread of its own.
"""

from __future__ import annotations

import errno
import select
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from eloquence_ops.findings import Family
from eloquence_ops.probes.channel import socket_address
from eloquence_ops.probes.ports.pace import Pace
from eloquence_ops.probes.ports.packets import Run

_BUFFER_BYTES: Final = 4 * 1024 * 1024
# What the kernel counts for a packet as small as ours, its own bookkeeping included.
_EACH_TAKES: Final = 1280
_BETWEEN_LOOKS: Final = 64
_FIRST_WINDOW: Final = 512.0
_QUIET_S: Final = 0.1
_FIRST_QUIET_S: Final = 0.7
_LONGEST_QUIET_S: Final = 1.5
_KIND: Final = {Family.IPV4: socket.AF_INET, Family.IPV6: socket.AF_INET6}
_SO_MEMINFO: Final = 55
_DROPS: Final = struct.Struct("=9I")
_SO_RCVBUFFORCE: Final = 33


class Sender:
    """One socket for all of a proof's packets."""

    def __init__(self, family: Family, address: str, run: Run) -> None:
        """Raises `OSError` where `address` is none of the family."""
        to = socket_address(family, address, 1)
        self._host, self._rest, self._run = to[0], to[2:], run
        self._socket = socket.socket(_KIND[family], socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        for option in (_SO_RCVBUFFORCE, socket.SO_RCVBUF):
            with suppress(OSError):
                self._socket.setsockopt(socket.SOL_SOCKET, option, _BUFFER_BYTES)
                break
        holds = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // _EACH_TAKES
        self.pace = Pace(window=min(_FIRST_WINDOW, holds), most=float(max(64, holds)))
        self.stopped = False
        self._busy = threading.Lock()

    def expect(self, round_trip_s: float) -> None:
        """About how long an answer takes, where that is known before the first one."""
        if self.pace.round_trip_s is None:
            self.pace.round_trip_s = round_trip_s

    def close(self) -> None:
        """Ends a pass that is under way, too; waits a few hundredths of a second for it."""
        self.stopped = True
        with self._busy:
            self._socket.close()

    def ask(self, ports: Iterable[int], number: int) -> tuple[set[int], set[int]]:
        """Asks each once, as try `number`: those that answered, and those that this machine did not
        let out. An answer to an earlier try counts too."""
        with self._busy:
            return self._ask(ports, number)

    def _ask(self, ports: Iterable[int], number: int) -> tuple[set[int], set[int]]:
        left, answered, unsent = deque(ports), set[int](), set[int]()
        wanted = set(left)
        under_way: deque[tuple[float, int]] = deque()
        begun: dict[int, float] = {}
        last = time.monotonic()
        while not self.stopped:
            now = time.monotonic()
            overdue = now - self.pace.overdue_s
            while under_way and (under_way[0][1] in answered or under_way[0][0] <= overdue):
                under_way.popleft()
            room = int(self.pace.window) - len(under_way) if left else 0
            for _ in range(min(room, _BETWEEN_LOOKS, len(left))):
                port = left.popleft()
                if not self._send(port, number, unsent):
                    left.appendleft(port)
                    break
                begun[port] = last = time.monotonic()
                under_way.append((last, port))
            got = self._take(answered, wanted, begun, number)
            if got:
                last = max(last, time.monotonic())
            if not left and (wanted <= answered | unsent or now - last >= self._quiet_s()):
                break
            if not got and not (left and room > 0):
                self._wait()
        return answered, unsent

    def drops(self) -> int:
        """Answers that came and were thrown away here; 0 where the system does not say."""
        try:
            told = self._socket.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _DROPS.size)
            return int(_DROPS.unpack(told)[8])
        except (OSError, struct.error):
            return 0

    def _quiet_s(self) -> float:
        """After how long without an answer none is waited for any more."""
        round_trip_s = self.pace.round_trip_s
        if round_trip_s is None:
            return _FIRST_QUIET_S
        return min(_LONGEST_QUIET_S, max(_QUIET_S, 3 * round_trip_s))

    def _send(self, port: int, number: int, unsent: set[int]) -> bool:
        """False where this machine has no room for one more just now."""
        try:
            self._socket.sendto(self._run.question(port, number), (self._host, port, *self._rest))
        except BlockingIOError:
            return False
        except OSError as refusal:
            if refusal.errno == errno.ENOBUFS:
                time.sleep(0.002)
                return False
            unsent.add(port)
        return True

    def _take(
        self, answered: set[int], wanted: set[int], begun: dict[int, float], number: int
    ) -> int:
        got = 0
        for _ in range(4 * _BETWEEN_LOOKS):
            try:
                packet, sender = self._socket.recvfrom(2048)
            except BlockingIOError:
                break
            except OSError:
                continue  # an ICMP error of an earlier packet, on some systems
            told = self._run.answered(packet)
            if told is None or told[0] not in wanted or sender[1] != told[0]:
                continue
            got += 1
            port, tried = told
            if port not in answered and tried == number and port in begun:
                self.pace.answered(time.monotonic() - begun[port])
            answered.add(port)
        return got

    def _wait(self) -> None:
        select.select([self._socket], [], [], 0.02)
