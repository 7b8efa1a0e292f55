"""How each probe of a run ended."""

from __future__ import annotations

from typing import Literal

from eloquence_ops.observations.base import Record

ProbeState = Literal["done", "late", "crashed", "starved", "interrupted"]


class ProbeEnd(Record):
    """`starved`: something it needs (`missing`) was never provided. `late`: its deadline passed.

    `crashed` is a defect of ours; `detail` says which, redacted. Seconds in `duration_s`.
    """

    id: str
    state: ProbeState
    missing: tuple[str, ...] = ()
    detail: str = ""
    duration_s: float = 0.0
