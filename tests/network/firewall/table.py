"""docs/firewall.md: what was asked, and what stayed unknown.

Renewed by `python -m tests.network.firewall.table`, as root.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.network.firewall import generated_iptables, generated_nft
from tests.network.firewall.oracle import Compared, compared
from tests.network.firewall.ruleset import Ruleset, written

DOCUMENT: Final = Path(__file__).resolve().parents[3] / "docs" / "firewall.md"
_SEED: Final = 2026


def rulesets() -> list[Ruleset]:
    """Everything that CI asks: what is written by hand, and every feature of each generator."""
    return [
        *written(),
        *generated_nft.rulesets(2 * len(generated_nft.FEATURES), _SEED),
        *generated_iptables.rulesets(len(generated_iptables.FEATURES), _SEED),
        *generated_iptables.rulesets(len(generated_iptables.FEATURES), _SEED, "legacy"),
    ]


def document(found: Sequence[Compared]) -> str:
    """The whole page."""
    met = Counter(one.met for one in found)
    unknown = [one for one in found if one.answer.verdict == "unknown"]
    wrong = sum(one.is_wrong for one in found)
    return "\n".join(
        [
            "# What a server's firewall is said to do, and what it does",
            "",
            "`eloquence_ops/checks/firewall/` reads what a server's firewall says of itself and",
            "answers what becomes of a new packet from outside: accepted, dropped, rejected, or",
            "unknown with the feature that leaves it open. It guesses nothing. The tests load",
            "firewalls into a network namespace and send real packets; here is what came of it.",
            "Renewed by `python -m tests.network.firewall.table` (root).",
            "",
            f"{len({one.ruleset.name for one in found})} rulesets, {len(found)} packets: "
            f"{met['accepted']} accepted, {met['dropped']} dropped, {met['rejected']} rejected.",
            f"Answered wrongly: **{wrong}**. Unknown: {len(unknown)}.",
            "",
            *_kinds(found),
            "",
            *_features(unknown),
            "",
            "Each feature that is supported is what some of the generated rulesets are made to",
            "hold, and comes up in others by chance:",
            "",
            *_quotas(found),
            "",
        ]
    )


def _kinds(found: Sequence[Compared]) -> list[str]:
    lines = ["| rulesets | how many | packets | unknown | wrong |", "|---|---|---|---|---|"]
    groups: dict[str, list[Compared]] = defaultdict(list)
    for one in found:
        groups[_kind(one.ruleset)].append(one)
    for kind, ones in groups.items():
        names = len({one.ruleset.name for one in ones})
        unknown = sum(one.answer.verdict == "unknown" for one in ones)
        wrong = sum(one.is_wrong for one in ones)
        lines.append(f"| {kind} | {names} | {len(ones)} | {unknown} | {wrong} |")
    return lines


def _kind(ruleset: Ruleset) -> str:
    if ":" in ruleset.name:
        return f"generated, {ruleset.name.split()[0]}"
    return "ufw" if "ufw" in ruleset.texts else "written by hand"


def _features(unknown: Sequence[Compared]) -> list[str]:
    counts: Counter[str] = Counter()
    details: dict[str, set[str]] = defaultdict(set)
    for one in unknown:
        doubt = one.answer.doubt
        assert doubt is not None
        counts[doubt.feature] += 1
        if doubt.detail:
            details[doubt.feature].add(doubt.detail)
    lines = ["| left open by | packets | for example |", "|---|---|---|"]
    for feature, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])):
        shown = ", ".join(f"`{detail}`" for detail in sorted(details[feature])[:4])
        lines.append(f"| {feature} | {count} | {shown} |")
    return lines


def _quotas(found: Sequence[Compared]) -> list[str]:
    """Every feature of the generators, also one that met nothing."""
    lines = [
        "| feature | rulesets | packets that met them | accepted | dropped | rejected | unknown |",
        "|---|---|---|---|---|---|---|",
    ]
    for tool, features in (
        ("nft", generated_nft.FEATURES),
        ("iptables", generated_iptables.FEATURES),
    ):
        for feature in sorted(features):
            ones = [
                one
                for one in found
                if feature in one.ruleset.features and _kind(one.ruleset).startswith(_of(tool))
            ]
            rulesets = len({one.ruleset.name for one in ones})
            met = Counter(one.met for one in ones)
            unknown = sum(one.answer.verdict == "unknown" for one in ones)
            told = " | ".join(str(met[how]) for how in ("accepted", "dropped", "rejected"))
            lines.append(f"| {tool}: {feature} | {rulesets} | {len(ones)} | {told} | {unknown} |")
    return lines


def _of(tool: str) -> str:
    """The kinds of rulesets that a generator makes, legacy ones too."""
    return f"generated, {tool}"


if __name__ == "__main__":
    answers = compared(rulesets())
    DOCUMENT.write_text(document(answers), encoding="utf-8")
    for answer in answers:
        if answer.is_wrong:
            print(answer)
    sys.exit(any(answer.is_wrong for answer in answers))
