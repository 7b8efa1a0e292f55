"""The words of a diagnosis as types: status, vantage, subject, finding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

AREAS = ("dns", "tls", "api", "livekit", "ports", "media", "server", "app")
"""What `--only` and `--skip` accept. The area `machine` is examined whatever was asked for:
this machine is a suspect in every case."""

AREAS_BY_ITSELF = tuple(area for area in AREAS if area != "media")
"""Those of a doctor that was asked for nothing else. Sound takes ten seconds and a library of its
own, and the coach that answers costs its owner money: it is examined where somebody asks for it."""

Scalar = str | int | float | bool | None
Evidence = Mapping[str, Scalar | tuple[str, ...]]
"""What a finding rests on: short, already redacted and safe to print."""


class Status(StrEnum):
    """What came of a check. `UNKNOWN` (looked, could not tell) is never a pass."""

    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"
    MASKED = "masked"
    SKIPPED = "skipped"
    UNKNOWN = "unknown"
    ERROR = "error"

    @property
    def is_problem(self) -> bool:
        return self in (Status.WARN, Status.FAIL)

    @property
    def was_judged(self) -> bool:
        """Only these may explain, confirm or contradict a cause."""
        return self in (Status.PASS, Status.WARN, Status.FAIL)

    @property
    def lets_through(self) -> bool:
        """A warning is imperfect, but what depends on it can still be checked."""
        return self in (Status.PASS, Status.WARN)


class Vantage(StrEnum):
    """Where one looks from."""

    HERE = "here"
    SERVER = "server"
    CODE = "code"


class Family(StrEnum):
    """An address family, in the words of the report."""

    IPV4 = "ipv4"
    IPV6 = "ipv6"


@dataclass(frozen=True, order=True, slots=True)
class Subject:
    """What a finding is about: an endpoint, a host, a unit, a port range."""

    name: str
    family: Family | None = None

    def __str__(self) -> str:
        return f"{self.name} {self.family}" if self.family else self.name


@dataclass(frozen=True, slots=True)
class Finding:
    """(`id`, `vantage`, `subject`) with its status and evidence.

    `id` is `area.check.outcome`. The outcomes `masked`, `skipped`, `unknown` and
    `error` exist for every check; all others are the catalogue's.
    """

    id: str
    status: Status
    vantage: Vantage
    subject: Subject
    evidence: Evidence = field(default_factory=dict)
    masked_by: tuple[str, ...] = ()
    duration_s: float = 0.0

    @property
    def check(self) -> str:
        return self.id.rpartition(".")[0]

    @property
    def outcome(self) -> str:
        return self.id.rpartition(".")[2]

    @property
    def area(self) -> str:
        return self.id.partition(".")[0]

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.id, self.vantage, str(self.subject))
