"""What LiveKit's signalling says of a room: who we are in it, and who else is there.

Frames are protobuf (`livekit.protocol.rtc`), measured on livekit-server v1.13.5: the JoinResponse
first, with those who are there already; then, in any order, a `refresh_token` with a whole new
JWT, an offer, one `trickle` for each candidate with `final` at the last of them, and a
ParticipantUpdate for each change. Those that concern somebody who publishes nothing yet are held
back for up to three seconds. Offer and candidates come unasked where the client's protocol is 3 or
newer and the token may subscribe, whatever `auto_subscribe` says.
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass, field
from typing import Final, Literal

from google.protobuf.message import DecodeError
from livekit.protocol import models, rtc

from eloquence_ops.endpoints import ip_address
from eloquence_ops.observations.signal import Candidate, Participant
from eloquence_ops.probes import remote_text
from eloquence_ops.secrets import Redactor, Secret

_JWT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_LONGEST_TOKEN: Final = 16 * 1024
_MOST_TOKENS: Final = 4
_MOST_OTHERS: Final = 8
_MOST_CANDIDATES: Final = 32
_MOST_ICE_SERVERS: Final = 8
_LONGEST_ICE_TEXT: Final = 512
# A hostile server could have any short word masked.
_SHORTEST_MASKED: Final = 8
_LONGEST_CANDIDATE: Final = 1024
# RFC 8839, 5.1. LiveKit says `typ host` of all of its own, whichever address it was told to name.
_CANDIDATE: Final = re.compile(
    r"candidate:\S+ 1 (?P<protocol>udp|tcp) \d+ (?P<address>\S+) (?P<port>\d{1,5}) "
    r"typ (?P<type>\w+)",
    re.IGNORECASE,
)
_LONGEST_IDENTITY: Final = 60
_NO_RESPONSE: Final = "a message that came is none of LiveKit's"
# A recorder is in the room because the backend records it, and says nothing.
_NO_COACH: Final = models.ParticipantInfo.Kind.EGRESS


class Left(Exception):
    """The server ends our stay; the text is LiveKit's word for why."""


class NotSignalling(Exception):
    """A message is none of LiveKit's."""


@dataclass(frozen=True)
class IceServer:
    """One address that LiveKit hands out, as it was written, with the password for it."""

    url: str
    username: str = ""
    password: Secret = field(default=Secret(""))


