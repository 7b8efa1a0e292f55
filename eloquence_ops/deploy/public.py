"""The API seen through its public name, before a deploy and after it.

Only what is new counts: what was broken before is reported, and undoes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.findings import Finding, Status
from eloquence_ops.run.carry_out import Execution
from eloquence_ops.run.examine import Result, examine
from eloquence_ops.run.plan import Plan

MakePlan = Callable[[], Plan]


@dataclass(frozen=True)
class Compared:
    """`new`: fails that were not there before; `old`: those that were."""

    before: Result
    after: Result
    new: tuple[Finding, ...]
    old: tuple[Finding, ...]


async def look(make_plan: MakePlan) -> Result:
    """One examination, as `check-api` makes it. Signals stay the deploy's."""
    recording = await Execution(make_plan(), "deploy").carry_out(takes_signals=False)
    return examine(recording, catalogue())


def compare(before: Result, after: Result, areas: frozenset[str]) -> Compared:
    """Pure. A check that was failing on the same subject is no news, however it fails now."""
    was = {_place(finding) for finding in _failed(before, areas)}
    now = _failed(after, areas)
    return Compared(
        before,
        after,
        new=tuple(finding for finding in now if _place(finding) not in was),
        old=tuple(finding for finding in now if _place(finding) in was),
    )


def _failed(result: Result, areas: frozenset[str]) -> list[Finding]:
    return [
        finding
        for finding in result.findings
        if finding.status is Status.FAIL and finding.area in areas
    ]


def _place(finding: Finding) -> tuple[str, str, str]:
    return finding.check, str(finding.subject), finding.vantage
