"""`nft -j list ruleset`: JSON to tables (libnftables-json(5))."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

from eloquence_ops.checks.firewall.answer import Feature, Place
from eloquence_ops.checks.firewall.model import BaseChain, Chain, Rule, Step, Table, Unclear
from eloquence_ops.checks.firewall.nft_matches import NamedSet
from eloquence_ops.checks.firewall.nft_statements import steps
from eloquence_ops.checks.firewall.nft_values import Json, Unmodelled
from eloquence_ops.checks.firewall.nft_words import words
from eloquence_ops.checks.firewall.packet import Hook
from eloquence_ops.untrusted import one_line

RULE_LIMIT: Final = 300
_HOOKS: Final[dict[str, Hook]] = {
    "ingress": "ingress",
    "prerouting": "prerouting",
    "input": "input",
    "forward": "forward",
    "postrouting": "postrouting",
}


_FLAGS: Final = {"dormant", "owner", "persist"}


class Unreadable(Exception):
    """The text is not what nft writes, or was cut short. Its argument: what was met."""


@dataclass
class _Open:
    """A table while its parts are read; the objects come in no particular order."""

    family: str
    name: str
    sleeps: bool | None = False
    chains: dict[str, dict[str, Json]] = field(default_factory=dict)
    rules: dict[str, list[dict[str, Json]]] = field(default_factory=lambda: defaultdict(list))
    sets: dict[str, dict[str, Json]] = field(default_factory=dict)


def read(text: str) -> tuple[Table, ...]:
    """Every table. Raises `Unreadable`."""
    try:
        listing = json.loads(text)
        objects = listing["nftables"]
    except (ValueError, RecursionError, TypeError, KeyError) as wrong:
        raise Unreadable(one_line(text, limit=80)) from wrong
    if not isinstance(objects, list):
        raise Unreadable("nftables")
    try:
        return tuple(_closed(table) for table in _tables(objects))
    except (KeyError, TypeError, ValueError, AttributeError) as wrong:
        raise Unreadable(one_line(str(wrong), limit=80)) from wrong


def _tables(objects: list[Json]) -> Iterable[_Open]:
    open_tables: dict[tuple[str, str], _Open] = {}
    for entry in objects:
        for kind, what in _dict(entry).items():
            if kind != "metainfo":
                _take(kind, _dict(what), open_tables)
    return open_tables.values()


def _take(kind: str, said: dict[str, Json], tables: dict[tuple[str, str], _Open]) -> None:
    family = str(said["family"])
    key = (family, str(said["name"] if kind == "table" else said["table"]))
    table = tables.setdefault(key, _Open(*key))
    match kind:
        case "table":
            table.sleeps = _sleeps(said.get("flags", []))
        case "chain":
            table.chains[str(said["name"])] = said
        case "rule":
            table.rules[str(said["chain"])].append(said)
        case "set" | "map":
            table.sets[str(said["name"])] = said


def _sleeps(flags: Json) -> bool | None:
    """Whether a table is dormant. nft 1.0.6 shows the name of some table instead: then None."""
    names = {str(flag) for flag in _list(flags)}
    if not names <= _FLAGS:
        return None
    return "dormant" in names


def _closed(table: _Open) -> Table:
    sets = dict(_sets(table))
    chains: dict[str, Chain] = {}
    for name in table.chains:
        place = Place("nftables", table.family, table.name, name, None)
        rules = tuple(
            _rule(rule, Place("nftables", table.family, table.name, name, number), sets)
            for number, rule in enumerate(table.rules[name], start=1)
        )
        chains[name] = Chain(place, rules, chains)
    awake = () if table.sleeps else chains.values()
    hooked = tuple(filter(None, (_hooked(chain, table) for chain in awake)))
    return Table(table.family, table.name, chains, hooked, table.sleeps)


def _sets(table: _Open) -> Iterator[tuple[str, NamedSet]]:
    """A set is changing if its elements expire, or if a rule writes into it.

    nft 1.0 does not show the flag `dynamic` in JSON: the rules themselves are asked.
    """
    written = {
        str(target)
        for rules in table.rules.values()
        for rule in rules
        for target in _written(rule.get("expr", []))
    }
    for name, said in table.sets.items():
        flags = str(said.get("flags", ""))
        changing = (
            "timeout" in flags
            or "dynamic" in flags
            or "timeout" in said
            or f"@{name}" in written
            or name in written
        )
        yield name, NamedSet(tuple(_list(said.get("elem", []))), changing)


def _written(expression: Json) -> Iterator[Json]:
    for statement in _list(expression):
        said = statement if isinstance(statement, dict) else {}
        for kind, what in said.items():
            if kind in ("set", "map", "meter") and isinstance(what, dict):
                yield what.get("set", what.get("map", what.get("name")))


def _hooked(chain: Chain, table: _Open) -> BaseChain | None:
    said = table.chains[chain.place.chain]
    hook = _HOOKS.get(str(said.get("hook")))
    if hook is None:
        return None
    kind: Literal["nat", "filter"] = "nat" if said.get("type") == "nat" else "filter"
    priority = said["prio"]
    if not isinstance(priority, int):
        raise TypeError("prio")
    policy: Literal["accept", "drop"] = "drop" if said.get("policy") == "drop" else "accept"
    devices = frozenset(str(name) for name in _list(said.get("dev", [])))
    may_sleep = table.sleeps is None
    return BaseChain(chain, table.family, hook, kind, priority, policy, devices, may_sleep)


def _rule(said: dict[str, Json], place: Place, sets: dict[str, NamedSet]) -> Rule:
    statements = _list(said.get("expr", []))
    text = words(statements, said.get("comment"))
    return Rule(place, one_line(text, limit=RULE_LIMIT), tuple(_steps(statements, sets)))


def _steps(statements: list[Json], sets: dict[str, NamedSet]) -> Iterator[Step]:
    """What cannot be read is unclear, but only for the packets that come so far."""
    for statement in statements:
        try:
            yield from steps(statement, sets)
        except Unmodelled as unknown:
            yield Unclear(unknown.feature, unknown.detail)
            return
        except RecursionError:
            yield Unclear(Feature.UNREADABLE, "")
            return


def _dict(value: Json) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise TypeError("object")
    return value


def _list(value: Json) -> list[Json]:
    """Where there may be several, one stands for itself."""
    return value if isinstance(value, list) else [value]
