"""Where probes leave what others need, and what they saw.

A fact lives in memory only and may be secret (a session's token); an observation is
public and goes into the recording. Nothing moves from the one to the other by itself.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from eloquence_ops.observations import AnyObservation

T = TypeVar("T")


@dataclass(frozen=True)
class Fact(Generic[T]):
    """The name of something that one probe provides and others need."""

    name: str


@dataclass
class Board:
    """`started` is the `time.monotonic()` that observations count from."""

    started: float = field(default_factory=time.monotonic)
    observations: list[AnyObservation] = field(default_factory=list)
    _facts: dict[str, Any] = field(default_factory=dict)

    def put(self, fact: Fact[T], value: T) -> None:
        self._facts[fact.name] = value

    def has(self, fact: Fact[Any]) -> bool:
        return fact.name in self._facts

    def get(self, fact: Fact[T]) -> T:
        """Raises KeyError when nobody provided it: then it was not among the probe's needs."""
        value: T = self._facts[fact.name]
        return value

    def note(self, observation: AnyObservation) -> None:
        self.observations.append(observation)


Measure = Callable[[Board], Awaitable[None]]


@dataclass(frozen=True)
class Probe:
    """One measurement of a run. `deadline_s` is for `measure`, and again for `finish`.

    `finish` takes back what `measure` changed (it closes a session). It runs at the end of every
    run in which `measure` was started, also after Ctrl-C.
    """

    id: str
    measure: Measure
    deadline_s: float
    needs: tuple[Fact[Any], ...] = ()
    provides: tuple[Fact[Any], ...] = ()
    finish: Measure | None = None
