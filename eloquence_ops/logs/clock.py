"""The difference between another machine's clock and ours. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_LATENCY_S: Final = 2.0
"""How much later than it was written a live line may come without its clock being at fault."""
_SETTLING_S: Final = 2.0


@dataclass
class ClockDifference:
    """Of a server that tells its time when asked: between the question and the answer there.

    The truth lies between `answer - received` and `answer - sent`; an answer that came sooner
    knows it better. Where that leaves no doubt about zero, both clocks are believed (they are kept
    by NTP, most likely better than this can be measured).
    """

    seconds: float = 0.0
    doubt_s: float = float("inf")

    def learn(self, sent: float, answer: float, received: float) -> bool:
        """Whether the difference is another now. All in seconds since 1970."""
        doubt = max(0.0, received - sent) / 2
        if doubt >= self.doubt_s:
            return False
        before, self.doubt_s = self.seconds, doubt
        middle = answer - (sent + received) / 2
        self.seconds = middle if abs(middle) > doubt else 0.0
        return self.seconds != before


@dataclass
class StampedDifference:
    """Of a source that can only be watched: how its stamps compare with when its lines come.

    A line comes after it was written, never before, so the smallest difference that was seen is the
    clock's. What comes right at the beginning may have been written long ago (`adb logcat` begins
    with what it has): of those lines only a stamp in the future says something. Seconds.
    """

    began: float
    least: float = float("inf")

    def learn(self, stamped: float, came: float) -> float:
        """What to add to `stamped`; 0 while the way alone explains the difference."""
        difference = came - stamped
        if difference < 0 or came - self.began > _SETTLING_S:
            self.least = min(self.least, difference)
        return self.correction()

    def correction(self) -> float:
        return 0.0 if 0 <= self.least <= _LATENCY_S or self.least == float("inf") else self.least
