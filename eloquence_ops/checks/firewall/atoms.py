"""Three-valued comparison: what is read from a packet, against what a rule asks for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from eloquence_ops.checks.firewall.answer import Feature

# Up to so many possible values are tried one by one.
_ENUMERABLE = 16


class Truth(IntEnum):
    """`min` is and, `max` is or."""

    NO = 0
    MAYBE = 1
    YES = 2

    def negated(self) -> Truth:
        return Truth(2 - self)


# --- What a rule asks for -----------------------------------------------------------------------


@dataclass(frozen=True)
class Span:
    """`low` to `high`, both included."""

    low: int
    high: int

    def holds(self, value: int) -> bool:
        return self.low <= value <= self.high


@dataclass(frozen=True)
class Bits:
    """The bits of `mask` are those of `value`."""

    mask: int
    value: int

    def holds(self, value: int) -> bool:
        return value & self.mask == self.value


@dataclass(frozen=True)
class SomeBit:
    """At least one bit of `mask` is set."""

    mask: int

    def holds(self, value: int) -> bool:
        return bool(value & self.mask)


@dataclass(frozen=True)
class Named:
    """An interface's name, or with `prefix` the beginning of one."""

    name: str
    prefix: bool = False


@dataclass(frozen=True)
class Unread:
    """A value that could not be read."""

    feature: Feature
    detail: str


Atom = Span | Bits | SomeBit | Named | Unread

EVERYTHING = Span(0, 2**128 - 1)


# --- What is read from a packet -----------------------------------------------------------------


@dataclass(frozen=True)
class Possible:
    """A number that lies in one of the spans; `feature` is why it may be several."""

    spans: tuple[Span, ...]
    feature: Feature


@dataclass(frozen=True)
class Device:
    """An interface's name; None: any but `lo`."""

    name: str | None


@dataclass(frozen=True)
class Absent:
    """There is no such thing on this packet: no test of it holds, nor its opposite."""


@dataclass(frozen=True)
class Hidden:
    """It cannot be known from here."""

    feature: Feature
    detail: str


Reading = Possible | Device | Absent | Hidden


def one_of(reading: Reading, atoms: Sequence[Atom]) -> Truth:
    """Whether what was read is one of `atoms`. An absent reading is the caller's matter."""
    match reading:
        case Possible():
            return _number(reading, atoms)
        case Device():
            return max((_device(reading, atom) for atom in atoms), default=Truth.NO)
        case _:
            return Truth.YES if EVERYTHING in atoms else Truth.MAYBE


def _number(reading: Possible, atoms: Sequence[Atom]) -> Truth:
    asked = [atom for atom in atoms if isinstance(atom, Span | Bits | SomeBit)]
    unread = len(asked) < len(atoms)
    size = sum(span.high - span.low + 1 for span in reading.spans)
    if size <= _ENUMERABLE:
        told = {any(atom.holds(value) for atom in asked) for value in _values(reading.spans)}
        truth = Truth.MAYBE if len(told) > 1 else Truth.YES if True in told else Truth.NO
    else:
        spans = [atom for atom in asked if isinstance(atom, Span)]
        truth = _overlap(reading.spans, merged(spans))
        if len(spans) < len(asked) and truth is Truth.NO:
            truth = Truth.MAYBE
    return max(truth, Truth.MAYBE) if unread else truth


def _values(spans: Iterable[Span]) -> Iterator[int]:
    for span in spans:
        yield from range(span.low, span.high + 1)


def _overlap(possible: Sequence[Span], asked: Sequence[Span]) -> Truth:
    if all(any(a.low <= p.low and p.high <= a.high for a in asked) for p in possible):
        return Truth.YES
    touched = any(a.low <= p.high and p.low <= a.high for a in asked for p in possible)
    return Truth.MAYBE if touched else Truth.NO


def merged(spans: Iterable[Span]) -> list[Span]:
    """The same numbers in as few spans as there can be, in order."""
    result: list[Span] = []
    for span in sorted(spans, key=lambda span: span.low):
        if result and span.low <= result[-1].high + 1:
            result[-1] = Span(result[-1].low, max(span.high, result[-1].high))
        else:
            result.append(span)
    return result


def _device(device: Device, atom: Atom) -> Truth:
    if not isinstance(atom, Named):
        return Truth.YES if atom == EVERYTHING else Truth.MAYBE
    if device.name is None:
        if atom.prefix:
            return Truth.MAYBE if atom.name else Truth.YES
        return Truth.NO if atom.name == "lo" else Truth.MAYBE
    fits = device.name.startswith(atom.name) if atom.prefix else device.name == atom.name
    return Truth.YES if fits else Truth.NO
