"""The faults that the lab can make: one file each in `faults/`, and their combination."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from itertools import permutations
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from eloquence_ops.catalogue.model import Text
from eloquence_ops.errors import UsageError
from eloquence_ops.lab.plan import LabPlan

_FOLDER: Final = Path(__file__).parent / "faults"


class Fault(BaseModel):
    """`shows` is the cause that the diagnosis must name, or one of `ties`, which from here are the
    same. `brings`: causes that are there too whenever this fault is. `not_with`: faults that take
    away what this one is known by, where a value in the plan would exclude others too. `lab` is
    what differs from the healthy plan."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    title: Text
    shows: str
    ties: tuple[str, ...] = ()
    brings: tuple[str, ...] = ()
    not_with: tuple[str, ...] = ()
    lab: Mapping[str, Mapping[str, Any]]


@cache
def all_faults() -> Mapping[str, Fault]:
    """Every fault by its id. Raises ValueError naming a file that is wrong."""
    return {path.stem: _read(path) for path in sorted(_FOLDER.glob("*.toml"))}


def _read(path: Path) -> Fault:
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    try:
        fault = Fault.model_validate({"id": path.stem, "shows": path.stem} | document)
        LabPlan.model_validate(fault.lab)
    except ValidationError as problem:
        raise ValueError(f"{path}: {problem}") from problem
    return fault


def named(names: Iterable[str]) -> tuple[Fault, ...]:
    """Raises `UsageError` with near misses for a fault that does not exist."""
    known = all_faults()
    found = []
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=3)
            which = "lab.no-fault-near" if near else "lab.no-fault"
            raise UsageError(which, name=name, near=", ".join(near))
        found.append(known[name])
    return tuple({fault.id: fault for fault in found}.values())


def combined(faults: Iterable[Fault]) -> LabPlan:
    """The plan with all of these faults. Raises `UsageError` where two cannot exist together."""
    faults = tuple(faults)
    for one, other in permutations(faults, 2):
        if other.id in one.not_with:
            raise UsageError("lab.conflict", one=one.id, other=other.id)
    merged: dict[str, dict[str, Any]] = {}
    owner: dict[tuple[str, str], str] = {}
    for fault in faults:
        for part, values in fault.lab.items():
            for name, value in values.items():
                before = merged.setdefault(part, {}).setdefault(name, value)
                first = owner.setdefault((part, name), fault.id)
                if before != value:
                    raise UsageError("lab.conflict", one=first, other=fault.id)
    return LabPlan.model_validate(merged)
