"""What is there beside LiveKit's signalling: STUN and TURN servers, and its list of rooms."""

from __future__ import annotations

from typing import Literal, TypedDict

from eloquence_ops.findings import Family
from eloquence_ops.ice_urls import IceUrl, Transport
from eloquence_ops.observations.base import Observation

TrialOutcome = Literal[
    "relayed",
    "bound",
    "challenged",
    "open",
    "wrong-credentials",
    "refused",
    "silent",
    "closed",
    "unreachable",
    "no-name",
    "untrusted",
    "no-tls",
    "not-turn",
    "too-near",
    "not-an-address",
]


class ServerNamed(TypedDict):
    """The fields of an `IceTrial` that its address says already."""

    url: str
    host: str
    port: int
    transport: Transport
    secure: bool
    relays: bool


def named(url: IceUrl) -> ServerNamed:
    return ServerNamed(
        url=str(url),
        host=url.host,
        port=url.port,
        transport=url.transport,
        secure=url.secure,
        relays=url.relays,
    )


class IceTrial(Observation):
    """One STUN or TURN server, asked as a call would.

    `endpoint` is the LiveKit that handed it out; empty for one of the settings. `url` is shown as
    in `IceUrl`, or what came where it is none. `transport` carries the question; a relay's own side
    is always UDP.

    `relayed`: an address at the server was allocated with the password, and given back; `relay` is
    it. `bound`: a STUN answer, `mapped` is how the server sees us. `challenged`: TURN, and we have
    no password. `open`: allocated without one. `wrong-credentials`: the password was refused.
    `refused`: another error, its number in `code`. `silent`: nothing within `duration_s`, of UDP
    after several packets. `closed`: the port is. `untrusted`: the certificate was refused;
    `no-tls`: no handshake came about. `not-turn`: what answers is neither STUN nor TURN.
    `too-near`: the address has a narrower scope than LiveKit's own, and was not asked.
    """

    kind: Literal["ice.trial"] = "ice.trial"
    endpoint: str
    url: str
    host: str = ""
    port: int = 0
    transport: Literal["udp", "tcp"] = "udp"
    secure: bool = False
    relays: bool = False
    family: Family | None = None
    address: str = ""
    outcome: TrialOutcome
    code: int | None = None
    detail: str = ""
    mapped: str = ""
    relay: str = ""


RoomsOutcome = Literal["listed", "refused", "no-answer"]


class RoomList(Observation):
    """LiveKit's own list, by its RoomService. Only numbers of others: rooms and who is in them are
    nobody's business. `people` counts participants; `status` is that of a refusal."""

    kind: Literal["livekit.rooms"] = "livekit.rooms"
    endpoint: str
    outcome: RoomsOutcome
    status: int | None = None
    detail: str = ""
    rooms: int = 0
    people: int = 0


class RoomLeftOpen(Observation):
    """A room that we made and could not remove; LiveKit removes it by itself when it is empty."""

    kind: Literal["livekit.room-left-open"] = "livekit.room-left-open"
    endpoint: str
    room: str
