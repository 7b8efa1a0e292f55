"""The answer: one packet, one firewall."""

from __future__ import annotations

from typing import Final

from eloquence_ops.checks.firewall.answer import Answer, Doubt, Feature, Verdict
from eloquence_ops.checks.firewall.journey import Journey
from eloquence_ops.checks.firewall.model import Drop, Reject
from eloquence_ops.checks.firewall.packet import Host, InFlight, Packet
from eloquence_ops.checks.firewall.sources import Firewall
from eloquence_ops.checks.firewall.walk import End, TooMuch

_NOTHING_KNOWN: Final = Host()
_ANY: Final[frozenset[Verdict]] = frozenset({"accepted", "dropped", "rejected"})


def answer(firewall: Firewall, packet: Packet, host: Host = _NOTHING_KNOWN) -> Answer:
    """What the firewall does with a new packet at the host's own input.

    A packet whose destination it translates to another machine is followed through forward.
    Replies are not: a firewall that lets a packet in may still hold the answer back.
    """
    doubt = firewall.doubt_about(packet.family)
    if doubt is not None:
        return _open(doubt, _ANY)
    journey = Journey(firewall.tables, host)
    try:
        through = journey.travel(InFlight.of(packet))
    except TooMuch:
        return _open(Doubt(Feature.COMPLEXITY, ""), _ANY)
    answers = [
        (Answer("accepted", trail.rule, trail.place), trail.doubts) for trail in through.values()
    ]
    answers += [(Answer(_verdict(end), end.rule, end.place), end.doubts) for end in journey.finals]
    possible = frozenset(given.verdict for given, _ in answers)
    if len(possible) == 1 and "unknown" not in possible:
        # Several rules may come to the same; the least doubtful one is named.
        return min(answers, key=lambda pair: len(pair[1]))[0]
    doubts = [doubts for _, doubts in answers if doubts]
    decisive = min(doubts, key=len)[-1] if doubts else Doubt(Feature.ORDER, "")
    return _open(decisive, _ANY if "unknown" in possible else possible)


def _open(doubt: Doubt, possible: frozenset[Verdict]) -> Answer:
    return Answer("unknown", doubt.rule, doubt.place, doubt, possible)


def _verdict(end: End) -> Verdict:
    match end.kind:
        case Drop():
            return "dropped"
        case Reject():
            return "rejected"
        case _:
            return "unknown"
