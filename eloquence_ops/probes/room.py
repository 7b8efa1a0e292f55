"""What LiveKit's signalling says of a room: who we are in it, and who else is there.

Frames are protobuf (`livekit.protocol.rtc`), measured on livekit-server v1.13.5: the JoinResponse
first, with those who are there already; then, in any order, a `refresh_token` with a whole new
JWT, an offer, candidates, and a ParticipantUpdate for each change. Those that concern somebody who
publishes nothing yet are held back for up to three seconds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from google.protobuf.message import DecodeError
from livekit.protocol import models, rtc

from eloquence_ops.observations.signal import Participant
from eloquence_ops.probes import remote_text
from eloquence_ops.secrets import Redactor, Secret

_JWT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_LONGEST_TOKEN: Final = 16 * 1024
_MOST_TOKENS: Final = 4
_MOST_OTHERS: Final = 8
_LONGEST_IDENTITY: Final = 60
_NO_RESPONSE: Final = "a message that came is none of LiveKit's"
# A recorder is in the room because the backend records it, and says nothing.
_NO_COACH: Final = models.ParticipantInfo.Kind.EGRESS


class Left(Exception):
    """The server ends our stay; the text is LiveKit's word for why."""


class NotSignalling(Exception):
    """A message is none of LiveKit's."""


@dataclass
class Room:
    """The room as it is known so far; `take_in` reads one message after the other."""

    redactor: Redactor
    join: rtc.JoinResponse | None = None
    others: dict[str, Participant] = field(default_factory=dict)
    has_coach: bool = False
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
                self._see(response.join.other_participants)
            case "update":
                self._see(response.update.participants)
            case "refresh_token":
                self._keep_secret(response.refresh_token)
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

    def _described(self, entry: models.ParticipantInfo) -> Participant:
        is_program = entry.kind == models.ParticipantInfo.Kind.AGENT
        shown = remote_text.line(entry.identity, self.redactor, limit=_LONGEST_IDENTITY)
        return Participant(
            kind=_name(models.ParticipantInfo.Kind, entry.kind),
            state=_name(models.ParticipantInfo.State, entry.state),
            identity=shown if is_program else "",
        )

    def _keep_secret(self, token: str) -> None:
        """Only what is a token, and not many: a hostile server could have any word masked."""
        fits = len(token) <= _LONGEST_TOKEN and self._tokens < _MOST_TOKENS
        if fits and _JWT.fullmatch(token):
            self._tokens += 1
            self.redactor.add(Secret(token))


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
