"""Causes that a chosen one cannot be told from, for want of a look from where they show.

An API that crashes at its start is, seen from here, one that is stopped. As long as nothing was
judged of what would tell, neither for it nor against, it is as possible as the chosen one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from eloquence_ops.catalogue.model import Cause
from eloquence_ops.diagnosis.links import Instance, meeting
from eloquence_ops.findings import Finding, Vantage

_MOST: int = 12


def lookalikes(
    chosen: Instance,
    others: Iterable[Instance],
    causes: Mapping[str, Cause],
    findings: Iterable[Finding],
) -> tuple[Instance, ...]:
    """What looks like `chosen`, or like one of the `others` that would serve as well."""
    judged = [finding for finding in findings if finding.status.was_judged]
    seen = {(finding.check, finding.vantage) for finding in judged}
    stated = (chosen, *others)
    names = {entry.cause.id for entry in stated}
    found: dict[str, Instance] = {}
    for entry in stated:
        for cause in causes.values():
            if cause.id in names or cause.id in found or entry.cause.id not in cause.looks_like:
                continue
            shows = {
                (link.finding.rpartition(".")[0], link.vantage)
                for link in cause.explains
                if link.vantage is not Vantage.HERE
            }
            if not shows or shows & seen:
                continue
            if not meeting(cause.contradicted_by, judged, entry.subject, cause.scope):
                found[cause.id] = Instance(cause, entry.subject, entry.explains, (), ())
    return tuple(list(found.values())[:_MOST])
