"""One HTTP request and what came back."""

from __future__ import annotations

from typing import Literal

from eloquence_ops.findings import Family
from eloquence_ops.observations.base import Observation, Record

HttpOutcome = Literal[
    "answered",
    "refused",
    "unreachable",
    "connect-timeout",
    "tls-failed",
    "silent",
    "closed",
    "not-http",
    "too-large",
    "failed",
]


class Timings(Record):
    """Seconds; None where the stage did not happen (a reused connection has no connect).

    `first_byte` counts from when the connection was ready for the request.
    """

    connect: float | None = None
    tls: float | None = None
    first_byte: float | None = None
    total: float = 0.0


class HttpExchange(Observation):
    """A request by its purpose, and the answer, bounded and redacted.

    `purpose` names the request for checks (`root`, `sessions-get`, …). No redirect is
    followed. `headers` are lower case, in order, at most 64, values at most 300 characters.
    `body` is an excerpt of at most 2,000 characters; `body_bytes` counts what was read.
    `silent`: connected, then no answer within the deadline. `closed`: the connection ended
    before an answer. `not-http`: bytes came that are not HTTP; `body` shows them.
    `invalid_fields`: what a 422 says of each field of our request, read before `body` was cut; at
    most 16, empty where it was not read.
    `body_state`: `cut` at the size limit, `slow` at the deadline, `broken` by the peer.
    """

    kind: Literal["http.exchange"] = "http.exchange"
    purpose: str
    endpoint: str
    family: Family
    address: str
    method: str
    path: str
    outcome: HttpOutcome
    status: int | None = None
    http_version: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""
    body_bytes: int = 0
    body_state: Literal["whole", "cut", "slow", "broken"] = "whole"
    invalid_fields: tuple[str, ...] = ()
    timings: Timings = Timings()
    detail: str = ""

    def header(self, name: str) -> str | None:
        """The first value of a header; `name` in lower case."""
        return next((value for key, value in self.headers if key == name), None)
