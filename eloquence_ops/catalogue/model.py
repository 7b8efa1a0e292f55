"""The entries of `checks/` as types. The files' authors read `checks/README.md`."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from eloquence_ops.findings import Status, Vantage
from eloquence_ops.language import Language
from eloquence_ops.typography import typeset

CHECK_ID: Final = re.compile(r"[a-z]+\.[a-z0-9]+(-[a-z0-9]+)*")
CAUSE_ID: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+")
_LINK: Final = re.compile(
    r"(?P<finding>[a-z]+\.[a-z0-9-]+\.[a-z0-9-]+)"
    r"(?:@(?P<vantage>here|server|code))?(?: on (?P<on>same|host|any))?"
)

About = Literal[
    "machine",
    "hosts",
    "names",
    "app",
    "app-names",
    "zones",
    "endpoints",
    "port-hosts",
    "port-endpoints",
    "media",
    "api",
    "livekit",
    "ice-servers",
    "sound",
    "server",
    "server-api",
    "server-livekit",
    "server-media",
    "server-services",
]
"""What a check has one finding for: each host, each name as it is written; the app's
source, each name in it; each host of which several name servers were asked, each endpoint, the API,
each LiveKit address, each STUN or TURN server, each LiveKit with which sound was to be exchanged;
the server; the API, LiveKit or each of both as they
are on it, with the subjects of their addresses; the ports of LiveKit's media there."""
Scope = Literal["endpoint", "host", "run"]
"""What one instance of a cause covers: an expired certificate one endpoint, no network the run."""
Owner = Literal["app", "backend", "server", "network", "machine"]
Place = Literal["here", "server", "app"]

OUTCOMES_OF_ALL: Final[Mapping[str, Status]] = {
    "masked": Status.MASKED,
    "skipped": Status.SKIPPED,
    "unknown": Status.UNKNOWN,
    "error": Status.ERROR,
}
"""Outcomes that every check has without naming them; their texts are in `checks/outcomes.toml`."""


class Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Text(Entry):
    """One text in both languages; neither may be empty."""

    en: str = Field(min_length=1)
    fr: str = Field(min_length=1)

    def in_language(self, language: Language) -> str:
        """As it is shown; a template still, where it holds placeholders."""
        return typeset(self.fr if language == "fr" else self.en, language)


class Outcome(Entry):
    """One way a check can come out. `summary` is filled in with the evidence."""

    status: Literal[Status.PASS, Status.WARN, Status.FAIL, Status.UNKNOWN, Status.SKIPPED]
    summary: Text
    meaning: Text | None = None


@dataclass(frozen=True, slots=True)
class Prerequisite:
    """A check that another one builds on: `api.session` of the same subject, or `… on any`.

    A `hard` one has to pass; the other kind only must not have failed.
    """

    check: str
    hard: bool
    on_any: bool = False

    @classmethod
    def parse(cls, text: str, *, hard: bool) -> Prerequisite:
        check, _, on = text.partition(" on ")
        if on not in ("", "any"):
            raise ValueError(f"not a prerequisite: {text!r}")
        return cls(check, hard, on_any=on == "any")


class Check(Entry):
    """What is verified, why, and how it can come out.

    `requires`: masked unless these passed. `unless_failed`: masked only when these failed; for a
    check that rests on the same request, where one may be judged while the other cannot tell.
    """

    id: str
    title: Text
    verifies: Text
    why: Text
    guide: str
    vantages: tuple[Vantage, ...]
    about: About
    requires: tuple[str, ...] = ()
    unless_failed: tuple[str, ...] = ()
    essential: bool = False
    by_hand: str
    outcomes: Mapping[str, Outcome]

    @property
    def area(self) -> str:
        return self.id.partition(".")[0]

    @property
    def prerequisites(self) -> tuple[Prerequisite, ...]:
        return (
            *(Prerequisite.parse(text, hard=True) for text in self.requires),
            *(Prerequisite.parse(text, hard=False) for text in self.unless_failed),
        )


@dataclass(frozen=True, slots=True)
class Link:
    """A finding as a cause refers to it: `api.reachable.ok@here on host`.

    `on` says about what: the `same` subject as the cause (default), the same `host`, or `any`.
    """

    finding: str
    vantage: Vantage = Vantage.HERE
    on: Literal["same", "host", "any"] = "same"

    @classmethod
    def parse(cls, text: str) -> Link:
        found = _LINK.fullmatch(text)
        if found is None:
            raise ValueError(f"not a link: {text!r}")
        on = found["on"] or "same"
        return cls(found["finding"], Vantage(found["vantage"] or "here"), on)  # type: ignore[arg-type]

    def __str__(self) -> str:
        return f"{self.finding}@{self.vantage}"


