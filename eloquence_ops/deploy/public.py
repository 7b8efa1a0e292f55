"""The API seen through its public name, before a deploy and after it.

Only what is new counts: what was broken before is reported, and undoes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.findings import Finding, Status
from eloquence_ops.run.carry_out import Execution
from eloquence_ops.run.examine import Result, examine
from eloquence_ops.run.plan import Plan

MakePlan = Callable[[], Plan]


@dataclass(frozen=True)
class Compared:
    """`new`: what went before and does not any more; `old`: fails that were there before."""

    before: Result
    after: Result
    new: tuple[Finding, ...]
    old: tuple[Finding, ...]


async def look(make_plan: MakePlan) -> Result:
    """One examination, as `check-api` makes it. Signals stay the deploy's."""
    recording = await Execution(make_plan(), "deploy").carry_out(takes_signals=False)
    return examine(recording, catalogue())


def compare(before: Result, after: Result, areas: frozenset[str]) -> Compared:
    """Pure."""
    new, old = failures(before.findings, after.findings, areas)
    return Compared(before, after, new, old)


def failures(
    before: Sequence[Finding], after: Sequence[Finding], areas: frozenset[str]
) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """What newly does not go, and what did not before. Pure.

    A check that was failing on the same subject is no news, however it fails now. One that had
    passed and now cannot tell is: unknown is never a pass.
    """
    was = {_place(finding): finding.status for finding in before}
    now = [finding for finding in after if finding.area in areas]
    failed = [finding for finding in now if finding.status is Status.FAIL]
    new = [
        finding
        for finding in now
        if (finding.status is Status.FAIL and was.get(_place(finding)) is not Status.FAIL)
        or (
            finding.status is Status.UNKNOWN
            and was.get(_place(finding)) in (Status.PASS, Status.WARN)
        )
    ]
    return tuple(new), tuple(finding for finding in failed if finding not in new)


def _place(finding: Finding) -> tuple[str, str, str]:
    return finding.check, str(finding.subject), finding.vantage
