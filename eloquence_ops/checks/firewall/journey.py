"""The packet's way through the kernel's hooks, and every base chain hooked in on it.

An accept ends one base chain; the packet goes on to the next. A drop is final.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, permutations
from typing import Final

from eloquence_ops.checks.firewall.answer import Doubt, Feature, Place
from eloquence_ops.checks.firewall.model import Accept, BaseChain, Drop, Table
from eloquence_ops.checks.firewall.packet import Hook, Host, InFlight
from eloquence_ops.checks.firewall.stations import (
    MOST_TIED,
    Station,
    at_a_device,
    conntrack,
    dispatcher,
    filtering,
    perhaps,
)
from eloquence_ops.checks.firewall.walk import Doubts, End, TooMuch, Walker

_HOOKS_OF_A_BRIDGE: Final[tuple[Hook, ...]] = ("prerouting", "input")


@dataclass(frozen=True)
class Trail:
    """A path so far: what was open on it, and the accept that says most about it."""

    doubts: Doubts = ()
    rule: str = ""
    place: Place | None = None
    hook: Hook | None = None

    def accepted(self, end: End) -> Trail:
        """After one more base chain's accept.

        A later hook says more than an earlier one; at one hook, a rule more than a policy.
        """
        doubts = self.doubts + end.doubts
        by_rule = self.place is not None and self.place.position is not None
        if by_rule and end.place.position is None and end.packet.hook == self.hook:
            return replace(self, doubts=doubts)
        return Trail(doubts, end.rule, end.place, end.packet.hook)

    def doubting(self, feature: Feature, detail: str) -> Trail:
        """The same path, taken only perhaps."""
        why = Doubt(feature, detail, self.rule, self.place)
        return replace(self, doubts=(*self.doubts, why))


Travellers = dict[InFlight, Trail]


class Journey:
    """One question's way. `finals`: the ends that are final, each with its whole trail."""

    def __init__(self, tables: Sequence[Table], host: Host) -> None:
        self._chains = [chain for table in tables for chain in table.base_chains]
        self._host = host
        self._walker = Walker(host)
        self.finals: dict[End, None] = {}

    def travel(self, packet: InFlight) -> Travellers:
        """Those that get through, after every hook on their way. Raises `TooMuch`."""
        own = {packet.asked.family, "inet"}
        travellers = self._under_the_interface({packet: Trail()})
        travellers = self._hook("prerouting", travellers, own)
        here, elsewhere = self._routed(travellers)
        arrived = self._hook("input", here, own)
        sent_on = self._hook("postrouting", self._hook("forward", elsewhere, own), own)
        return _merged((arrived, sent_on))

    def _under_the_interface(self, travellers: Travellers) -> Travellers:
        """Ingress, then a bridge, if the interface lies on one."""
        ingress = self._of("ingress", {"netdev", "inet"})
        stations = [at_a_device(base, self._walker) for base in ingress]
        travellers = self._stopping_at(stations, travellers)
        for hook in _HOOKS_OF_A_BRIDGE:
            bridged = self._of(hook, {"bridge"})
            stations = [perhaps(base, self._walker, Feature.BRIDGE) for base in bridged]
            travellers = self._stopping_at(stations, travellers)
        return travellers

    def _hook(self, hook: Hook, travellers: Travellers, families: set[str]) -> Travellers:
        at_hook = {replace(packet, hook=hook): trail for packet, trail in travellers.items()}
        return self._stopping_at(self._stations(hook, families), at_hook)

    def _stations(self, hook: Hook, families: set[str]) -> Iterator[Station]:
        nat = []
        for base in self._of(hook, families):
            if base.kind == "nat":
                nat.append(base)
            else:
                yield filtering(base, self._walker)
        if hook == "prerouting":
            yield conntrack()
        if nat:
            yield dispatcher(hook, nat, self._walker)

    def _stopping_at(self, stations: Iterable[Station], travellers: Travellers) -> Travellers:
        in_order = sorted(stations, key=lambda station: station.priority)
        for _, group in groupby(in_order, key=lambda station: station.priority):
            tied = list(group)
            if len(tied) > MOST_TIED:
                raise TooMuch
            # Of equals, who was hooked in later is asked first, and the texts do not say who was.
            travellers = _merged(
                self._one_after_the_other(order, travellers) for order in permutations(tied)
            )
        return travellers

    def _one_after_the_other(
        self, stations: Iterable[Station], travellers: Travellers
    ) -> Travellers:
        for station in stations:
            travellers = self._passed(station, travellers)
        return travellers

    def _passed(self, station: Station, travellers: Travellers) -> Travellers:
        passed: Travellers = {}
        for packet, trail in travellers.items():
            for end in station.pass_on(packet):
                if isinstance(end, InFlight):
                    _join(passed, end, trail)
                elif isinstance(end.kind, Accept):
                    _join(passed, end.packet, trail.accepted(end))
                else:
                    self._finish(end, trail)
        return passed

    # --- Between prerouting and the rest ----------------------------------------------------------

    def _routed(self, travellers: Travellers) -> tuple[Travellers, Travellers]:
        """Those for this host, and those that it sends on; where that is open, both."""
        here: Travellers = {}
        elsewhere: Travellers = {}
        for packet, trail in travellers.items():
            taken = trail
            if packet.local is None:
                taken = trail.doubting(Feature.TRANSLATION, "destination")
            if packet.local is not False:
                _join(here, replace(packet, local=True), taken)
            if packet.local is not True:
                self._send_on(packet, taken, elsewhere)
        return here, elsewhere

    def _send_on(self, packet: InFlight, trail: Trail, elsewhere: Travellers) -> None:
        forwards = self._host.forwards
        if forwards is None:
            trail = trail.doubting(Feature.FORWARDING, "ip_forward")
        if forwards is not True:
            place = trail.place or Place("nftables", packet.asked.family, "", "", None)
            self._finish(End(Drop(), packet, trail.rule, place), trail)
        if forwards is not False:
            to = packet.destination
            way = None if to is None else self._host.way_to(to)
            _join(elsewhere, replace(packet, local=False, out_interface=way), trail)

    def _finish(self, end: End, trail: Trail) -> None:
        self.finals[replace(end, doubts=trail.doubts + end.doubts)] = None

    def _of(self, hook: Hook, families: set[str]) -> list[BaseChain]:
        return [base for base in self._chains if base.hook == hook and base.family in families]


def _join(travellers: Travellers, packet: InFlight, trail: Trail) -> None:
    """Adds a path; of two with the same packet the less doubtful one stays."""
    if packet not in travellers or len(trail.doubts) < len(travellers[packet].doubts):
        travellers[packet] = trail


def _merged(several: Iterable[Travellers]) -> Travellers:
    merged: Travellers = {}
    for travellers in several:
        for packet, trail in travellers.items():
            _join(merged, packet, trail)
    return merged
