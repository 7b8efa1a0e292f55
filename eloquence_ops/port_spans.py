"""Ports as people speak of them: ranges, not lists of ten thousand numbers. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

State = TypeVar("State")


@dataclass(frozen=True, slots=True)
class Span(Generic[State]):
    """Ports that came out alike. Of `first` to `last`, `count` were asked about."""

    first: int
    last: int
    count: int
    state: State

    def __str__(self) -> str:
        return shown(self.first, self.last)


def each(states: Mapping[int, State]) -> tuple[Span[State], ...]:
    """One for each port."""
    return tuple(Span(port, port, 1, states[port]) for port in sorted(states))


def spans(states: Mapping[int, State]) -> tuple[Span[State], ...]:
    """One for each stretch of ports with the same state. Ports that nobody asked about part
    nothing: a sample of a range is a range."""
    found: list[Span[State]] = []
    for port in sorted(states):
        state = states[port]
        if found and found[-1].state == state:
            before = found[-1]
            found[-1] = Span(before.first, port, before.count + 1, state)
        else:
            found.append(Span(port, port, 1, state))
    return tuple(found)


def sample(first: int, last: int, most: int) -> tuple[int, ...]:
    """At most `most` ports of a range, evenly spread, both ends among them.

    A firewall opens and closes stretches: none of `(last - first) / most` ports or more is missed.
    """
    size = last - first + 1
    if size <= most:
        return tuple(range(first, last + 1))
    steps = max(1, most - 1)
    return tuple(first + (last - first) * step // steps for step in range(steps + 1))


def shown(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"


def told(ports: Iterable[int], most: int = 8) -> str:
    """`50000-54999, 56000`; what is beyond `most` stretches is counted: `… (+12)`."""
    stretches: list[tuple[int, int]] = []
    for port in sorted(set(ports)):
        if stretches and stretches[-1][1] == port - 1:
            stretches[-1] = (stretches[-1][0], port)
        else:
            stretches.append((port, port))
    return told_stretches(stretches, most)


def told_stretches(stretches: Sequence[tuple[int, int]], most: int = 8) -> str:
    said = ", ".join(shown(first, last) for first, last in stretches[:most])
    left = len(stretches) - most
    return f"{said} … (+{left})" if left > 0 else said


def packed(ports: Iterable[int]) -> list[list[int]]:
    """The same as pairs of numbers, as they go over a wire."""
    found: list[list[int]] = []
    for port in sorted(set(ports)):
        if found and found[-1][1] == port - 1:
            found[-1][1] = port
        else:
            found.append([port, port])
    return found


def unpacked(pairs: object) -> set[int]:
    """What `packed` packed. Raises `ValueError` for anything else."""
    if not isinstance(pairs, list):
        raise ValueError("no list of ranges")
    found: set[int] = set()
    for pair in pairs:
        if not (isinstance(pair, list) and len(pair) == 2 and all(_is_port(end) for end in pair)):
            raise ValueError("no range of ports")
        found.update(range(pair[0], pair[1] + 1))
    return found


def _is_port(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 65536
