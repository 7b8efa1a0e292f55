"""How an apply ended, read from its last event. Untrusted: made safe to show where it enters."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from eloquence_ops.secrets import Redactor
from eloquence_ops.untrusted import excerpt, one_line

Outcome = Literal["deployed", "undone", "refused", "lost"]
EXIT_CODES: dict[Outcome, int] = {"deployed": 0, "undone": 1, "refused": 3, "lost": 4}
"""`refused` is 1 where the release was at fault and nothing had been changed yet."""

_MOST_LINES = 12
_LONGEST_LINE = 400
_LONGEST_BODY = 600
# What somebody else is doing, or what the server has become: nobody can tell from here.
_UNDETERMINED = frozenset({"locked", "changed", "port-taken", "killed", "defect"})


class Why(BaseModel):
    """What ended it: the step, and what was seen there."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    step: str = ""
    kind: str = ""
    status: int | None = None
    path: str | None = None
    body: str | None = None
    lines: tuple[str, ...] = ()
    detail: str | None = None

    @field_validator("step", "kind", "path", "detail", mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return one_line(Redactor().text(str(value)), limit=_LONGEST_LINE) if value else value

    @field_validator("body", mode="before")
    @classmethod
    def _bounded(cls, value: Any) -> Any:
        return excerpt(Redactor().text(str(value)), limit=_LONGEST_BODY) if value else value

    @field_validator("lines", mode="before")
    @classmethod
    def _few(cls, value: Any) -> Any:
        if not isinstance(value, list | tuple):
            return ()
        shown = (one_line(Redactor().text(str(line)), limit=_LONGEST_LINE) for line in value)
        return tuple(line for line in shown if line)[-_MOST_LINES:]


class Ending(BaseModel):
    """`current` is what serves now, `serves` whether that was seen."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    outcome: Outcome
    release: str | None = None
    current: str | None = None
    serves: bool | None = None
    why: Why | None = None

    @field_validator("release", "current", mode="before")
    @classmethod
    def _harmless(cls, value: Any) -> Any:
        return one_line(str(value), limit=_LONGEST_LINE) if value else value

    @property
    def exit_code(self) -> int:
        kind = self.why.kind if self.why else ""
        if self.outcome == "undone" and kind == "defect":
            return 3
        if self.outcome == "refused" and kind not in ("", *_UNDETERMINED):
            return 1
        return EXIT_CODES[self.outcome]


def read(event: object) -> Ending:
    """What cannot be read is an end of which nothing is known: a person must look."""
    try:
        return Ending.model_validate(event)
    except (ValidationError, RecursionError):
        return Ending(outcome="lost", serves=None)
