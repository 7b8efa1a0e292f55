"""Moments as people and programs read them. Pure but for the zone of this machine."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Final

_FIRST: Final = 0.0
_LAST: Final = 253402300799.0  # the end of the year 9999


def iso(at: float) -> str:
    """RFC 3339 in UTC, to the microsecond."""
    moment = datetime.fromtimestamp(bounded(at), UTC)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def bounded(at: float) -> float:
    return min(max(at, _FIRST), _LAST)


class Clock:
    """Times of day to the millisecond, in local time or UTC. A second is worked out once."""

    def __init__(self, *, utc: bool) -> None:
        self._of = time.gmtime if utc else time.localtime
        self._second = -1
        self._day, self._time = "", ""

    def read(self, at: float) -> tuple[str, str]:
        """The day (`2026-11-30`) and the time (`19:37:47.123`)."""
        at = bounded(at)
        second = int(at)
        if second != self._second:
            self._second = second
            parts = self._of(second)
            self._day = time.strftime("%Y-%m-%d", parts)
            self._time = time.strftime("%H:%M:%S", parts)
        # A float of today holds a quarter of a microsecond: .123 may be .12299999.
        return self._day, f"{self._time}.{int((at - second) * 1000 + 0.001) % 1000:03d}"
