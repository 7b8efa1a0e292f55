"""TCP connects to thousands of ports of one address at once.

asyncio takes five times as long: a task, a future and several callbacks for each port. This is one
loop over epoll, made for a thread of its own.
"""

from __future__ import annotations

import errno
import socket
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from eloquence_ops.findings import Family
from eloquence_ops.probes.channel import socket_address
from eloquence_ops.probes.ports import icmp, readiness, states
from eloquence_ops.probes.ports.limits import descriptors
from eloquence_ops.probes.ports.pace import Pace
from eloquence_ops.probes.ports.readiness import Readiness
from eloquence_ops.probes.ports.states import CLOSED, FILTERED_AFTER_S, Outcome

_UNDER_WAY: Final = frozenset({errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EALREADY})
_NO_ROOM: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
# The kernel's first resend is after 1 s: what is answered later than that was lost once.
_LATE_S: Final = 0.95
# A second connection to a silent port. With the kernel's resends its SYNs leave at 1.6 and 2.6 s,
# between those of the first one at 0, 1 and 3 s: five. Where one in twenty is lost, the three of a
# single connection are all lost at one port in eight thousand, the five at one in three million.
_AGAIN_AFTER_S: Final = 1.6
_MOST_SELF_CONNECTS: Final = 3
_BETWEEN_LOOKS: Final = 256
_LONGEST_SLEEP_S: Final = 0.1
_KIND: Final = {Family.IPV4: socket.AF_INET, Family.IPV6: socket.AF_INET6}
_NONBLOCK: Final = getattr(socket, "SOCK_NONBLOCK", 0)
# On Linux a refused socket can connect again, at once. Making and closing one for each port takes a
# third of the whole time.
_SERVES_AGAIN: Final = sys.platform == "linux"


@dataclass(slots=True)
class _Asked:
    """A port that was asked about, by one socket or two."""

    port: int
    begun: float
    sockets: list[socket.socket] = field(default_factory=list)
    counts: bool = False
    ended: bool = False


@dataclass
class Scan:
    """One scan. `stop` may be called from another thread; `run` then returns what there is.

    `patience_s` is how long a port may stay silent: `FILTERED_AFTER_S` or more gives the silence a
    name, less does not.
    """

    family: Family
    address: str
    ports: tuple[int, ...]
    patience_s: float = FILTERED_AFTER_S
    pace: Pace = field(default_factory=Pace)
    ready_by: Callable[[], Readiness] = readiness.best
    found: dict[int, Outcome] = field(default_factory=dict)
    stopped: bool = False

    def stop(self) -> None:
        self.stopped = True

    def run(self) -> dict[int, Outcome]:
        """Each port's outcome; blocks. Raises `OSError` where `address` is none of the family."""
        to = socket_address(self.family, self.address, 1)
        with descriptors(2 * len(self.ports)) as room:
            loop = _Loop(self, to, room)
            try:
                loop.carry_out()
            finally:
                loop.close()
        return self.found


