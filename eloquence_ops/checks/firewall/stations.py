"""What stands at one priority of a hook: a chain, connection tracking, or the dispatcher of nat.

nat chains are run by one dispatcher per hook, in the order of their own priorities, until one of
them translates (nf_nat_core.c, nf_nat_inet_fn). The dispatcher's priority is not theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Final

from eloquence_ops.checks.firewall.answer import Doubt, Feature
from eloquence_ops.checks.firewall.model import Accept, BaseChain
from eloquence_ops.checks.firewall.packet import Hook, InFlight
from eloquence_ops.checks.firewall.walk import End, TooMuch, Walker

# include/uapi/linux/netfilter_ipv4.h: CONNTRACK, NAT_DST, NAT_SRC
_CONNTRACK: Final = -200
_DISPATCHER: Final[dict[Hook, int]] = {"prerouting": -100, "input": 100, "postrouting": 100}
# Orders of chains that share a priority: 4! are tried.
MOST_TIED: Final = 4


@dataclass(frozen=True)
class Station:
    """`pass_on`: what may become of a packet here. A packet without an end goes on as it is."""

    priority: int
    pass_on: Callable[[InFlight], Iterable[End | InFlight]]


def filtering(base: BaseChain, walker: Walker) -> Station:
    """An ordinary base chain."""

    def pass_on(packet: InFlight) -> Iterable[End | InFlight]:
        ends = walker.through(base, packet)
        return [packet, *_doubted(ends, Feature.UNREADABLE)] if base.may_sleep else ends

    return Station(base.priority, pass_on)


def perhaps(base: BaseChain, walker: Walker, why: Feature) -> Station:
    """A chain that may not be on the way at all; its interfaces are not the one that IP sees."""

    def pass_on(packet: InFlight) -> Iterator[End | InFlight]:
        yield packet
        for end in _doubted(walker.through(base, replace(packet, in_interface=None)), why):
            yield replace(end, packet=replace(end.packet, in_interface=packet.in_interface))

    return Station(base.priority, pass_on)


def _doubted(ends: Iterable[End], why: Feature) -> Iterator[End]:
    """The same ends, which are reached only perhaps."""
    for end in ends:
        doubt = Doubt(why, end.place.chain, end.rule, end.place)
        yield replace(end, doubts=(*end.doubts, doubt))


def at_a_device(base: BaseChain, walker: Walker) -> Station:
    """An ingress chain. An interface may be made of others (a bond, a VLAN), whose chains count."""
    of_another = perhaps(base, walker, Feature.INGRESS)

    def pass_on(packet: InFlight) -> Iterable[End | InFlight]:
        if packet.in_interface in base.devices:
            return walker.through(base, packet)
        return [packet] if base.devices == {"lo"} else of_another.pass_on(packet)

    return Station(base.priority, pass_on)


def conntrack() -> Station:
    """Connection tracking: nobody has seen this connection before."""

    def pass_on(packet: InFlight) -> Iterable[InFlight]:
        return [replace(packet, tracking="new") if packet.tracking == "not-yet" else packet]

    return Station(_CONNTRACK, pass_on)


def dispatcher(hook: Hook, chains: Sequence[BaseChain], walker: Walker) -> Station:
    """All nat chains of a hook. Raises `TooMuch` for more equals than are tried."""
    orders = _orders(chains)

    def pass_on(packet: InFlight) -> Iterator[End | InFlight]:
        if packet.tracking != "new":
            yield packet
            return
        for order in orders:
            yield from _until_translated(order, packet, walker)

    return Station(_DISPATCHER.get(hook, _DISPATCHER["prerouting"]), pass_on)


def _orders(chains: Sequence[BaseChain]) -> list[tuple[BaseChain, ...]]:
    """Every order that the priorities allow."""
    priorities = sorted(base.priority for base in chains)
    if len(set(priorities)) == len(chains):
        return [tuple(sorted(chains, key=lambda base: base.priority))]
    if len(chains) > MOST_TIED:
        raise TooMuch
    return [
        order for order in permutations(chains) if [base.priority for base in order] == priorities
    ]


def _until_translated(
    chains: Sequence[BaseChain], packet: InFlight, walker: Walker
) -> Iterator[End]:
    """Through one chain, and from its accept into the next. There is at least one chain."""
    first, *others = chains
    for end in _through_nat(first, packet, walker):
        if others and isinstance(end.kind, Accept) and not end.packet.nat_done:
            for later in _until_translated(others, end.packet, walker):
                yield replace(later, doubts=end.doubts + later.doubts)
        else:
            # At the next hook there is another dispatcher, which has not translated yet.
            yield replace(end, packet=replace(end.packet, nat_done=False))


def _through_nat(base: BaseChain, packet: InFlight, walker: Walker) -> Iterable[End]:
    ends = walker.through(base, packet)
    if not base.may_sleep:
        return ends
    asleep = End(Accept(), packet, "", base.chain.place)
    return [asleep, *_doubted(ends, Feature.UNREADABLE)]
