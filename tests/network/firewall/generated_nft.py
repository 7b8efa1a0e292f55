"""Rulesets of nftables from a seed: every feature in turn, among others drawn at random."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from random import Random
from typing import Final

from tests.network.firewall.nft_features import (
    ALONE,
    IPV4_ONLY,
    MATCHES,
    NAT,
    OPEN,
    SETS,
    TCP_ONLY,
    VERDICTS,
    WHOLE_RULES,
    Draw,
    Fragment,
)
from tests.network.firewall.ruleset import Ruleset

# Chains beside the one at input.
_CHAINS: Final = {
    "chain of raw": "type filter hook prerouting priority raw",
    "chain of mangle": "type filter hook prerouting priority mangle",
    "chain after nat": "type filter hook prerouting priority -50",
    "earlier input": "type filter hook input priority -10",
    "later input": "type filter hook input priority 10",
    "input of the same priority": "type filter hook input priority 0",
}
_OTHER_TABLES: Final = ("table of one family", "dormant table", "bridge table", "ingress")
# What may leave answers open by itself: an order, an address that a redirect chose, a bridge; and
# what nft 1.0 does not show in JSON, the device of an ingress chain and the flags of a table.
_OPENING: Final = {
    *OPEN,
    *(name for name in NAT if name.startswith("redirect")),
    "bridge table",
    "dormant table",
    "ingress",
    "input of the same priority",
}
_AT_INGRESS: Final = {
    name: fragment
    for name, fragment in MATCHES.items()
    if name.startswith(("port", "source", "destination", "protocol", "packet", "raw", "th"))
}
FEATURES: Final = (
    *MATCHES,
    *OPEN,
    *VERDICTS,
    *WHOLE_RULES,
    *_CHAINS,
    *NAT,
    "untracked",
    *_OTHER_TABLES,
)


def rulesets(count: int, seed: int) -> Iterator[Ruleset]:
    """`count` of them; each has one feature of `FEATURES` for certain, in turn."""
    for number in range(count):
        focus = FEATURES[number % len(FEATURES)]
        yield _Writer(Random(f"{seed}/{number}"), focus).ruleset(f"nft {number}: {focus}")


class _Writer:
    """Writes one ruleset, and remembers what it used."""

    def __init__(self, random: Random, focus: str) -> None:
        self._random = random
        self._focus = focus
        self._used: set[str] = {focus}

    def ruleset(self, name: str) -> Ruleset:
        text = f"table inet fw {{{SETS}{''.join(self._chains())}}}\n{self._other_table()}"
        is_open = bool(self._used & _OPENING)
        return Ruleset(name, {"nft": text}, frozenset(self._used), is_open)

    def _chains(self) -> Iterator[str]:
        yield self._chain("two", "", self._rules(1, 2, jumps=False))
        yield self._chain("one", "", self._rules(1, 3, jumps=False))
        policy = self._random.choice(("accept", "drop"))
        hook = f"type filter hook input priority 0; policy {policy};"
        rules = list(self._rules(3, 8))
        if self._focus in self._placeable():
            rules.insert(self._random.randint(0, 2), self._rule(self._focus))
        yield self._chain("input", hook, rules)
        for name, hook in _CHAINS.items():
            if name == self._focus or self._random.random() < 0.08:
                self._used.add(name)
                yield self._chain(name.replace(" ", "_"), f"{hook};", self._rules(1, 3))
        if self._focus == "untracked":
            rule = self._rule(None, verdict="notrack")
            yield self._chain("early", f"{_CHAINS['chain of raw']};", [rule])
        if self._focus in NAT or self._random.random() < 0.15:
            yield from self._translating()

    def _placeable(self) -> set[str]:
        return {*MATCHES, *OPEN, *VERDICTS, *WHOLE_RULES}

    def _translating(self) -> Iterator[str]:
        names = self._random.sample(sorted(NAT), 2)
        if self._focus in NAT:
            names[0] = self._focus
        rules = [self._fragments(NAT, [name]) for name in names]
        yield self._chain("nat", "type nat hook prerouting priority dstnat;", rules)
        policy = self._random.choice(("accept", "drop"))
        hook = f"type filter hook forward priority 0; policy {policy};"
        onward = [
            'oifname "docker0" accept',
            'iifname "eth0" oifname "docker*" ct status dnat accept',
        ]
        yield self._chain("forward", hook, [*self._rules(0, 2), self._random.choice(onward)])

    def _other_table(self) -> str:
        match self._focus:
            case "table of one family":
                rule = self._fragments(MATCHES, ["port set"])
                chain = "type filter hook input priority 5; policy drop;"
                return f"table ip own {{\n{self._chain('input', chain, [rule + ' accept'])}}}\n"
            case "dormant table":
                chain = "type filter hook input priority 5; policy drop;"
                return f"table inet asleep {{\nflags dormant\n{self._chain('input', chain, [])}}}\n"
            case "bridge table":
                rule = self._fragments(MATCHES, ["port set"])
                chain = "type filter hook input priority 0;"
                return f"table bridge br {{\n{self._chain('input', chain, [rule + ' drop'])}}}\n"
            case "ingress":
                chain = 'type filter hook ingress device "eth0" priority 0;'
                rules = [self._plain(_AT_INGRESS) + " drop", self._plain(_AT_INGRESS) + " accept"]
                return f"table netdev dev {{\n{self._chain('ingress', chain, rules)}}}\n"
        return ""

    def _plain(self, among: Mapping[str, Fragment]) -> str:
        return self._fragments(among, [self._random.choice(sorted(among))])

    def _chain(self, name: str, hook: str, rules: Iterator[str] | list[str]) -> str:
        lines = "".join(f"    {rule}\n" for rule in rules)
        return f"  chain {name} {{\n    {hook}\n{lines}  }}\n"

    def _rules(self, fewest: int, most: int, *, jumps: bool = True) -> Iterator[str]:
        for _ in range(self._random.randint(fewest, most)):
            yield self._rule(None, jumps=jumps)

    def _rule(self, focus: str | None, *, verdict: str = "", jumps: bool = True) -> str:
        if focus in WHOLE_RULES or (focus is None and jumps and self._random.random() < 0.15):
            return self._fragments(WHOLE_RULES, [focus or self._random.choice(sorted(WHOLE_RULES))])
        names = self._random.sample(sorted(MATCHES), self._random.choice((1, 1, 2, 2, 3)))
        if focus in MATCHES or focus in OPEN:
            # Alone or with one other, so that it often decides.
            names = [*names[: self._random.randint(0, 1)], focus]
        alone = [name for name in names if name in ALONE]
        said = self._fragments(MATCHES | OPEN, alone[:1] or names)
        if self._random.random() < 0.2:
            said += " " + self._fragments(VERDICTS, ["counter"])
        if verdict:
            return f"{said} {verdict}"
        weighted = ["accept"] * 5 + ["drop"] * 3 + ["reject"] * 2 + sorted(VERDICTS)
        if not jumps:
            weighted = [name for name in weighted if name not in ("jump", "goto")]
        ending = focus if focus in VERDICTS else self._random.choice(weighted)
        return f"{said} {self._fragments(VERDICTS, [ending])}"

    def _fragments(self, among: Mapping[str, Fragment], names: list[str]) -> str:
        draw = Draw(self._random)
        if TCP_ONLY.intersection(names):
            draw.l4 = "tcp"
        if IPV4_ONLY.intersection(names):
            draw.l3 = "ip"
        self._used.update(names)
        return " ".join(among[name](draw) for name in names)
