"""How much may be under way at once. Pure: it is told what happened, with the time.

A way that carries everything is used fully; one that loses is used less. What a firewall swallows
is no loss: it says nothing of the way, so that it only stops counting after a while.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_LEAST: Final = 64
_LEAST_OVERDUE_S: Final = 0.05
_FIRST_OVERDUE_S: Final = 0.3
_TIMES: Final = 3.0
# A loss is answered once a while: a hundred losses of one burst are one piece of news.
_NEWS_S: Final = 0.1


@dataclass
class Pace:
    """`window` packets may be under way, `most` at most.

    It grows by one with each answer that came in time, as TCP's slow start does, and shrinks by a
    quarter when an answer came only to a repetition.
    """

    window: float = 512.0
    most: float = 6000.0
    round_trip_s: float | None = None
    _shrunk_at: float = float("-inf")

    @property
    def overdue_s(self) -> float:
        """After how long something that was not answered no longer counts as under way."""
        if self.round_trip_s is None:
            return _FIRST_OVERDUE_S
        return max(_LEAST_OVERDUE_S, _TIMES * self.round_trip_s)

    def answered(self, took_s: float) -> None:
        """In time. The round trip is smoothed as RFC 6298 does."""
        before = self.round_trip_s
        self.round_trip_s = took_s if before is None else before + (took_s - before) / 8
        self.window = min(self.most, self.window + 1)

    def lost(self, now: float) -> None:
        """Something was lost on a way that works: only a repetition was answered."""
        if now - self._shrunk_at >= _NEWS_S:
            self._shrunk_at = now
            self.window = max(_LEAST, self.window * 0.75)
