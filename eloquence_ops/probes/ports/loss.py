"""When silence is a firewall's, and not loss. Pure.

A packet may be lost on a way that works. How many are is seen at the ports that do answer; a port
is called blocked when so many packets to it were lost that chance does not do it, over long enough
that one bad moment does not either.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from eloquence_ops.observations.ports import UdpState

LEAST_TRIES: Final = 3
MOST_TRIES: Final = 24
LEAST_S: Final = 1.0
MOST_S: Final = 20.0
# Where nothing at all comes through: so many packets are not lost by chance on a way that works.
_LEAST_PACKETS: Final = 200
_LEAST_TRIES_OF_ALL: Final = 2
# That one port in a whole run is called blocked by chance alone.
_CHANCE: Final = 1e-4
# Below this no sample of a run's size tells a smaller one.
_LEAST_LOSS: Final = 0.005


def tries_needed(loss: float, silent: int, asked: int) -> int:
    """How often each silent port has to be asked. `loss` is of the ports that work: 0 to 1."""
    if silent <= 0:
        return 0
    if loss >= 1:
        return MOST_TRIES
    likely = max(loss, _LEAST_LOSS)
    needed = math.ceil(math.log(_CHANCE / max(asked, 1)) / math.log(likely))
    return min(MOST_TRIES, max(LEAST_TRIES, needed))


@dataclass
class Tally:
    """What came of each port so far. `served` are those that the responder listens for."""

    served: frozenset[int]
    tries: int = 0
    passes: int = 0
    sent: dict[int, int] = field(default_factory=dict)
    answered: set[int] = field(default_factory=set)
    heard: set[int] = field(default_factory=set)
    arrived: set[int] = field(default_factory=set)
    unsent: set[int] = field(default_factory=set)
    held_back: set[int] = field(default_factory=set)

    def passed(self, missing: Iterable[int], *, overflowed: bool) -> None:
        """Every one of `missing` was asked once more. Where a buffer of ours or of the responder's
        overflowed, it does not count as a try, unless it always does."""
        self.passes += 1
        for port in missing:
            self.sent[port] = self.sent.get(port, 0) + 1
        if not overflowed or self.passes > 2 * MOST_TRIES:
            self.tries += 1

    @property
    def missing(self) -> list[int]:
        return sorted(self.served - self.answered)

    @property
    def silent(self) -> list[int]:
        """Of which nothing shows that packets come through."""
        return sorted(self.served - self.answered - self.heard)

    @property
    def loss(self) -> float:
        """The part of packets to ports that answer which got none."""
        sent = sum(self.sent.get(port, 0) for port in self.answered)
        return 1 - len(self.answered) / sent if sent else 0.0

    def is_settled(self, elapsed_s: float) -> bool:
        """Whether another pass could change nothing that matters."""
        if not self.missing:
            return True
        if self.tries >= MOST_TRIES or elapsed_s >= MOST_S:
            return True
        return self.tries >= self.needed and elapsed_s >= LEAST_S

    @property
    def needed(self) -> int:
        """After how many tries a silent port is blocked."""
        if not (self.answered or self.heard):
            return max(_LEAST_TRIES_OF_ALL, min(8, -(-_LEAST_PACKETS // max(1, len(self.served)))))
        return tries_needed(self.loss, len(self.missing), len(self.served))

    def states(self) -> dict[int, UdpState]:
        """Of every port that is served."""
        # Not asked often enough to say anything.
        too_seldom = self.tries < self.needed
        found: dict[int, UdpState] = {}
        for port in self.served:
            if port in self.answered:
                found[port] = "answered"
            elif port in self.heard:
                found[port] = "heard"
            elif port in self.unsent:
                found[port] = "local"
            elif too_seldom:
                found[port] = "not-tried"
            else:
                found[port] = "stopped" if port in self.arrived else "lost-before"
        return found
