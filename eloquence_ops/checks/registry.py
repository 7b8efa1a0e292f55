"""How a judgement is written: a function of a subject and what was seen, yielding outcomes.

    @check("api.answers", feeds=("root",), outcomes={"ok": "status author", "silent": "seconds"})
    def answers(api: Endpoint, seen: Seen) -> Judgement: ...

`outcomes` names every outcome with the evidence it carries; tests hold it against the catalogue.
`feeds` names the probes it reads, without their role: when none of them came to an end, the
engine says why nothing could be judged. A judgement that yields nothing says `unknown`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from eloquence_ops.checks.seen import Seen
from eloquence_ops.findings import Evidence, Family


@dataclass(frozen=True, slots=True)
class Verdict:
    """One outcome. `family` where it holds for one address family only."""

    outcome: str
    evidence: Evidence = field(default_factory=dict)
    family: Family | None = None
    duration_s: float = 0.0


Judgement = Iterator[Verdict]
Judge = Callable[[Any, Seen], Judgement]


@dataclass(frozen=True, slots=True)
class Registered:
    id: str
    feeds: tuple[str, ...]
    outcomes: Mapping[str, frozenset[str]]
    judge: Judge


REGISTRY: dict[str, Registered] = {}


def check(
    check_id: str, *, feeds: tuple[str, ...], outcomes: Mapping[str, str]
) -> Callable[[Judge], Judge]:
    """Registers a judgement under the id of its catalogue entry."""

    def register(judge: Judge) -> Judge:
        declared = {name: frozenset(fields.split()) for name, fields in outcomes.items()}
        REGISTRY[check_id] = Registered(check_id, feeds, declared, judge)
        return judge

    return register
