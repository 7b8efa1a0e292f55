"""Several logs in the order in which things happened. Pure: the time is an argument.

An entry goes out when no source can still have an earlier one: each of the others has a later one
ready, or has ended. Whoever follows cannot wait for a silent source for ever: after a short window
the entry goes out all the same. A source's own order is kept, also where its clock goes back.
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass, field
from itertools import count
from typing import Final, Generic, Protocol, TypeVar

WINDOW_S: Final = 0.2
"""How long an entry waits for earlier ones of other sources."""
BEGINNING_S: Final = 3.0
"""... and how long for a source that has not begun: the connection to it is being made."""
ROOM: Final = 4000
"""Entries of one source that wait; more are not read from it."""


class Timed(Protocol):
    @property
    def at(self) -> float: ...


E = TypeVar("E", bound=Timed)


@dataclass
class _Source(Generic[E]):
    waiting: deque[tuple[float, float, E]] = field(default_factory=deque)
    last: float = float("-inf")
    begun: bool = False
    ended: bool = False


class Merger(Generic[E]):
    """`follows`: sources go on for ever, so that silence must not hold up the others."""

    def __init__(
        self, sources: list[str], *, follows: bool, started: float, window_s: float = WINDOW_S
    ) -> None:
        self._sources: dict[str, _Source[E]] = {name: _Source() for name in sources}
        self._order = {name: place for place, name in enumerate(sources)}
        self._follows, self._started, self._window_s = follows, started, window_s
        # The first entry of each source that has one: (its time, a number, the source).
        self._heads: list[tuple[float, int, int, str]] = []
        self._number = count()

    def begin(self, name: str) -> None:
        self._sources[name].begun = True

    def end(self, name: str) -> None:
        self._sources[name].ended = True

    def has_room(self, name: str) -> bool:
        return len(self._sources[name].waiting) < ROOM

    def all_ended(self) -> bool:
        return all(source.ended for source in self._sources.values())

    def add(self, name: str, entries: list[E], now: float) -> None:
        """`now` is when they came, on the clock of `ready`."""
        source = self._sources[name]
        source.begun = True
        if not source.waiting and entries:
            self._push(name, max(source.last, entries[0].at))
        for entry in entries:
            source.last = max(source.last, entry.at)
            source.waiting.append((source.last, now, entry))

    def ready(self, now: float) -> list[E]:
        """What can go out, in order."""
        out: list[E] = []
        while self._heads:
            at, _, _, name = self._heads[0]
            source = self._sources[name]
            if self._must_wait(at, source.waiting[0][1], now):
                break
            heapq.heappop(self._heads)
            limit = self._heads[0][0] if self._heads else float("inf")
            out += self._run_of(name, source, limit, now)
        return out

    def _run_of(self, name: str, source: _Source[E], limit: float, now: float) -> list[E]:
        """The first entry of a source, and those behind it that nobody else is earlier than."""
        out = [source.waiting.popleft()[2]]
        while source.waiting:
            at, came, entry = source.waiting[0]
            if at >= limit or self._must_wait(at, came, now):
                self._push(name, at)
                break
            source.waiting.popleft()
            out.append(entry)
        return out

    def is_empty(self) -> bool:
        return not self._heads

    def _push(self, name: str, at: float) -> None:
        heapq.heappush(self._heads, (at, self._order[name], next(self._number), name))

    def _must_wait(self, at: float, came: float, now: float) -> bool:
        """For a source that could still have something from before `at`."""
        if self._follows and now >= came + self._window_s and now >= self._started + BEGINNING_S:
            return False
        for source in self._sources.values():
            if source.waiting or source.ended or source.last >= at:
                continue
            if not self._follows:
                return True
            patience = self._window_s if source.begun else BEGINNING_S
            if now < (came if source.begun else self._started) + patience:
                return True
        return False
