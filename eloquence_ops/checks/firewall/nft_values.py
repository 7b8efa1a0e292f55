"""Values in `nft -j` output, as what a field is compared with (libnftables-json(5))."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import ip_address, ip_network
from typing import Final

from eloquence_ops.checks.firewall import numbers
from eloquence_ops.checks.firewall.answer import Feature
from eloquence_ops.checks.firewall.atoms import EVERYTHING, Atom, Hidden, Named, Span, Unread
from eloquence_ops.checks.firewall.model import Element, Field
from eloquence_ops.untrusted import one_line

Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]

_INTERFACES: Final = {Field.IN_INTERFACE, Field.OUT_INTERFACE}
_ADDRESSES: Final = {Field.SOURCE, Field.DESTINATION, Field.ORIGINAL_DESTINATION}
_NAMES: Final[dict[Field, Mapping[str, int]]] = {
    Field.NETWORK_PROTOCOL: numbers.NETWORK_PROTOCOLS,
    Field.ETHER_TYPE: numbers.ETHER_TYPES,
    Field.PROTOCOL: numbers.PROTOCOLS,
    Field.TCP_FLAGS: numbers.TCP_FLAGS,
    Field.STATE: numbers.STATES,
    Field.STATUS: numbers.STATUSES,
    Field.DIRECTION: numbers.DIRECTIONS,
    Field.PACKET_TYPE: numbers.PACKET_TYPES,
    Field.SOURCE_TYPE: numbers.ADDRESS_TYPES,
    Field.DESTINATION_TYPE: numbers.ADDRESS_TYPES,
}


class Unmodelled(Exception):
    """Something that has no meaning here."""

    def __init__(self, feature: Feature, detail: str) -> None:
        super().__init__(detail)
        self.feature = feature
        self.detail = one_line(detail, limit=60)


def only(value: Json) -> tuple[str, Json]:
    """The one key of an object, and what it holds. Raises `Unmodelled` for anything else."""
    if not isinstance(value, dict) or len(value) != 1:
        raise Unmodelled(Feature.EXPRESSION, "object")
    return next(iter(value.items()))


def whole_number(value: Json, names: Mapping[str, int] | None = None) -> int:
    """A number, or a name that stands for one. Raises `Unmodelled`."""
    if isinstance(value, str) and names is not None and value in names:
        return names[value]
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise Unmodelled(Feature.EXPRESSION, str(value))


def bits(value: Json, field: Field) -> int:
    """Flags together: a name, a number, a list, or `{"|": […]}`; for an address, its mask."""
    if isinstance(value, list):
        return _joined(value, field)
    if isinstance(value, dict):
        key, parts = only(value)
        if key != "|" or not isinstance(parts, list):
            raise Unmodelled(Feature.EXPRESSION, key)
        return _joined(parts, field)
    if field in _ADDRESSES:
        return _address(value)
    return whole_number(value, _NAMES.get(field))


def _joined(parts: list[Json], field: Field) -> int:
    together = 0
    for part in parts:
        together |= bits(part, field)
    return together


def elements(value: Json, fields: tuple[Field | Hidden, ...]) -> Iterator[Element]:
    """What a right-hand side or one element of a set stands for."""
    if isinstance(value, dict) and "elem" in value:
        inner = value["elem"]
        if not isinstance(inner, dict) or "val" not in inner:
            raise Unmodelled(Feature.EXPRESSION, "elem")
        if "expires" in inner or "timeout" in inner:
            raise Unmodelled(Feature.CHANGING_SET, "timeout")
        value = inner["val"]
    if isinstance(value, dict) and "set" in value:
        members = value["set"]
        for member in members if isinstance(members, list) else [members]:
            yield from elements(member, fields)
    elif value == "*":
        yield (EVERYTHING,) * len(fields)
    elif len(fields) == 1:
        yield (atom(value, fields[0]),)
    else:
        yield _together(value, fields)


def _together(value: Json, fields: tuple[Field | Hidden, ...]) -> Element:
    parts = value.get("concat") if isinstance(value, dict) else None
    if not isinstance(parts, list) or len(parts) != len(fields):
        raise Unmodelled(Feature.EXPRESSION, "concat")
    return tuple(atom(part, field) for part, field in zip(parts, fields, strict=True))


def atom(value: Json, field: Field | Hidden) -> Atom:
    """One value of one field; one that cannot be read leaves the comparison open."""
    if isinstance(field, Hidden):
        return Unread(field.feature, field.detail)
    try:
        return _device(value) if field in _INTERFACES else _span(value, field)
    except Unmodelled as unknown:
        return Unread(unknown.feature, unknown.detail)


def _device(value: Json) -> Named:
    # An interface that is gone is shown by its number.
    if not isinstance(value, str):
        raise Unmodelled(Feature.EXPRESSION, "interface")
    if value.endswith("\\*"):
        return Named(value[:-2] + "*")
    return Named(value[:-1], prefix=True) if value.endswith("*") else Named(value)


def _span(value: Json, field: Field) -> Span:
    if isinstance(value, dict):
        key, inner = only(value)
        if key == "range" and isinstance(inner, list) and len(inner) == 2:
            return Span(_span(inner[0], field).low, _span(inner[1], field).high)
        if key == "prefix" and isinstance(inner, dict) and field in _ADDRESSES:
            return _prefix(inner)
        if key != "|":
            raise Unmodelled(Feature.EXPRESSION, key)
    number = bits(value, field)
    return Span(number, number)


def _prefix(value: dict[str, Json]) -> Span:
    try:
        block = ip_network(f"{value.get('addr')}/{value.get('len')}", strict=False)
    except ValueError as wrong:
        raise Unmodelled(Feature.EXPRESSION, "prefix") from wrong
    return Span(int(block.network_address), int(block.broadcast_address))


def _address(value: Json) -> int:
    try:
        return int(ip_address(str(value)))
    except ValueError as wrong:
        raise Unmodelled(Feature.EXPRESSION, str(value)) from wrong
