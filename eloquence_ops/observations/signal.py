"""A visit to a session's room over LiveKit's signalling websocket."""

from __future__ import annotations

from typing import Literal

from eloquence_ops.findings import Family
from eloquence_ops.observations.base import Observation, Record

SignalOutcome = Literal["joined", "rejected", "silent", "closed", "not-signalling", "failed"]


class Participant(Record):
    """Somebody else in the room: LiveKit's words in lower case (`agent`, `standard`; `joined`).

    `identity` only of an agent, which is a program: another one might be a person.
    """

    kind: str
    state: str
    identity: str = ""


class LivekitSignal(Observation):
    """One join with a session's own token, and who else was there until we left again.

    `rejected`: the handshake was answered with `status` instead of 101; `excerpt` is the body, at
    most 300 characters. `silent`: no JoinResponse within the deadline. `closed`: the connection
    ended before one. `not-signalling`: what came is no websocket of LiveKit's. `failed`: this
    connection did not come about.

    `joined_s` counts from the beginning, `coach_s` from the join until somebody else was seen, and
    `waited_s` is how long that was waited for; not `wait_was_whole` where the connection ended
    before. `others` are at most 8, in the order they were seen; `ice_servers` counts servers.
    """

    kind: Literal["livekit.signal"] = "livekit.signal"
    endpoint: str
    family: Family
    address: str
    path: str
    outcome: SignalOutcome
    status: int | None = None
    excerpt: str = ""
    detail: str = ""
    version: str = ""
    protocol: int | None = None
    ping_interval_s: int | None = None
    ice_servers: int = 0
    others: tuple[Participant, ...] = ()
    joined_s: float | None = None
    coach_s: float | None = None
    waited_s: float = 0.0
    wait_was_whole: bool = False
