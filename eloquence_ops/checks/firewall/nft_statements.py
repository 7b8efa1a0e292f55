"""nftables' statements: what a rule does, step by step (libnftables-json(5), STATEMENTS)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from ipaddress import ip_address
from typing import Final, Literal

from eloquence_ops.checks.firewall.answer import Feature
from eloquence_ops.checks.firewall.atoms import EVERYTHING
from eloquence_ops.checks.firewall.model import (
    NEVER,
    Accept,
    Change,
    Continue,
    Drop,
    Element,
    Ending,
    Field,
    Jump,
    Lookup,
    Reject,
    Return,
    Step,
    Translate,
    Unclear,
    Untrack,
    perhaps,
)
from eloquence_ops.checks.firewall.nft_fields import IS_IPV4, IS_IPV6, left
from eloquence_ops.checks.firewall.nft_matches import Sets, match, named
from eloquence_ops.checks.firewall.nft_values import Json, Unmodelled, elements, only
from eloquence_ops.checks.firewall.packet import IpAddress

_VERDICTS: Final[dict[str, Ending]] = {
    "accept": Accept(),
    "drop": Drop(),
    "return": Return(),
    "continue": Continue(),
}
_WITHOUT_EFFECT: Final = {
    "comment",
    "counter",
    "ct expectation",
    "ct helper",
    "ct timeout",
    "dup",
    "last",
    "log",
    "reset",
    "secmark",
}
# They may stop the rule: a rate that is reached, a set that is full.
_OPEN: Final = {
    "limit": Feature.RATE,
    "quota": Feature.RATE,
    "ct count": Feature.RATE,
    "set": Feature.CHANGING_SET,
    "map": Feature.CHANGING_SET,
    "meter": Feature.RATE,
}
_HANDED_OVER: Final = {"queue", "synproxy", "tproxy", "fwd"}
_FAMILIES: Final = {"ip": IS_IPV4, "ip6": IS_IPV6}


def steps(statement: Json, sets: Sets) -> Iterator[Step]:
    """The steps of one statement. Raises `Unmodelled`."""
    kind, what = only(statement)
    if kind in _VERDICTS or kind in ("jump", "goto"):
        yield verdict(statement)
    elif kind in _OPEN:
        yield perhaps(_OPEN[kind], kind)
    elif kind in _HANDED_OVER:
        yield Unclear(Feature.HANDED_OVER, kind)
    elif kind == "notrack":
        yield Untrack()
    elif kind == "xt":
        yield from _xt(what)
    elif kind == "flow":
        # It stops the rule for every packet of an unconfirmed connection (nft_flow_offload.c).
        yield NEVER
    elif kind in _WRITTEN:
        yield from _WRITTEN[kind](what if isinstance(what, dict) else {}, sets)
    elif kind not in _WITHOUT_EFFECT:
        raise Unmodelled(Feature.EXPRESSION, kind)


def verdict(statement: Json) -> Ending:
    """accept, drop, return, continue, jump, goto; also what a verdict map holds."""
    kind, what = only(statement)
    if kind in _VERDICTS:
        return _VERDICTS[kind]
    target = what.get("target") if isinstance(what, dict) else None
    if kind in ("jump", "goto") and isinstance(target, str):
        return Jump(target, back=kind == "jump")
    raise Unmodelled(Feature.EXPRESSION, kind)


def _xt(what: Json) -> Iterator[Step]:
    """An extension of iptables, of which nft knows nothing but the name."""
    known = what if isinstance(what, dict) else {}
    name = str(known.get("name", ""))
    if known.get("type") == "match":
        yield perhaps(Feature.EXTENSION, name)
    else:
        yield Unclear(Feature.EXTENSION, name)


def _reject(what: dict[str, Json], _: Sets) -> Iterator[Step]:
    """A kind of ICMP implies its family, and nft leaves the test for it out."""
    if what.get("type") == "icmp":
        yield IS_IPV4
    elif what.get("type") == "icmpv6":
        yield IS_IPV6
    yield Reject()


def _vmap(what: dict[str, Json], sets: Sets) -> Iterator[Step]:
    yield from _map(what, sets, verdict)


def _map(what: dict[str, Json], sets: Sets, end: Callable[[Json], Ending]) -> Iterator[Step]:
    key = left(what.get("key"))
    yield from key.implied
    entries: list[tuple[Element, Ending]] = []
    for pair in _pairs(what.get("data"), sets):
        if not isinstance(pair, list) or len(pair) != 2:
            raise Unmodelled(Feature.EXPRESSION, "map")
        entries += [(element, end(pair[1])) for element in elements(pair[0], key.fields)]
    # What holds for everything else comes last.
    entries.sort(key=lambda entry: all(atom == EVERYTHING for atom in entry[0]))
    yield Lookup(key.fields, tuple(entries))


def _pairs(data: Json, sets: Sets) -> Iterable[Json]:
    if isinstance(data, str):
        return named(data, sets).members
    kind, held = only(data)
    if kind != "set" or not isinstance(held, list):
        raise Unmodelled(Feature.EXPRESSION, "map")
    return held


def _dnat(what: dict[str, Json], sets: Sets) -> Iterator[Step]:
    """To an address, a port, or both; each may come from a map."""
    family = what.get("family")
    if isinstance(family, str) and family in _FAMILIES:
        yield _FAMILIES[family]
    address, port = what.get("addr"), what.get("port")
    if isinstance(address, dict) and "map" in address:
        if port is not None:
            raise Unmodelled(Feature.TRANSLATION, "map")
        yield from _map(_object(address["map"]), sets, _mapped_address)
    else:
        yield from _to("kept" if address is None else _address(address), port, sets)


def _redirect(what: dict[str, Json], sets: Sets) -> Iterator[Step]:
    yield from _to("own", what.get("port"), sets)


def _to(
    address: IpAddress | Literal["kept", "own", "any"], port: Json, sets: Sets
) -> Iterator[Step]:
    if isinstance(port, dict) and "map" in port:
        yield from _map(_object(port["map"]), sets, lambda value: Translate(address, _port(value)))
    else:
        yield Translate(address, _port(port))


def _source(_: dict[str, Json], __: Sets) -> Iterator[Step]:
    yield Change(Field.SOURCE, None)
    yield Accept()


def _mapped_address(value: Json) -> Translate:
    """`10.0.0.1`, or `10.0.0.1 . 80`."""
    if isinstance(value, dict) and "concat" in value:
        parts = value["concat"]
        if not isinstance(parts, list) or len(parts) != 2:
            raise Unmodelled(Feature.TRANSLATION, "map")
        return Translate(_address(parts[0]), _port(parts[1]))
    return Translate(_address(value))


def _address(value: Json) -> IpAddress | Literal["any"]:
    if not isinstance(value, str):
        return "any"
    try:
        return ip_address(value)
    except ValueError as wrong:
        raise Unmodelled(Feature.TRANSLATION, value) from wrong


def _port(value: Json) -> int | Literal["kept", "any"]:
    if value is None:
        return "kept"
    return value if isinstance(value, int) else "any"


def _mangle(what: dict[str, Json], _: Sets) -> Iterator[Step]:
    """`… set …`. What no question here reads may change as it likes."""
    written, value = _object(what.get("key")), what.get("value")
    kind, place = only(written)
    name = _object(place)
    if kind == "payload":
        yield from left(written).implied
    number = value if isinstance(value, int) and not isinstance(value, bool) else None
    match kind, name.get("key") or name.get("field"):
        case "meta", "mark":
            yield Change(Field.MARK, number)
        case "meta", "pkttype":
            yield Change(Field.PACKET_TYPE, None)
        case "ct", "mark":
            yield Change(Field.CONNECTION_MARK, number)
        case (("meta" | "ct" | "tcp option" | "exthdr"), _):
            return
        case "payload", "dport":
            yield Change(Field.PORT, number)
        case "payload", "saddr":
            yield Change(Field.SOURCE, None)
        case "payload", ("dscp" | "ttl" | "hoplimit" | "ecn"):
            return
        case _:
            yield Unclear(Feature.TRANSLATION, "payload")


def _object(value: Json) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise Unmodelled(Feature.EXPRESSION, "object")
    return value


_WRITTEN: Final[dict[str, Callable[[dict[str, Json], Sets], Iterator[Step]]]] = {
    "match": match,
    "vmap": _vmap,
    "reject": _reject,
    "dnat": _dnat,
    "redirect": _redirect,
    "snat": _source,
    "masquerade": _source,
    "mangle": _mangle,
}