class Remedy(Entry):
    """One step. `run` can be pasted where `where` says; `changes` says what it alters.

    `only_if`: without one of these findings this step is not offered.
    """

    say: Text
    run: str = ""
    where: Place
    changes: Text
    only_if: tuple[Link, ...] = ()

    @field_validator("only_if", mode="before")
    @classmethod
    def _links(cls, texts: object) -> object:
        return tuple(map(Link.parse, texts)) if isinstance(texts, list) else texts

    @property
    def only_looks(self) -> bool:
        return self.changes.en == "nothing"


class NextProbe(Entry):
    """What would confirm or rule out a cause when the evidence at hand cannot."""

    say: Text
    run: str
    where: Place


class ShownBy(Entry):
    """The proof that a cause can be told: a fault of the lab, or a recording of a real run."""

    fault: str | None = None
    recording: str | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> ShownBy:
        if not (self.fault or self.recording):
            raise ValueError("names neither a fault nor a recording")
        return self


class Cause(Entry):
    """A fault of the real world, and how it shows.

    `looks_like`: causes that this one cannot be told from by what they explain. Once something of
    its own is seen, it explains all that they explain; where one of them serves too, it gives way.

    `explains_if_confirmed`: what it may produce, and too seldom to be thought of without proof.

    `clears_app`: false where the address that was examined may itself be the mistake, so that the
    app, which holds the same address, cannot be called innocent.
    """

    id: str
    title: Text
    headline: Text
    owner: Owner
    happened: Text
    scope: Scope = "endpoint"
    looks_like: tuple[str, ...] = ()
    explains: tuple[Link, ...]
    explains_if_confirmed: tuple[Link, ...] = ()
    confirmed_by: tuple[Link, ...] = ()
    contradicted_by: tuple[Link, ...] = ()
    prior: int = Field(ge=0, le=9, default=5)
    clears_app: bool = True
    next_probe: NextProbe
    remedies: tuple[Remedy, ...] = Field(min_length=1)
    verify: str
    false_positives: Text
    shown_by: ShownBy

    @property
    def links(self) -> tuple[Link, ...]:
        """Every finding that it has to do with."""
        explained = (*self.explains, *self.explains_if_confirmed)
        return (*explained, *self.confirmed_by, *self.contradicted_by)

    @model_validator(mode="before")
    @classmethod
    def _links(cls, raw: dict[str, Any]) -> dict[str, Any]:
        links = ("explains", "explains_if_confirmed", "confirmed_by", "contradicted_by")
        return raw | {
            name: tuple(Link.parse(text) if isinstance(text, str) else text for text in raw[name])
            for name in links
            if name in raw
        }


class Symptom(Entry):
    """Something people paste. `matches` are regular expressions, any of which is enough. No causes:
    nothing that is examined could be the reason, and `reads` says so. `in_logs` is false for what
    says something only where somebody pasted just that: any line may hold `404`."""

    matches: tuple[str, ...] = Field(min_length=1)
    reads: Text
    causes: tuple[str, ...]
    in_logs: bool = True


@dataclass(frozen=True)
class Catalogue:
    """Everything in `checks/`. `words` translates the few terms that evidence is made of."""

    checks: Mapping[str, Check]
    causes: Mapping[str, Cause]
    symptoms: tuple[Symptom, ...]
    outcomes_of_all: Mapping[str, Mapping[str, Text]]
    words: Mapping[str, Text]

    def status(self, finding_id: str) -> Status:
        """The status of an outcome. Raises KeyError for one that is not in the catalogue."""
        check, _, outcome = finding_id.rpartition(".")
        declared = self.checks[check].outcomes.get(outcome)
        return Status(declared.status) if declared else OUTCOMES_OF_ALL[outcome]

    def checks_of(self, areas: Collection[str]) -> frozenset[str]:
        """The ids of the checks in these areas; an id begins with its area."""
        return frozenset(check for check in self.checks if check.partition(".")[0] in areas)

    def with_requirements(self, chosen: frozenset[str]) -> tuple[str, ...]:
        """The chosen checks and all they require, each after what it requires. No cycles exist."""
        order: dict[str, None] = {}

        def add(check_id: str) -> None:
            if check_id in order:
                return
            for required in self.checks[check_id].prerequisites:
                add(required.check)
            order[check_id] = None

        for check_id in sorted(chosen):
            add(check_id)
        return tuple(order)
