"""Which environment a release is served from."""

from __future__ import annotations

from typing import Final

from eloquence_ops.deploy.choices import Choices
from eloquence_ops.deploy.planning.shapes import Packages
from eloquence_ops.deploy.requirements import Requirements, changes
from eloquence_ops.deploy.source import Source
from eloquence_ops.deploy.survey import Environment, Record, Survey

FLAT: Final = "flat"
"""The id of a hand-made installation's own environment."""


def packages_of(
    source: Source, wanted: Requirements | None, survey: Survey, choices: Choices
) -> Packages:
    current = survey.record
    before = survey.environment(current.environment if current else None)
    if wanted is None:
        # Nothing is said of packages: those that serve now serve again.
        return Packages("unsaid", before.id) if before else Packages("first")
    differing = changes(wanted, before.packages if before else ())
    if choices.refresh_packages:
        return Packages("refresh", None, differing)
    if survey.layout == "flat" and _is_flat_one(source, wanted, survey):
        return Packages("same", FLAT)
    for record in _newest_first(survey, current):
        environment = survey.environment(record.environment)
        if environment and record.requirements_digest == wanted.digest:
            if not _same_python(environment, survey):
                return Packages("python", None, differing)
            return Packages("same", environment.id)
    return Packages("changed" if before else "first", None, differing)


def _is_flat_one(source: Source, wanted: Requirements, survey: Survey) -> bool:
    """Whether the hand-made installation's own environment was made from the same file."""
    here = source.entry(wanted.path)
    there = {path: sha for path, sha, *_ in survey.files}.get(wanted.path)
    return here is not None and here.sha256 == there and survey.environment(FLAT) is not None


def _newest_first(survey: Survey, current: Record | None) -> list[Record]:
    good = [record for record in survey.releases if record.good_at is not None]
    others = sorted(good, key=lambda record: record.id, reverse=True)
    return [*([current] if current else []), *others]


def _same_python(environment: Environment, survey: Survey) -> bool:
    """By 3.11 and not by 3.11.2: an environment follows its interpreter's mending."""
    if not environment.python or not survey.python:
        return True
    return environment.python.split(".")[:2] == survey.python.split(".")[:2]
