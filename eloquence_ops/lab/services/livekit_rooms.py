"""The stand-in's rooms: who is in them, and what the others are told of it.

livekit-server v1.13.5, measured: whoever joins is told at once who is there already, and the others
get a ParticipantUpdate. The real server gathers updates about those who publish nothing for up to
three seconds; here they go out at once.
"""

import asyncio
import contextlib
import secrets
import string
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from livekit.protocol import models, rtc
from starlette.websockets import WebSocketDisconnect

_CODECS = ("audio/opus", "audio/red", "video/VP8", "video/H264")
_KINDS = {
    "agent": models.ParticipantInfo.Kind.AGENT,
    "egress": models.ParticipantInfo.Kind.EGRESS,
    "ingress": models.ParticipantInfo.Kind.INGRESS,
    "sip": models.ParticipantInfo.Kind.SIP,
}

Tell = Callable[[rtc.SignalResponse], Awaitable[None]]


def new_sid(prefix: str) -> str:
    """An id as LiveKit makes them: `RM_`, `PA_` or `ND_` and twelve characters."""
    alphabet = string.ascii_letters + string.digits
    return f"{prefix}_" + "".join(secrets.choice(alphabet) for _ in range(12))


def codecs() -> list[models.Codec]:
    return [models.Codec(mime=mime) for mime in _CODECS]


def kind_of(claim: object) -> models.ParticipantInfo.Kind:
    """What the token's `kind` makes of a participant; an unknown word makes nothing special."""
    return _KINDS.get(str(claim), models.ParticipantInfo.Kind.STANDARD)


@dataclass(slots=True)
class Member:
    """Somebody in a room, and the way to tell them something."""

    info: models.ParticipantInfo
    tell: Tell


@dataclass(slots=True)
class Room:
    """A room with someone in it; `members` by their sid. Whoever enters does so under `door`."""

    name: str
    sid: str = field(default_factory=lambda: new_sid("RM"))
    created_at_ms: int = field(default_factory=lambda: int(time.time() * 1000))
    members: dict[str, Member] = field(default_factory=dict)
    door: asyncio.Lock = field(default_factory=asyncio.Lock)

    def describe(self) -> models.Room:
        """As ListRooms and JoinResponse show it."""
        return models.Room(
            sid=self.sid,
            name=self.name,
            empty_timeout=300,
            departure_timeout=20,
            creation_time=self.created_at_ms // 1000,
            creation_time_ms=self.created_at_ms,
            enabled_codecs=codecs(),
            num_participants=len(self.members),
        )

    def everybody(self) -> list[models.ParticipantInfo]:
        return [member.info for member in self.members.values()]

    async def enter(self, member: Member) -> None:
        member.info.state = models.ParticipantInfo.State.JOINED
        await self._announce(member.info)
        self.members[member.info.sid] = member

    async def leave(self, sid: str) -> None:
        """Whoever has not entered may leave too."""
        member = self.members.pop(sid, None)
        if member is not None:
            member.info.state = models.ParticipantInfo.State.DISCONNECTED
            await self._announce(member.info)

    async def _announce(self, info: models.ParticipantInfo) -> None:
        update = rtc.ParticipantUpdate(participants=[info])
        for other in list(self.members.values()):
            # Who is just leaving need not know.
            with contextlib.suppress(WebSocketDisconnect, RuntimeError):
                await other.tell(rtc.SignalResponse(update=update))
