"""The left-hand sides of nftables' rules: what they read, and what must hold for it to be there.

nft leaves out what it implies: `tcp dport 22` asks for TCP too, `ip saddr …` for IPv4.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from eloquence_ops.checks.firewall.answer import Feature
from eloquence_ops.checks.firewall.atoms import EVERYTHING, Hidden, Span
from eloquence_ops.checks.firewall.model import Field, Test
from eloquence_ops.checks.firewall.nft_values import Json, only
from eloquence_ops.checks.firewall.numbers import ETHER_TYPES, NETWORK_PROTOCOLS, PROTOCOLS


@dataclass(frozen=True)
class Left:
    """The fields of a left-hand side, several for a concatenation, and the tests it implies."""

    fields: tuple[Field | Hidden, ...]
    implied: tuple[Test, ...] = ()


def being(field: Field, value: int) -> Test:
    """The test that a field has one value."""
    return Test((field,), ((Span(value, value),),))


IS_IPV4: Final = being(Field.NETWORK_PROTOCOL, NETWORK_PROTOCOLS["ipv4"])
IS_IPV6: Final = being(Field.NETWORK_PROTOCOL, NETWORK_PROTOCOLS["ipv6"])
_IS_TRACKED: Final = Test((Field.DIRECTION,), ((EVERYTHING,),))

_IMPLIED: Final[dict[str, tuple[Test, ...]]] = {
    "ip": (IS_IPV4,),
    "ip6": (IS_IPV6,),
    "icmp": (being(Field.PROTOCOL, PROTOCOLS["icmp"]),),
    "icmpv6": (being(Field.PROTOCOL, PROTOCOLS["icmpv6"]),),
    "arp": (being(Field.ETHER_TYPE, ETHER_TYPES["arp"]),),
    **{
        name: (being(Field.PROTOCOL, PROTOCOLS[name]),)
        for name in ("tcp", "udp", "udplite", "dccp", "sctp", "esp", "ah", "comp", "igmp", "gre")
    },
    "th": (),
    "ether": (),
    "vlan": (),
}
_PAYLOAD: Final[dict[tuple[str, str], Field]] = {
    ("ip", "saddr"): Field.SOURCE,
    ("ip", "daddr"): Field.DESTINATION,
    ("ip", "protocol"): Field.PROTOCOL,
    ("ip6", "saddr"): Field.SOURCE,
    ("ip6", "daddr"): Field.DESTINATION,
    # The packet has no extension headers, so what follows the first header is the protocol.
    ("ip6", "nexthdr"): Field.PROTOCOL,
    ("tcp", "flags"): Field.TCP_FLAGS,
    ("ether", "type"): Field.ETHER_TYPE,
    **{(name, "sport"): Field.SOURCE_PORT for name in ("tcp", "udp", "th")},
    **{(name, "dport"): Field.PORT for name in ("tcp", "udp", "th")},
}
_META: Final = {
    "iif": Field.IN_INTERFACE,
    "iifname": Field.IN_INTERFACE,
    "oif": Field.OUT_INTERFACE,
    "oifname": Field.OUT_INTERFACE,
    "l4proto": Field.PROTOCOL,
    "nfproto": Field.NETWORK_PROTOCOL,
    "protocol": Field.ETHER_TYPE,
    "mark": Field.MARK,
    "pkttype": Field.PACKET_TYPE,
}
_META_OPEN: Final = {
    "hour": Feature.TIME,
    "day": Feature.TIME,
    "time": Feature.TIME,
    "length": Feature.PACKET_FIELD,
}
_CT: Final = {
    "state": Field.STATE,
    "status": Field.STATUS,
    "direction": Field.DIRECTION,
    "mark": Field.CONNECTION_MARK,
}
_CT_ORIGINAL: Final = {
    "ip daddr": Field.ORIGINAL_DESTINATION,
    "ip6 daddr": Field.ORIGINAL_DESTINATION,
    "proto-dst": Field.ORIGINAL_PORT,
    "protocol": Field.PROTOCOL,
}


def left(expression: Json) -> Left:
    """What an expression reads; what is not known is hidden. Raises `Unmodelled` if it is none."""
    kind, what = only(expression)
    if kind == "concat" and isinstance(what, list):
        parts = [left(part) for part in what]
        return Left(
            tuple(field for part in parts for field in part.fields),
            tuple(test for part in parts for test in part.implied),
        )
    if kind not in _READ or not isinstance(what, dict):
        return _hidden(Feature.RATE if kind == "numgen" else Feature.EXPRESSION, kind)
    return _READ[kind](what)


def _hidden(feature: Feature, detail: str) -> Left:
    return Left((Hidden(feature, detail),))


def _payload(what: dict[str, Json]) -> Left:
    if "base" in what:
        # The port of TCP and UDP alike, written as bits.
        if (what["base"], what.get("offset"), what.get("len")) == ("th", 16, 16):
            return Left((Field.PORT,))
        return _hidden(Feature.PACKET_FIELD, "raw payload")
    protocol, name = str(what.get("protocol")), str(what.get("field"))
    field = _PAYLOAD.get((protocol, name), Hidden(Feature.PACKET_FIELD, f"{protocol} {name}"))
    if protocol not in _IMPLIED:
        return Left((Hidden(Feature.EXPRESSION, f"{protocol} {name}"),))
    return Left((field,), _IMPLIED[protocol])


def _meta(what: dict[str, Json]) -> Left:
    key = str(what.get("key"))
    if key in _META:
        return Left((_META[key],))
    return _hidden(_META_OPEN.get(key, Feature.EXPRESSION), f"meta {key}")


def _ct(what: dict[str, Json]) -> Left:
    key = str(what.get("key"))
    direction = what.get("dir")
    if key in _CT and direction is None:
        return Left((_CT[key],))
    if direction == "original" and key in _CT_ORIGINAL:
        family = str(what.get("family", key.partition(" ")[0]))
        implied = {"ip": (IS_IPV4,), "ip6": (IS_IPV6,)}.get(family, ())
        return Left((_CT_ORIGINAL[key],), (_IS_TRACKED, *implied))
    feature = Feature.RATE if key in ("packets", "bytes", "avgpkt") else Feature.EXPRESSION
    return _hidden(feature, f"ct {key}")


def _fib(what: dict[str, Json]) -> Left:
    flags = what.get("flags")
    flags = flags if isinstance(flags, list) else [flags]
    if what.get("result") == "type" and flags == ["daddr"]:
        return Left((Field.DESTINATION_TYPE,))
    if what.get("result") == "type" and flags == ["saddr"]:
        return Left((Field.SOURCE_TYPE,))
    return _hidden(Feature.ROUTING, "fib")


def _header(_: dict[str, Json]) -> Left:
    return _hidden(Feature.PACKET_FIELD, "exthdr")


def _tcp_option(_: dict[str, Json]) -> Left:
    return Left((Hidden(Feature.PACKET_FIELD, "tcp option"),), _IMPLIED["tcp"])


_READ: Final[dict[str, Callable[[dict[str, Json]], Left]]] = {
    "payload": _payload,
    "meta": _meta,
    "ct": _ct,
    "fib": _fib,
    "exthdr": _header,
    "tcp option": _tcp_option,
}
