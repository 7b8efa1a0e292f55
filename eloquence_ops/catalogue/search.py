"""Finds an entry by its id, or by what somebody pasted. Pure."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import Any, Final

from eloquence_ops.catalogue.model import (
    OUTCOMES_OF_ALL,
    Catalogue,
    Cause,
    Check,
    Outcome,
    Symptom,
)

_LONGEST: Final = 4000
_NEAR: Final = 0.6


@dataclass(frozen=True)
class FoundFinding:
    """A finding is an outcome of its check."""

    check: Check
    name: str
    outcome: Outcome
    causes: tuple[Cause, ...]


Found = Check | Cause | FoundFinding | Symptom


def search(text: str, catalogue: Catalogue) -> list[Found]:
    """An id with no dot is a cause, one dot a check, two a finding; anything else a symptom.

    The first symptom that matches is the most specific one; others follow in their order.
    """
    wanted = text.strip()[:_LONGEST]
    exact = _by_id(wanted.lower().partition("@")[0], catalogue)
    if exact is not None:
        return [exact]
    return [
        symptom
        for symptom in catalogue.symptoms
        if any(re.search(pattern, wanted, re.IGNORECASE) for pattern in symptom.matches)
    ]


def _by_id(wanted: str, catalogue: Catalogue) -> Found | None:
    if wanted in catalogue.causes:
        return catalogue.causes[wanted]
    if wanted in catalogue.checks:
        return catalogue.checks[wanted]
    check_id, _, name = wanted.rpartition(".")
    check = catalogue.checks.get(check_id)
    if check is None:
        return None
    if name in check.outcomes:
        return FoundFinding(check, name, check.outcomes[name], causes_of(wanted, catalogue))
    if name in OUTCOMES_OF_ALL:
        text = catalogue.outcomes_of_all[name]["default"]
        made: dict[str, Any] = {"status": OUTCOMES_OF_ALL[name], "summary": text}
        outcome = Outcome.model_construct(**made)
        return FoundFinding(check, name, outcome, ())
    return None


def causes_of(finding_id: str, catalogue: Catalogue) -> tuple[Cause, ...]:
    """The causes that may produce a finding, the more likely ones first."""
    found = [
        cause
        for cause in catalogue.causes.values()
        if any(link.finding == finding_id for link in cause.explains)
    ]
    return tuple(sorted(found, key=lambda cause: (-cause.prior, cause.id)))


def near_misses(text: str, catalogue: Catalogue) -> tuple[str, ...]:
    """Ids that look like `text`, or hold it; at most five."""
    wanted = text.strip().lower()[:100]
    ids = [
        *catalogue.causes,
        *catalogue.checks,
        *(f"{check.id}.{name}" for check in catalogue.checks.values() for name in check.outcomes),
    ]
    near = difflib.get_close_matches(wanted, ids, n=5, cutoff=_NEAR)
    holding = [entry for entry in ids if len(wanted) > 2 and wanted in entry]
    return tuple(dict.fromkeys((*near, *holding)))[:5]
