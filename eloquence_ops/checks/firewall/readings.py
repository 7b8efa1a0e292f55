"""What a packet shows of itself at one point of its way, and how that compares with a rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from eloquence_ops.checks.firewall.answer import Feature
from eloquence_ops.checks.firewall.atoms import (
    Absent,
    Device,
    Hidden,
    Possible,
    Reading,
    Span,
    Truth,
    Unread,
    one_of,
)
from eloquence_ops.checks.firewall.model import Element, Ending, Field, Lookup, Test
from eloquence_ops.checks.firewall.numbers import (
    ADDRESS_TYPES,
    DIRECTIONS,
    ETHER_TYPES,
    NETWORK_PROTOCOLS,
    PROTOCOLS,
    STATES,
    STATUSES,
    TCP_FLAGS,
)
from eloquence_ops.checks.firewall.packet import InFlight, IpAddress

# A client, or the router that translates for it, takes no port below (RFC 6056 §3.2).
_EPHEMERAL: Final = Span(1024, 65535)
# A SYN that asks for ECN carries both of its flags (RFC 3168 §6.1.1).
_SYN: Final = TCP_FLAGS["syn"]
_SYN_WITH_ECN: Final = _SYN | TCP_FLAGS["ece"] | TCP_FLAGS["cwr"]
_SYNS: Final = (Span(_SYN, _SYN), Span(_SYN_WITH_ECN, _SYN_WITH_ECN))
_FAMILIES: Final = {
    "ip": (NETWORK_PROTOCOLS["ipv4"], ETHER_TYPES["ip"]),
    "ip6": (NETWORK_PROTOCOLS["ipv6"], ETHER_TYPES["ip6"]),
}


def examined(test: Test, packet: InFlight) -> tuple[Truth, Hidden]:
    """Whether a test holds; where that is open, also what leaves it open."""
    readings = tuple(reading(field, packet) for field in test.fields)
    if any(isinstance(read, Absent) for read in readings):
        return Truth.NO, _NOTHING
    truth = _compared(readings, test.elements)
    return (truth.negated() if test.negated else truth), _why_open(readings, test.elements)


def looked_up(lookup: Lookup, packet: InFlight) -> Iterator[tuple[Ending | None, Hidden | None]]:
    """What the packet may find in a map, None if nothing; with it, what leaves that open."""
    readings = tuple(reading(field, packet) for field in lookup.fields)
    if not any(isinstance(read, Absent) for read in readings):
        for element, ending in lookup.entries:
            truth = _compared(readings, (element,))
            if truth is Truth.YES:
                yield ending, None
                return
            if truth is Truth.MAYBE:
                yield ending, _why_open(readings, (element,))
    yield None, None


def _compared(readings: tuple[Reading, ...], elements: tuple[Element, ...]) -> Truth:
    """Whether the readings, together, are one of the elements."""
    if len(readings) == 1:
        # All at once: several spans may cover together what none of them covers.
        return one_of(readings[0], [element[0] for element in elements])
    truths = (
        min(one_of(read, (atom,)) for read, atom in zip(readings, element, strict=True))
        for element in elements
    )
    return max(truths, default=Truth.NO)


_NOTHING: Final = Hidden(Feature.EXPRESSION, "")


def _why_open(readings: tuple[Reading, ...], elements: tuple[Element, ...]) -> Hidden:
    """What leaves a comparison open: a value of the rule, or of the packet."""
    for atom in (atom for element in elements for atom in element):
        if isinstance(atom, Unread):
            return Hidden(atom.feature, atom.detail)
    for read in readings:
        match read:
            case Hidden():
                return read
            case Possible(spans) if len(spans) > 1 or spans[0].low < spans[0].high:
                return Hidden(read.feature, "")
            case Device(None):
                return Hidden(Feature.INTERFACE, "")
    return _NOTHING


def reading(field: Field | Hidden, packet: InFlight) -> Reading:
    """One field as the packet shows it here."""
    if isinstance(field, Hidden):
        return field
    if field in _OF_THE_CONNECTION:
        return _OF_THE_CONNECTION[field](packet) if packet.tracking == "new" else Absent()
    return _OF_THE_PACKET[field](packet)


def _known(value: int) -> Possible:
    return Possible((Span(value, value),), Feature.EXPRESSION)


def _number(value: int | None, feature: Feature) -> Reading:
    return Hidden(feature, "") if value is None else _known(value)


def _address(address: IpAddress | None) -> Reading:
    return _number(None if address is None else int(address), Feature.TRANSLATION)


def _out_interface(packet: InFlight) -> Reading:
    if packet.hook not in ("forward", "postrouting"):
        # What is compared then differs between kernels: an empty name, or nothing.
        return Hidden(Feature.EXPRESSION, "oifname before routing")
    if packet.out_interface is None:
        return Hidden(Feature.FORWARDING, "outgoing interface")
    return Device(packet.out_interface)


def _destination_type(packet: InFlight) -> Reading:
    if packet.local is None:
        return Hidden(Feature.TRANSLATION, "type of the destination")
    return _known(ADDRESS_TYPES["local" if packet.local else "unicast"])


def _state(packet: InFlight) -> Reading:
    """Before conntrack has seen it, a packet counts as invalid (nft_ct.c, xt_conntrack.c)."""
    name = {"not-yet": "invalid", "untracked": "untracked", "new": "new"}[packet.tracking]
    return _known(STATES[name])


def _state_and_nat(packet: InFlight) -> Reading:
    new = STATES["new"]
    translated = new | STATES["dnat"]
    if packet.tracking != "new" or packet.translated is False:
        return _state(packet)
    if packet.translated:
        return _known(translated)
    return Possible((Span(new, new), Span(translated, translated)), Feature.TRANSLATION)


def _status(packet: InFlight) -> Reading:
    if packet.translated is None:
        return Hidden(Feature.TRANSLATION, "ct status")
    return _known(STATUSES["dnat"] if packet.translated else 0)


_Read = Callable[[InFlight], Reading]

_OF_THE_PACKET: Final[dict[Field, _Read]] = {
    Field.IN_INTERFACE: lambda packet: Device(packet.in_interface),
    Field.OUT_INTERFACE: _out_interface,
    Field.NETWORK_PROTOCOL: lambda packet: _known(_FAMILIES[packet.asked.family][0]),
    Field.ETHER_TYPE: lambda packet: _known(_FAMILIES[packet.asked.family][1]),
    Field.PROTOCOL: lambda packet: _known(PROTOCOLS[packet.asked.protocol]),
    Field.SOURCE: lambda packet: _address(packet.source),
    Field.DESTINATION: lambda packet: _address(packet.destination),
    Field.SOURCE_PORT: lambda _: Possible((_EPHEMERAL,), Feature.SOURCE_PORT),
    Field.PORT: lambda packet: _number(packet.port, Feature.TRANSLATION),
    Field.TCP_FLAGS: lambda _: Possible(_SYNS, Feature.TCP_FLAGS),
    Field.STATE: _state,
    Field.STATE_AND_NAT: _state_and_nat,
    Field.MARK: lambda packet: _number(packet.mark, Feature.MARK),
    Field.PACKET_TYPE: lambda packet: _number(packet.packet_type, Feature.PACKET_FIELD),
    Field.SOURCE_TYPE: lambda _: _known(ADDRESS_TYPES["unicast"]),
    Field.DESTINATION_TYPE: _destination_type,
}
# On a packet that is not tracked they are not there.
_OF_THE_CONNECTION: Final[dict[Field, _Read]] = {
    Field.STATUS: _status,
    Field.DIRECTION: lambda _: _known(DIRECTIONS["original"]),
    Field.CONNECTION_MARK: lambda packet: _number(packet.connection_mark, Feature.MARK),
    Field.ORIGINAL_DESTINATION: lambda packet: _address(packet.asked.destination),
    Field.ORIGINAL_PORT: lambda packet: _known(packet.asked.port),
}
