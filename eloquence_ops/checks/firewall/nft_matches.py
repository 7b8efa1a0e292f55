"""`match`: nftables' comparisons as tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from eloquence_ops.checks.firewall.answer import Feature
from eloquence_ops.checks.firewall.atoms import EVERYTHING, Bits, Hidden, SomeBit, Span
from eloquence_ops.checks.firewall.model import Element, Field, Step, Test, perhaps
from eloquence_ops.checks.firewall.nft_fields import Left, left
from eloquence_ops.checks.firewall.nft_values import Json, Unmodelled, bits, elements, only

_LARGEST: Final = EVERYTHING.high


@dataclass(frozen=True)
class NamedSet:
    """A set or map of a table; what is in it may come and go while rules write into it."""

    members: tuple[Json, ...]
    changing: bool


Sets = Mapping[str, NamedSet]


def match(what: dict[str, Json], sets: Sets) -> Iterator[Step]:
    """One comparison. Raises `Unmodelled`."""
    operator, right = what.get("op"), what.get("right")
    read, mask = _masked(what.get("left"))
    yield from read.implied
    try:
        yield _test(str(operator), read, mask, right, sets)
    except Unmodelled as unknown:
        yield perhaps(unknown.feature, unknown.detail)


def _masked(expression: Json) -> tuple[Left, Json]:
    """`ip saddr & 255.0.0.0` as its field and its mask; None without a mask."""
    kind, what = only(expression)
    if kind == "&" and isinstance(what, list) and len(what) == 2:
        return left(what[0]), what[1]
    return left(expression), None


def _test(operator: str, read: Left, mask: Json, right: Json, sets: Sets) -> Test:
    fields = read.fields
    for field in fields:
        if isinstance(field, Hidden):
            raise Unmodelled(field.feature, field.detail)
    if mask is not None:
        return _masked_test(operator, fields, mask, right)
    match operator:
        case "==" | "!=":
            return Test(fields, tuple(members(right, fields, sets)), operator == "!=")
        case "in" if _is_set(right):
            return Test(fields, tuple(members(right, fields, sets)))
        case "in":
            return Test(fields, ((SomeBit(bits(right, _single(fields))),),))
        case "!":
            return Test(fields, ((SomeBit(bits(right, _single(fields))),),), negated=True)
        case "<" | ">" | "<=" | ">=":
            value = bits(right, _single(fields))
            low, high = {
                "<": (0, value - 1),
                "<=": (0, value),
                ">": (value + 1, _LARGEST),
                ">=": (value, _LARGEST),
            }[operator]
            return Test(fields, ((Span(low, high),),))
    raise Unmodelled(Feature.EXPRESSION, operator)


def _masked_test(
    operator: str, fields: tuple[Field | Hidden, ...], mask: Json, right: Json
) -> Test:
    field = _single(fields)
    if operator not in ("==", "!=") or _is_set(right):
        raise Unmodelled(Feature.EXPRESSION, f"& {operator}")
    masked = Bits(bits(mask, field), bits(right, field))
    return Test(fields, ((masked,),), operator == "!=")


def _single(fields: tuple[Field | Hidden, ...]) -> Field:
    field = fields[0]
    if len(fields) != 1 or isinstance(field, Hidden):
        raise Unmodelled(Feature.EXPRESSION, "concat")
    return field


def _is_set(right: Json) -> bool:
    named = isinstance(right, str) and right.startswith("@")
    return named or (isinstance(right, dict) and "set" in right)


def members(right: Json, fields: tuple[Field | Hidden, ...], sets: Sets) -> Iterator[Element]:
    """The elements of a right-hand side: a value, an anonymous set, or a set's name."""
    if isinstance(right, str) and right.startswith("@"):
        for member in named(right, sets).members:
            yield from elements(member, fields)
    elif isinstance(right, list):
        yield (Span(*(bits(right, _single(fields)),) * 2),)
    else:
        yield from elements(right, fields)


def named(reference: str, sets: Sets) -> NamedSet:
    """The set that `@name` stands for. Raises `Unmodelled` where its elements come and go."""
    found = sets.get(reference[1:])
    if found is None:
        raise Unmodelled(Feature.UNREADABLE, reference)
    if found.changing:
        raise Unmodelled(Feature.CHANGING_SET, reference)
    return found
