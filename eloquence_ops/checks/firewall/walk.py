"""One base chain, rule by rule, along every path that the packet may take.

A test that is open splits the path in two. Paths on which the packet looks the same are one again,
so that an open test that decides nothing (a limit before a log) leaves no doubt behind.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, assert_never

from eloquence_ops.checks.firewall.answer import Doubt, Feature, Place
from eloquence_ops.checks.firewall.atoms import Hidden, Truth
from eloquence_ops.checks.firewall.effects import changed, translated
from eloquence_ops.checks.firewall.model import (
    Accept,
    BaseChain,
    Chain,
    Change,
    Continue,
    Drop,
    Ending,
    Jump,
    Lookup,
    Reject,
    Return,
    Rule,
    Test,
    Translate,
    Unclear,
    Untrack,
)
from eloquence_ops.checks.firewall.packet import Host, InFlight
from eloquence_ops.checks.firewall.readings import examined, looked_up

# The kernel allows 16 jumps within each other (NFT_JUMP_STACK_SIZE) and refuses loops.
_MOST_JUMPS: Final = 16
_MOST_LOOKS: Final = 200_000
_MOST_STATES: Final = 64

Doubts = tuple[Doubt, ...]
_NO_DOUBTS: Doubts = ()


@dataclass(frozen=True)
class End:
    """How a path through a base chain ends: accepted by this chain, or final.

    `doubts`: the open tests that led here. For `Unclear`, the last of them is why.
    """

    kind: Accept | Drop | Reject | Unclear
    packet: InFlight
    rule: str
    place: Place
    doubts: Doubts = ()


@dataclass(frozen=True)
class _Fell:
    """On with the next rule."""

    packet: InFlight
    doubts: Doubts = ()


@dataclass(frozen=True)
class _Left:
    """Out of the chain, back to where it was jumped to from."""

    packet: InFlight
    doubts: Doubts = ()


@dataclass(frozen=True)
class _Walked:
    """A chain's outcomes: paths that ended in it, and paths that came out of it."""

    ends: tuple[End, ...]
    out: tuple[tuple[InFlight, Doubts], ...]


@dataclass(frozen=True)
class _At:
    """A rule that is being applied, and the packet as it came to it."""

    rule: Rule
    chain: Chain
    depth: int
    packet: InFlight

    def fell(self, here: InFlight, doubts: Doubts) -> _Fell:
        """A path that left no trace on the packet is as good as one that never began."""
        return _Fell(here, doubts if here != self.packet else ())

    def doubt(self, why: Hidden) -> Doubt:
        return Doubt(why.feature, why.detail, self.rule.text, self.rule.place)


_Outcomes = Iterator[End | _Fell | _Left]


class TooMuch(Exception):
    """There are more paths than are followed."""


class Walker:
    """Walks chains for one question, and remembers what it has walked. Raises `TooMuch`."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._looks = 0
        self._walked: dict[tuple[Chain, InFlight], _Walked] = {}

    def through(self, base: BaseChain, packet: InFlight) -> tuple[End, ...]:
        """Every way through a base chain, its policy included."""
        walked = self._walk(base.chain, packet, 0)
        kind = Accept() if base.policy == "accept" else Drop()
        policy = f"policy {base.policy}"
        return walked.ends + tuple(
            End(kind, packet, policy, base.chain.place, doubts) for packet, doubts in walked.out
        )

    def _walk(self, chain: Chain, packet: InFlight, depth: int) -> _Walked:
        if depth > _MOST_JUMPS:
            raise TooMuch
        key = (chain, packet)
        if key not in self._walked:
            self._walked[key] = self._walk_anew(chain, packet, depth)
        return self._walked[key]

    def _walk_anew(self, chain: Chain, packet: InFlight, depth: int) -> _Walked:
        ends: dict[End, None] = {}
        out: dict[InFlight, Doubts] = {}
        on_the_way: dict[InFlight, Doubts] = {packet: ()}
        for rule in chain.rules:
            passing: dict[InFlight, Doubts] = {}
            for here, doubts in on_the_way.items():
                for outcome in self._apply(_At(rule, chain, depth, here)):
                    match outcome:
                        case End():
                            ends[replace(outcome, doubts=doubts + outcome.doubts)] = None
                        case _Fell():
                            _join(passing, outcome.packet, doubts + outcome.doubts)
                        case _Left():
                            _join(out, outcome.packet, doubts + outcome.doubts)
            on_the_way = passing
        for here, doubts in on_the_way.items():
            _join(out, here, doubts)
        return _Walked(tuple(ends), tuple(out.items()))

    def _apply(self, at: _At) -> _Outcomes:
        self._looks += 1
        if self._looks > _MOST_LOOKS:
            raise TooMuch
        here, doubts = at.packet, _NO_DOUBTS
        for step in at.rule.steps:
            match step:
                case Test():
                    truth, why = examined(step, here)
                    if truth is not Truth.YES:
                        yield at.fell(here, doubts)
                    if truth is Truth.NO:
                        return
                    if truth is Truth.MAYBE:
                        doubts = (*doubts, at.doubt(why))
                case Change() | Untrack():
                    here = changed(here, step)
                case Lookup():
                    yield from self._look_up(step, at, here, doubts)
                    return
                case _:
                    yield from self._end(step, at, here, doubts)
                    return
        yield at.fell(here, doubts)

    def _look_up(self, lookup: Lookup, at: _At, here: InFlight, doubts: Doubts) -> _Outcomes:
        for ending, why in looked_up(lookup, here):
            if ending is None:
                yield at.fell(here, doubts)
            else:
                more = () if why is None else (at.doubt(why),)
                yield from self._end(ending, at, here, doubts + more)

    def _end(self, ending: Ending, at: _At, here: InFlight, doubts: Doubts) -> _Outcomes:
        rule = at.rule
        match ending:
            case Accept() | Drop() | Reject():
                yield End(ending, here, rule.text, rule.place, doubts)
            case Translate():
                told = translated(here, ending, self._host)
                if isinstance(told, Unclear):
                    yield from self._end(told, at, here, doubts)
                else:
                    # nat's chain accepts; where the packet then goes is the journey's matter.
                    yield End(Accept(), told, rule.text, rule.place, doubts)
            case Unclear():
                why = at.doubt(Hidden(ending.feature, ending.detail))
                yield End(ending, here, rule.text, rule.place, (*doubts, why))
            case Return():
                yield _Left(here, doubts)
            case Continue():
                yield at.fell(here, doubts)
            case Jump():
                yield from self._jump(ending, at, here, doubts)
            case _:
                assert_never(ending)

    def _jump(self, jump: Jump, at: _At, here: InFlight, doubts: Doubts) -> _Outcomes:
        target = at.chain.siblings.get(jump.chain)
        if target is None:
            yield from self._end(Unclear(Feature.UNREADABLE, jump.chain), at, here, doubts)
            return
        walked = self._walk(target, here, at.depth + 1)
        for end in walked.ends:
            yield replace(end, doubts=doubts + end.doubts)
        for packet, more in walked.out:
            if not jump.back:
                yield _Left(packet, doubts + more)
            elif more:
                yield _Fell(packet, doubts + more)
            else:
                yield at.fell(packet, doubts)


def _join(paths: dict[InFlight, Doubts], packet: InFlight, doubts: Doubts) -> None:
    """Adds a path; of two with the same packet the less doubtful one stays."""
    if packet not in paths or len(doubts) < len(paths[packet]):
        paths[packet] = doubts
    if len(paths) > _MOST_STATES:
        raise TooMuch
