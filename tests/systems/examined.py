"""doctor's own pipeline on a target, inside one event loop."""

from __future__ import annotations

from collections.abc import Mapping

from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.findings import AREAS_BY_ITSELF, Finding, Status
from eloquence_ops.run.carry_out import Execution
from eloquence_ops.run.examine import Result, examine
from eloquence_ops.run.plan import Plan
from eloquence_ops.secrets import Redactor, Secret
from eloquence_ops.settings import Target, Value, build_target

LAB_KEY = "lab-api-key"
_CALM = frozenset({Status.PASS, Status.SKIPPED})


async def examined(values: Mapping[str, Value], *, timeout_s: float = 5.0) -> Result:
    """`values` are those of a target in eloquence.toml."""
    return await examined_target(
        build_target("system", dict(values), origin=str), timeout_s=timeout_s
    )


async def examined_target(target: Target, *, timeout_s: float = 5.0) -> Result:
    key = Secret(LAB_KEY)
    plan = Plan(
        target=target,
        areas=frozenset(AREAS_BY_ITSELF),
        environ={},
        redactor=Redactor(key),
        api_key=key,
        timeout_s=timeout_s,
    )
    return examine(await Execution(plan, "doctor").carry_out(), catalogue())


def misgivings(result: Result) -> list[Finding]:
    """What a healthy system must not give; everything passes, or was not asked for."""
    checks = catalogue().checks
    return [
        finding
        for finding in result.findings
        if finding.status not in _CALM
        and (finding.status is not Status.UNKNOWN or checks[finding.check].essential)
    ]
