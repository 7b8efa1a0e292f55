"""Rulesets of iptables from a seed, for both kernel interfaces: each feature in turn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from random import Random
from typing import Final, Literal

from tests.network.firewall.iptables_features import (
    IPV4_ONLY,
    IPV6_ONLY,
    MANGLE,
    MATCHES,
    NAT,
    OPEN,
    RAW,
    RESET,
    TCP_ONLY,
    UDP_ONLY,
    VERDICTS,
    Fragment,
)
from tests.network.firewall.nft_features import Draw
from tests.network.firewall.ruleset import Ruleset, Tool

# What may leave answers open by itself; iptables-save tells a rule that asks twice wrongly.
_OPENING: Final = {*OPEN, "REDIRECT", "CONNMARK", "all flags", "asking twice"}
_SINGLE: Final = {
    *("port", "port range", "port up to", "port negated", "source port of a server"),
    *("every source port", "source port", "flags", "flags negated", "all flags"),
}
_BEFORE: Final = ("raw", "mangle", "nat")
FEATURES: Final = (*MATCHES, *OPEN, *VERDICTS, "REJECT with a reset", *RAW, *MANGLE, *NAT)


def rulesets(count: int, seed: int, kind: Literal["nft", "legacy"] = "nft") -> Iterator[Ruleset]:
    """`count` of them, of both families each; each has one feature for certain, in turn."""
    suffix = "-legacy" if kind == "legacy" else ""
    for number in range(count):
        focus = FEATURES[number % len(FEATURES)]
        writer = _Writer(Random(f"{seed}/{kind}/{number}"), focus)
        texts: dict[Tool, str] = {
            "iptables-legacy" if suffix else "iptables": writer.text("ip"),
            "ip6tables-legacy" if suffix else "ip6tables": writer.text("ip6"),
        }
        name = f"iptables{suffix} {number}: {focus}"
        yield Ruleset(name, texts, frozenset(writer.used), bool(writer.used & _OPENING))


class _Writer:
    """Writes one ruleset, and remembers what it used."""

    def __init__(self, random: Random, focus: str) -> None:
        self._random = random
        self._focus = focus
        self.used: set[str] = {focus}

    def text(self, l3: str) -> str:
        parts = [self._filter(l3)]
        for table, targets in zip(_BEFORE, (RAW, MANGLE, NAT), strict=True):
            if self._focus in targets or self._random.random() < 0.15:
                parts.append(self._before(table, targets, l3))
        return "".join(parts)

    def _filter(self, l3: str) -> str:
        policy = self._random.choice(("ACCEPT", "DROP"))
        forward = self._random.choice(("ACCEPT", "DROP"))
        chains = f":INPUT {policy} [0:0]\n:FORWARD {forward} [0:0]\n:OUTPUT ACCEPT [0:0]\n"
        lines = [
            *(f"-A one {self._rule(l3, jumps=False)}" for _ in range(self._random.randint(1, 3))),
            *(f"-A two {self._rule(l3, jumps=False)}" for _ in range(self._random.randint(1, 2))),
            *(f"-A INPUT {self._rule(l3)}" for _ in range(self._random.randint(0, 2))),
            f"-A INPUT {self._rule(l3, self._focus)}",
            *(f"-A INPUT {self._rule(l3)}" for _ in range(self._random.randint(2, 6))),
            f"-A FORWARD {self._rule(l3)}",
            "-A FORWARD ! -i docker0 -o docker0 -j ACCEPT",
        ]
        return f"*filter\n{chains}:one - [0:0]\n:two - [0:0]\n" + "\n".join(lines) + "\nCOMMIT\n"

    def _before(self, table: str, targets: Mapping[str, Fragment], l3: str) -> str:
        named = self._focus if self._focus in targets else self._random.choice(sorted(targets))
        draws = [self._draw(l3, set()) for _ in range(2)]
        names = (named, self._random.choice(sorted(targets)))
        self.used.update(names)
        lines = "".join(
            f"-A PREROUTING -i eth0 -p {draw.l4} -m multiport --dports {draw.port},{draw.port} "
            f"{targets[name](draw)}\n"
            for draw, name in zip(draws, names, strict=True)
        )
        return f"*{table}\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n{lines}COMMIT\n"

    def _rule(self, l3: str, focus: str | None = None, *, jumps: bool = True) -> str:
        names = self._random.sample(sorted(MATCHES), self._random.choice((1, 1, 2, 3)))
        if focus in MATCHES or focus in OPEN:
            names = [*names[: self._random.randint(0, 1)], focus]
        unwanted = IPV6_ONLY if l3 == "ip" else IPV4_ONLY
        # The last of a kind stays: that is the one asked for.
        kinds = {_kind(name): name for name in names if name not in unwanted}
        names = list(kinds.values())
        if TCP_ONLY.intersection(names) and UDP_ONLY.intersection(names):
            names = names[-1:]
        weighted = ["ACCEPT"] * 6 + ["DROP"] * 3 + ["REJECT"] * 2 + sorted(VERDICTS)
        verdict = focus if focus in VERDICTS else self._random.choice(weighted)
        if not jumps and verdict in ("jump", "goto"):
            verdict = "ACCEPT"
        if sum(name in _SINGLE for name in names) > 1:
            self.used.add("asking twice")
        draw = self._draw(l3, set(names))
        self.used.update([*names, verdict])
        said = " ".join((MATCHES | OPEN)[name](draw) for name in names)
        if focus == "REJECT with a reset" or (draw.l4 == "tcp" and self._random.random() < 0.05):
            return f"-p tcp -m multiport --dports {draw.port},{draw.port},22 {RESET(draw)}"
        return f"-p {draw.l4} {said} {VERDICTS[verdict](draw)}"

    def _draw(self, l3: str, names: set[str]) -> Draw:
        draw = Draw(self._random)
        draw.l3 = l3
        if names & TCP_ONLY:
            draw.l4 = "tcp"
        elif names & UDP_ONLY:
            draw.l4 = "udp"
        return draw


def _kind(name: str) -> str:
    """A rule has one source, one destination and one interface."""
    kind = name.split(maxsplit=1)[0]
    plain = name in ("source", "source prefix", "source negated", "source mask with holes")
    if plain or name in ("destination", "destination negated") or kind == "interface":
        return kind
    return name
