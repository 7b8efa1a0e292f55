"""A visit to a session's room over LiveKit's signalling websocket."""

from __future__ import annotations

from typing import Literal

from eloquence_ops.findings import Family
from eloquence_ops.observations.base import Observation, Record

SignalOutcome = Literal["joined", "rejected", "silent", "closed", "not-signalling", "failed"]


class Participant(Record):
    """Somebody else in the room: LiveKit's words in lower case (`agent`, `standard`; `joined`).

    `identity` only of an agent, which is a program: another one might be a person. `sound`: what
    audio tracks it has by the signalling; empty in recordings from before that was read.
    """

    kind: str
    state: str
    identity: str = ""
    sound: Literal["", "none", "muted", "published"] = ""


class Candidate(Record):
    """An address at which LiveKit says that its media is. `tcp` is ICE over TCP."""

    protocol: Literal["udp", "tcp"]
    address: str
    port: int
    type: str = "host"


class LivekitSignal(Observation):
    """One join, and who else was there until we left again.

    `room`: that of the `session`, with its own token, or one of our `own`, with a token that the
    key pair of the settings signed.

    `rejected`: the handshake was answered with `status` instead of 101; `excerpt` is the body, at
    most 300 characters. `silent`: no JoinResponse within the deadline. `closed`: the connection
    ended before one. `not-signalling`: what came is no websocket of LiveKit's. `failed`: this
    connection did not come about.

    `joined_s` counts from the beginning, `coach_s` from the join until somebody else was seen, and
    `waited_s` is how long that was waited for, `stayed_s` how long we stayed idle after it; not
    `wait_was_whole` where the connection ended before. `others` are at most 8, in the order they
    were seen; `ice_servers` counts servers and `ice_urls` are their addresses.

    `candidates` came with the server's offer, all of them where `candidates_whole`; `offered` is
    None in recordings from before they were read.
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
    ice_urls: tuple[str, ...] = ()
    room: Literal["session", "own"] = "session"
    region: str = ""
    node_id: str = ""
    ping_timeout_s: int | None = None
    offered: bool | None = None
    candidates: tuple[Candidate, ...] = ()
    candidates_whole: bool = False
    others: tuple[Participant, ...] = ()
    joined_s: float | None = None
    coach_s: float | None = None
    waited_s: float = 0.0
    stayed_s: float = 0.0
    wait_was_whole: bool = False
