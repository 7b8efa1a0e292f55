"""A table of iptables that stands in nft's text too, each put right by the other.

nft does not understand iptables' extensions. And iptables-save 1.8.9 shows a rule that asks twice
for one thing (`! --dport 8083`, then `--dport :50010`) as if it asked once, and for something else;
there nft is right.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Final

from eloquence_ops.checks.firewall.model import BaseChain, Chain, Field, Rule, Step, Table, Test
from eloquence_ops.checks.firewall.packet import Hook

_MERGED: Final = {Field.PORT, Field.SOURCE_PORT, Field.TCP_FLAGS}


class Contradiction(Exception):
    """The two are not of the same moment. Its argument: the chain in which they differ."""


def paired(saved: Table, shown: Table) -> Table:
    """`saved` by iptables-save, with what nft knows better. Raises `Contradiction`.

    A base chain that somebody gave a name of their own is to iptables-save a chain that nobody
    jumps to: such a table was not made by iptables, and nft's word for it counts.
    """
    if shown.sleeps:
        return shown
    if not {_hooking(base) for base in shown.base_chains} <= set(map(_hooking, saved.base_chains)):
        return shown
    chains: dict[str, Chain] = {}
    for name, chain in saved.chains.items():
        seen = shown.chains.get(name)
        if len(chain.rules) != (len(seen.rules) if seen else 0):
            raise Contradiction(name)
        rules = tuple(map(_better, chain.rules, seen.rules)) if seen else ()
        chains[name] = Chain(chain.place, rules, chains)
    hooked = tuple(
        replace(base, chain=chains[base.chain.place.chain], may_sleep=shown.sleeps is None)
        for base in saved.base_chains
    )
    return Table(saved.family, saved.name, chains, hooked)


def _hooking(base: BaseChain) -> tuple[str, Hook, str, int, str]:
    return base.chain.place.chain, base.hook, base.kind, base.priority, base.policy


def _better(saved: Rule, shown: Rule) -> Rule:
    asked = Counter(
        field
        for step in shown.steps
        if isinstance(step, Test)
        for field in step.fields
        if field in _MERGED
    )
    if max(asked.values(), default=0) < 2:
        return saved
    return Rule(saved.place, saved.text, (*_tests(shown), *_ending(saved)))


def _tests(rule: Rule) -> tuple[Step, ...]:
    """What nft shows of a rule's conditions; it leaves open those of an extension."""
    return tuple(step for step in rule.steps if isinstance(step, Test))


def _ending(rule: Rule) -> tuple[Step, ...]:
    """What a rule does, which iptables-save shows as it is."""
    return tuple(step for step in rule.steps if not isinstance(step, Test))
