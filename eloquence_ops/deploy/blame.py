"""Which cause of the runbook a failed deploy points to. Pure, but for reading its own table.

What the service or pip wrote last says most, by the symptoms of the catalogue, as `tail-logs
--diagnose` reads them; then how the step ended, by `blame.toml`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from eloquence_ops.catalogue.model import Catalogue, Cause
from eloquence_ops.deploy.ending import Why

_LONGEST = 4000


_SAY_IT_THEMSELVES: Final = frozenset(
    {"unit", "hook", "changed", "locked", "asked", "killed", "unconfirmed", "defect", "rooms"}
)


@dataclass(frozen=True)
class Blame:
    """`causes`, the likeliest first; `line` is what gave it away, where a line did."""

    causes: tuple[Cause, ...]
    line: str | None = None


def of(why: Why, catalogue: Catalogue) -> Blame | None:
    """None where no cause is known for it: the ending then speaks for itself."""
    if why.kind in _SAY_IT_THEMSELVES:
        return None
    by_line = _by_lines(why.lines, catalogue)
    ids = by_line[0] if by_line else _by_table(why)
    causes = tuple(catalogue.causes[each] for each in ids if each in catalogue.causes)
    return Blame(causes, by_line[1] if by_line else None) if causes else None


def _by_lines(lines: Sequence[str], catalogue: Catalogue) -> tuple[tuple[str, ...], str] | None:
    # Backwards: an exception comes after the lines that led to it.
    for line in reversed(lines):
        for symptom in catalogue.symptoms:
            if not (symptom.in_logs and symptom.causes):
                continue
            if any(re.search(each, line[:_LONGEST], re.IGNORECASE) for each in symptom.matches):
                return symptom.causes[:2], line
    return None


def _by_table(why: Why) -> tuple[str, ...]:
    for rule in _rules():
        fits = (
            rule["kind"] == why.kind
            and ("status" not in rule or why.status in rule["status"])
            and ("path" not in rule or (why.path or "").endswith(rule["path"]))
        )
        if fits:
            return tuple(rule["causes"])
    return ()


@cache
def _rules() -> list[dict[str, Any]]:
    text = Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")
    rules: list[dict[str, Any]] = tomllib.loads(text)["rule"]
    return rules
