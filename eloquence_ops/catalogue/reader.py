"""Reads `checks/` and says exactly which file is wrong when one is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import tomli
from pydantic import TypeAdapter, ValidationError

from eloquence_ops import datafiles
from eloquence_ops.catalogue.model import (
    CAUSE_ID,
    CHECK_ID,
    Catalogue,
    Cause,
    Check,
    Symptom,
    Text,
)

_TEXTS = TypeAdapter(dict[str, Text])
_OUTCOMES = TypeAdapter(dict[str, dict[str, Text]])
E = TypeVar("E", Check, Cause)
_SYMPTOMS = TypeAdapter(tuple[Symptom, ...])


class CatalogueError(Exception):
    """A file of `checks/` is not what it must be. A defect of the product, not of its user."""


@cache
def catalogue() -> Catalogue:
    """The catalogue that travels with this version. Tests read all of it; a run, what it needs."""
    return opened(datafiles.folder("checks"))


def read(folder: Path) -> Catalogue:
    """Every file below `folder`, and each entry held against those that it names.

    Raises `CatalogueError` naming the file and what is wrong.
    """
    found = opened(folder)
    found = replace(found, checks=dict(found.checks), causes=dict(found.causes))
    _refuse_loose_ends(found)
    return found


def opened(folder: Path) -> Catalogue:
    """The same, but a check or a cause is read when it is first asked for: an id is a path.

    Raises `CatalogueError` then, for that file alone.
    """
    checks = _Entries(Check, _checks(folder))
    causes = _Entries(Cause, _causes(folder / "causes"))
    try:
        symptoms = _SYMPTOMS.validate_python(_toml(folder / "symptoms.toml").get("symptom", []))
        outcomes = _OUTCOMES.validate_python(_toml(folder / "outcomes.toml"))
        words = _TEXTS.validate_python(_toml(folder / "words.toml"))
    except ValidationError as problem:
        raise CatalogueError(f"{folder}: {problem}") from problem
    return Catalogue(checks, causes, symptoms, outcomes, words)


class _Entries(Mapping[str, E]):
    """By id. In one order on every machine, so that a run tells the same everywhere."""

    def __init__(self, model: type[E], files: Mapping[str, Path]) -> None:
        self._model: type[E] = model
        self._files = files
        self._read: dict[str, E] = {}

    def __getitem__(self, entry_id: str) -> E:
        if entry_id not in self._read:
            self._read[entry_id] = _entry(self._model, entry_id, self._files[entry_id])
        return self._read[entry_id]

    def __contains__(self, entry_id: object) -> bool:
        return entry_id in self._files

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomli.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise CatalogueError(f"{path}: {problem}") from problem


def _checks(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(folder.glob("*/*.toml")):
        if path.parent.name == "causes":
            continue
        check_id = f"{path.parent.name}.{path.stem}"
        if not CHECK_ID.fullmatch(check_id):
            raise CatalogueError(f"{path}: {check_id!r} is not the id of a check")
        found[check_id] = path
    return found


def _causes(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(folder.glob("*.toml")):
        if not CAUSE_ID.fullmatch(path.stem):
            raise CatalogueError(f"{path}: {path.stem!r} is not the id of a cause")
        found[path.stem] = path
    return found


def _entry(model: type[E], entry_id: str, path: Path) -> E:
    try:
        return model.model_validate(_toml(path) | {"id": entry_id})
    except (ValidationError, ValueError) as problem:
        raise CatalogueError(f"{path}: {problem}") from problem


def _refuse_loose_ends(found: Catalogue) -> None:
    sound: set[str] = set()
    for check in found.checks.values():
        for required in check.prerequisites:
            if required.check not in found.checks:
                raise CatalogueError(f"{check.id} requires {required.check}, which does not exist")
        _refuse_cycle(found, check.id, (), sound)
    for cause in found.causes.values():
        for other in cause.looks_like:
            if other not in found.causes:
                raise CatalogueError(f"{cause.id} looks like {other}, which does not exist")
        for link in cause.links:
            try:
                found.status(link.finding)
            except KeyError:
                raise CatalogueError(
                    f"{cause.id} refers to {link.finding}, which no check yields"
                ) from None
    for symptom in found.symptoms:
        for cause_id in symptom.causes:
            if cause_id not in found.causes:
                raise CatalogueError(f"a symptom points to {cause_id}, which does not exist")


def _refuse_cycle(found: Catalogue, check_id: str, path: tuple[str, ...], sound: set[str]) -> None:
    """`sound`: the checks that are known to end nowhere in themselves; grows."""
    if check_id in path:
        raise CatalogueError(f"checks require each other: {' → '.join((*path, check_id))}")
    if check_id in sound:
        return
    for required in found.checks[check_id].prerequisites:
        if required.check in found.checks:
            _refuse_cycle(found, required.check, (*path, check_id), sound)
    sound.add(check_id)
