"""A rule of `nft -j` in the words that `nft list ruleset` has for it, for people to find it by.

What has no form of its own here is shown as the JSON that it came as.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final

from eloquence_ops.checks.firewall.nft_values import Json

_DEEPEST: Final = 8


def words(statements: list[Json], comment: Json = None) -> str:
    """The whole rule. Not bounded, and not safe to show yet."""
    said = [_statement(statement) for statement in statements]
    if isinstance(comment, str):
        said.append(f'comment "{comment}"')
    return " ".join(said)


def _statement(statement: Json) -> str:
    if isinstance(statement, dict) and len(statement) == 1:
        kind, what = next(iter(statement.items()))
        if what is None:
            return kind
        if kind in _STATEMENTS and isinstance(what, dict):
            return _STATEMENTS[kind](what)
    return json.dumps(statement)


_Object = dict[str, Json]


def _match(what: _Object) -> str:
    operator = what.get("op")
    sign = "" if operator in ("==", "in") else f"{operator} "
    return f"{_value(what.get('left'))} {sign}{_value(what.get('right'))}"


def _limit(what: _Object) -> str:
    over = "over " if what.get("inv") else ""
    return f"limit rate {over}{what.get('rate')}/{what.get('per')}"


def _reject(what: _Object) -> str:
    return " ".join(["reject with", *(str(what[key]) for key in ("type", "expr") if key in what)])


def _translation(kind: str) -> Callable[[_Object], str]:
    def said(what: _Object) -> str:
        address, port = what.get("addr"), what.get("port")
        to = "" if address is None else _value(address)
        to += "" if port is None else f":{_value(port)}"
        return f"{kind} {what['family']} to {to}" if "family" in what else f"{kind} to {to}"

    return said


_STATEMENTS: Final[dict[str, Callable[[_Object], str]]] = {
    "match": _match,
    "vmap": lambda what: f"{_value(what.get('key'))} vmap {_value(what.get('data'))}",
    "jump": lambda what: f"jump {what.get('target')}",
    "goto": lambda what: f"goto {what.get('target')}",
    "counter": lambda _: "counter",
    "log": lambda what: f'log prefix "{what["prefix"]}"' if "prefix" in what else "log",
    "limit": _limit,
    "reject": _reject,
    "dnat": _translation("dnat"),
    "redirect": _translation("redirect"),
    "mangle": lambda what: f"{_value(what.get('key'))} set {_value(what.get('value'))}",
    "xt": lambda what: f"xt {what.get('type')} {what.get('name')}",
}


def _value(value: Json, depth: int = 0) -> str:
    if isinstance(value, str):
        return value
    if depth > _DEEPEST:
        return json.dumps(value)
    if isinstance(value, list):
        return ",".join(_value(part, depth + 1) for part in value)
    if isinstance(value, dict) and len(value) == 1:
        kind, what = next(iter(value.items()))
        if kind in _LISTS and isinstance(what, list):
            before, between, after = _LISTS[kind]
            return before + between.join(_member(part, depth + 1) for part in what) + after
        if kind in _OBJECTS and isinstance(what, dict):
            return _OBJECTS[kind](what)
    return json.dumps(value)


_LISTS: Final = {
    "concat": ("", " . ", ""),
    "range": ("", "-", ""),
    "&": ("", " & ", ""),
    "|": ("", "|", ""),
    "set": ("{ ", ", ", " }"),
}


def _member(member: Json, depth: int) -> str:
    """An element of a set, or a pair of a map, whose value may be a verdict."""
    if not isinstance(member, list) or len(member) != 2:
        return _value(member, depth)
    key, held = member
    said = _statement(held)
    return f"{_value(key, depth)} : {_value(held, depth) if said.startswith('{') else said}"


def _meta(what: _Object) -> str:
    key = str(what.get("key"))
    return key if key in ("iif", "iifname", "oif", "oifname") else f"meta {key}"


def _fib(what: _Object) -> str:
    flags = what.get("flags")
    named = " . ".join(map(str, flags)) if isinstance(flags, list) else str(flags)
    return f"fib {named} {what.get('result')}"


_OBJECTS: Final[dict[str, Callable[[_Object], str]]] = {
    "payload": lambda what: f"{what.get('protocol')} {what.get('field')}",
    "meta": _meta,
    "ct": lambda what: " ".join(("ct", *(str(what[key]) for key in ("dir", "key") if key in what))),
    "fib": _fib,
    "prefix": lambda what: f"{what.get('addr')}/{what.get('len')}",
    "elem": lambda what: _value(what.get("val")),
    "map": lambda what: f"{_value(what.get('key'))} map {_value(what.get('data'))}",
}