@dataclass
class Room:
    """The room as it is known so far; `take_in` reads one message after the other."""

    redactor: Redactor
    join: rtc.JoinResponse | None = None
    others: dict[str, Participant] = field(default_factory=dict)
    has_coach: bool = False
    offered: bool = False
    candidates: dict[Candidate, None] = field(default_factory=dict)
    candidates_whole: bool = False
    ice_servers: tuple[IceServer, ...] = ()
    _tokens: int = 0

    def take_in(self, message: bytes) -> None:
        """Raises `Left` and `NotSignalling`."""
        try:
            response = rtc.SignalResponse.FromString(message)
        except DecodeError:
            raise NotSignalling(_NO_RESPONSE) from None
        match response.WhichOneof("message"):
            case "join" if self.join is None:
                self.join = response.join
                self.ice_servers = self._handed_out(response.join.ice_servers)
                self._see(response.join.other_participants)
            case "update":
                self._see(response.update.participants)
            case "refresh_token":
                self._keep_secret(response.refresh_token)
            case "offer":
                self.offered = True
                for line in response.offer.sdp[: 64 * _LONGEST_CANDIDATE].splitlines():
                    self._keep_candidate(line.removeprefix("a="))
            case "trickle":
                self._keep_candidate(_candidate_line(response.trickle.candidateInit))
                self.candidates_whole = self.candidates_whole or response.trickle.final
            case "leave":
                raise Left(_name(models.DisconnectReason, response.leave.reason))
            case None if self.join is None:
                raise NotSignalling(_NO_RESPONSE)
            case _:
                pass

    def _see(self, participants: object) -> None:
        if self.join is None:
            return
        us = self.join.participant
        for entry in participants:  # type: ignore[attr-defined]  # protobuf's own container
            gone = entry.state == models.ParticipantInfo.State.DISCONNECTED
            if entry.sid == us.sid or entry.identity == us.identity or gone:
                continue
            self.has_coach = self.has_coach or entry.kind != _NO_COACH
            if entry.sid in self.others or len(self.others) < _MOST_OTHERS:
                self.others[entry.sid] = self._described(entry)

    def _keep_candidate(self, line: str) -> None:
        found = _CANDIDATE.match(line)
        if found is None or len(self.candidates) >= _MOST_CANDIDATES:
            return
        address = ip_address(found["address"])
        candidate = Candidate(
            protocol="udp" if found["protocol"].lower() == "udp" else "tcp",
            address=address.compressed
            if address
            else remote_text.line(found["address"], self.redactor, limit=_LONGEST_IDENTITY),
            port=int(found["port"]),
            type=remote_text.line(found["type"], self.redactor, limit=16),
        )
        self.candidates[candidate] = None

    def _handed_out(self, servers: object) -> tuple[IceServer, ...]:
        """Of each server its addresses, not many; the passwords are secrets from now on."""
        found: list[IceServer] = []
        for server in servers:  # type: ignore[attr-defined]  # protobuf's own container
            fits = len(server.credential) <= _LONGEST_ICE_TEXT
            password = Secret(server.credential if fits else "")
            if len(password.reveal()) >= _SHORTEST_MASKED:
                self.redactor.add(password)
            found += (
                IceServer(url, server.username[:_LONGEST_ICE_TEXT], password)
                for url in server.urls
                if len(url) <= _LONGEST_ICE_TEXT
            )
            if len(found) >= _MOST_ICE_SERVERS:
                break
        return tuple(found[:_MOST_ICE_SERVERS])

    def _described(self, entry: models.ParticipantInfo) -> Participant:
        is_program = entry.kind == models.ParticipantInfo.Kind.AGENT
        shown = remote_text.line(entry.identity, self.redactor, limit=_LONGEST_IDENTITY)
        return Participant(
            kind=_name(models.ParticipantInfo.Kind, entry.kind),
            state=_name(models.ParticipantInfo.State, entry.state),
            identity=shown if is_program else "",
            sound=_sound(entry),
        )

    def _keep_secret(self, token: str) -> None:
        """Only what is a token, and not many: a hostile server could have any word masked."""
        fits = len(token) <= _LONGEST_TOKEN and self._tokens < _MOST_TOKENS
        if fits and _JWT.fullmatch(token):
            self._tokens += 1
            self.redactor.add(Secret(token))


def _sound(entry: models.ParticipantInfo) -> Literal["none", "muted", "published"]:
    """By its tracks; whether anything is to be heard on them only media can tell."""
    tracks = [track for track in entry.tracks if track.type == models.TrackType.AUDIO]
    if not tracks:
        return "none"
    return "muted" if all(track.muted for track in tracks) else "published"


def _candidate_line(init: str) -> str:
    """What is in a `candidateInit`, JSON of a browser's RTCIceCandidateInit; empty for anything
    else."""
    if len(init) > _LONGEST_CANDIDATE:
        return ""
    try:
        content = json.loads(init)
    except (ValueError, RecursionError):
        return ""
    line = content.get("candidate") if isinstance(content, dict) else None
    return line if isinstance(line, str) else ""


def ping() -> bytes:
    """What a client that has nothing to say sends every `ping_interval` seconds."""
    return rtc.SignalRequest(ping=int(time.time() * 1000)).SerializeToString()


def farewell() -> bytes:
    """The message with which a client leaves at once, instead of being missed seconds later."""
    leave = rtc.LeaveRequest(reason=models.DisconnectReason.CLIENT_INITIATED)
    return rtc.SignalRequest(leave=leave).SerializeToString()


def _name(words: object, number: int) -> str:
    """An enum's word; newer servers have numbers that this version does not know."""
    try:
        return str(words.Name(number)).lower()  # type: ignore[attr-defined]  # an EnumTypeWrapper
    except ValueError:
        return str(number)
