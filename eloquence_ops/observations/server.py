"""What every observation made on the server has, and how the round trip for them ended."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from eloquence_ops.findings import Vantage
from eloquence_ops.observations.base import Observation, Record

Moment = AwareDatetime
"""In UTC; comes off the server as seconds since 1970 by the server's own clock."""

Bytes = Annotated[int, Field(ge=0)]
Port = Annotated[int, Field(ge=0, le=65535)]

UnknownReason = Literal[
    "permission-denied",
    "not-found",
    "no-such-program",
    "timed-out",
    "too-large",
    "not-understood",
    "not-finished",
    "failed",
    "defect",
    "garbage",
]


class Unknown(Record):
    """A fact that could not be read. `fact` is the field or the path it is about; empty: the whole.

    `not-finished`: the deadline of the whole came first. `garbage`: the server's answer was not
    what our program answers. `defect`: our program failed there; `detail` says where.
    """

    fact: str
    reason: UnknownReason
    detail: str = ""


class ServerObservation(Observation):
    """A field that is None or missing could not be read where `unknown` names it."""

    vantage: Vantage = Vantage.SERVER
    unknown: tuple[Unknown, ...] = ()

    def why_unknown(self, fact: str) -> Unknown | None:
        """Why `fact` is not known; what keeps everything from being known counts too."""
        return next((entry for entry in self.unknown if entry.fact in (fact, "")), None)


FactsOutcome = Literal[
    "read", "no-python", "python-too-old", "not-finished", "silent", "cut", "garbage", "failed"
]


class ServerFacts(ServerObservation):
    """How the reading went. `unknown` names the kinds that are missing whole, by their `kind`.

    `not-finished`: some subjects are missing, the others are there. `silent`: no answer before the
    deadline. `cut`: the answer ended in the middle. `garbage`: there was none among what came.
    `failed`: the program ended without an answer; `detail` is the end of what it said instead.
    """

    kind: Literal["server.facts"] = "server.facts"
    outcome: FactsOutcome
    python: str = ""
    user: str = ""
    is_root: bool = False
    detail: str = ""