class _Loop:
    """One scan's sockets, `room` at most."""

    def __init__(self, scan: Scan, to: tuple[str, int] | tuple[str, int, int, int], room: int):
        self._scan, self._pace, self._room = scan, scan.pace, room
        self._host, self._rest = to[0], to[2:]
        self._kind, self._type = _KIND[scan.family], socket.SOCK_STREAM | _NONBLOCK
        self._ready = scan.ready_by()
        self._left = deque(dict.fromkeys(scan.ports))
        self._open: dict[int, tuple[_Asked, socket.socket, float]] = {}
        # Each in the order in which they were begun, so that the first is the next to act on.
        self._counted: deque[_Asked] = deque()
        self._once: deque[_Asked] = deque()
        self._waiting: deque[_Asked] = deque()
        self._under_way = 0
        self._self_connects: dict[int, int] = {}

    def carry_out(self) -> None:
        while (self._left or self._waiting) and not self._scan.stopped:
            now = time.monotonic()
            self._pass_over(now)
            begun = self._begin_some(now)
            for fd in self._ready.ready(0.0 if begun else self._until_next(now)):
                if entry := self._open.get(fd):
                    self._look_at(*entry)

    def close(self) -> None:
        for _, one, _ in self._open.values():
            one.close()
        self._open.clear()
        self._ready.close()

    # Asking

    def _begin_some(self, now: float) -> int:
        room = min(self._room - len(self._open), int(self._pace.window) - self._under_way)
        begun = 0
        for _ in range(min(room, _BETWEEN_LOOKS, len(self._left))):
            if not self._begin(self._left.popleft(), now):
                break
            begun += 1
        return begun

    def _begin(self, port: int, now: float, spare: socket.socket | None = None) -> bool:
        asked = _Asked(port, now)
        if spare is not None:
            self._connect_by(spare, asked, now)
        elif not self._connect(asked, now):
            self._left.appendleft(port)
            return False
        if asked.sockets:
            asked.counts = True
            self._under_way += 1
            self._counted.append(asked)
            self._once.append(asked)
            self._waiting.append(asked)
        return True

    def _connect(self, asked: _Asked, now: float) -> bool:
        """False where there is no room: ours that end make some again."""
        try:
            one = socket.socket(self._kind, self._type)
        except OSError as refusal:
            error = refusal.errno or errno.EINVAL
            if error in _NO_ROOM and self._open:
                self._room = len(self._open)
                return False
            self._end(asked, states.outcome(error))
            return True
        try:
            if not _NONBLOCK:
                one.setblocking(False)
            icmp.ask(one, self._scan.family)
        except OSError as refusal:
            one.close()
            self._end(asked, states.outcome(refusal.errno or errno.EINVAL))
            return True
        self._connect_by(one, asked, now)
        return True

    def _connect_by(self, one: socket.socket, asked: _Asked, now: float) -> None:
        error = one.connect_ex((self._host, asked.port, *self._rest))
        asked.sockets.append(one)
        if error not in _UNDER_WAY:
            self._answered(asked, one, now, error)
            return
        fd = one.fileno()
        if fd not in self._open:
            self._ready.add(fd)
        self._open[fd] = asked, one, now

    # What came of it

    def _look_at(self, asked: _Asked, one: socket.socket, since: float) -> None:
        if not _SERVES_AGAIN:
            error = one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            self._answered(asked, one, since, error)
            return
        # Takes the error, and makes the socket fit for the next port (inet_stream_connect).
        error = one.connect_ex((self._host, asked.port, *self._rest))
        if error in _UNDER_WAY:
            return
        refused = error == errno.ECONNREFUSED
        if refused and self._left and self._under_way <= self._pace.window:
            asked.sockets.remove(one)
            self._answered(asked, one, since, error)
            self._begin(self._left.popleft(), time.monotonic(), one)
        else:
            self._answered(asked, one, since, 0 if error == errno.EISCONN else error)

    def _answered(self, asked: _Asked, one: socket.socket, since: float, error: int) -> None:
        if error == 0 and _is_self_connected(one):
            self._met_ourselves(asked)
            return
        told = icmp.of(one) if error else None
        now = time.monotonic()
        if now - since >= _LATE_S or since != asked.begun:
            self._pace.lost(now)
        else:
            self._pace.answered(now - since)
        self._end(asked, states.outcome(error, told))

    def _met_ourselves(self, asked: _Asked) -> None:
        """The kernel took the port that is asked about as our own: so nobody has it."""
        times = self._self_connects[asked.port] = self._self_connects.get(asked.port, 0) + 1
        if times < _MOST_SELF_CONNECTS:
            self._left.append(asked.port)
            self._forget(asked)
        else:
            self._end(asked, CLOSED)

    def _end(self, asked: _Asked, outcome: Outcome) -> None:
        self._scan.found[asked.port] = outcome
        self._forget(asked)

    def _forget(self, asked: _Asked) -> None:
        for one in asked.sockets:
            self._drop(one)
        asked.sockets.clear()
        asked.ended = True
        self._discount(asked)

    def _drop(self, one: socket.socket) -> None:
        fd = one.fileno()
        if self._open.pop(fd, None) is not None:
            self._ready.remove(fd)
        one.close()

    def _discount(self, asked: _Asked) -> None:
        if asked.counts:
            asked.counts = False
            self._under_way -= 1

    # What did not come

    def _pass_over(self, now: float) -> None:
        counted, once, waiting = self._counted, self._once, self._waiting
        overdue, patience_s = now - self._pace.overdue_s, self._scan.patience_s
        while counted and (counted[0].ended or counted[0].begun <= overdue):
            self._discount(counted.popleft())
        asks_again = patience_s >= FILTERED_AFTER_S
        while once and (once[0].ended or once[0].begun <= now - _AGAIN_AFTER_S):
            asked = once.popleft()
            if not asked.ended and asks_again and len(self._open) < self._room:
                self._connect(asked, now)
        while waiting and (waiting[0].ended or waiting[0].begun <= now - patience_s):
            asked = waiting.popleft()
            if not asked.ended:
                self._end(asked, states.unanswered(now - asked.begun))

    def _until_next(self, now: float) -> float:
        """Until something may be given up on; sooner where nothing may be begun before that."""
        moments = [asked.begun + self._scan.patience_s for asked in list(self._waiting)[:1]]
        moments += [asked.begun + _AGAIN_AFTER_S for asked in list(self._once)[:1]]
        if self._left:
            moments += [asked.begun + self._pace.overdue_s for asked in list(self._counted)[:1]]
        return max(0.0, min((moment - now for moment in moments), default=_LONGEST_SLEEP_S))


def _is_self_connected(one: socket.socket) -> bool:
    try:
        return bool(one.getsockname() == one.getpeername())
    except OSError:
        return False
