"""The result of a diagnosis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from eloquence_ops.catalogue.model import Cause
from eloquence_ops.findings import Finding

Confidence = Literal["certain", "likely", "possible"]


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another cause that would serve as well as the chosen one; `subject` is what it is about.

    `is_lookalike`: nothing that was looked at could tell it from the chosen one.
    """

    cause: Cause
    subject: str
    is_lookalike: bool = False


@dataclass(frozen=True, slots=True)
class Chosen:
    """A cause held to be present.

    `certain`: confirmed by evidence that only it produces. `likely`: unconfirmed, and no other
    cause would serve. `possible`: `alternatives` would serve as well.
    """

    cause: Cause
    subject: str
    confidence: Confidence
    explains: tuple[Finding, ...]
    confirmed_by: tuple[Finding, ...]
    alternatives: tuple[Alternative, ...]
    masks: int


@dataclass(frozen=True, slots=True)
class RuledOut:
    """A cause that could have explained something, and the evidence against it."""

    cause: Cause
    by: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    causes: tuple[Chosen, ...] = ()
    ruled_out: tuple[RuledOut, ...] = ()
    unexplained: tuple[Finding, ...] = ()
    masked: int = 0
