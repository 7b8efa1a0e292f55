"""LiveKit's RoomService, by LiveKit's own client: which rooms there are, and removing ours.

livekit-api would look names up, read the environment and take answers of any size by itself. It is
given a session whose requests are made by our HTTP client instead: on the road that was examined,
verified and bounded like every other request.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

from google.protobuf.message import DecodeError
from livekit.api import (
    AccessToken,
    CreateRoomRequest,
    DeleteRoomRequest,
    ListRoomsRequest,
    SIPGrants,
    VideoGrants,
)
from livekit.api.room_service import RoomService
from livekit.api.twirp_client import TwirpError

from eloquence_ops.observations import HttpExchange
from eloquence_ops.observations.ice import RoomList
from eloquence_ops.probes.http import Answer, HttpClient, HttpRequest
from eloquence_ops.secrets import Redactor, Secret

OWN_PREFIX: Final = "eloquence-doctor-"
"""What every room and identity of ours begins with, so that it can be left out of statistics."""

_LARGEST_BYTES: Final = 512 * 1024
# What is signed for one request need not last; LiveKit forgives clocks a minute beyond it.
_LIFETIME: Final = timedelta(seconds=60)
_EMPTY_TIMEOUT_S: Final = 30
_LONGEST_DETAIL: Final = 160


class NoAnswer(Exception):
    """The request brought no answer; `exchange` says why."""

    def __init__(self, exchange: HttpExchange) -> None:
        super().__init__(exchange.outcome)
        self.exchange = exchange


@dataclass(frozen=True)
class KeyPair:
    """The name of a key of LiveKit's, and its secret."""

    key: str
    secret: Secret

    def token(self, room: str, identity: str) -> Secret:
        """Lets its holder into this room, to look and no more."""
        return self._signed(
            VideoGrants(room_join=True, room=room, can_publish=False, can_publish_data=False),
            identity,
        )

    def _signed(self, grants: VideoGrants, identity: str = "") -> Secret:
        made = AccessToken(self.key, self.secret.reveal()).with_ttl(_LIFETIME)
        if identity:
            made = made.with_identity(identity)
        return Secret(made.with_grants(grants).to_jwt())


class _Service(RoomService):
    """livekit-api signs what lasts for six hours."""

    def _auth_header(
        self, grants: VideoGrants | None, sip: SIPGrants | None = None
    ) -> dict[str, str]:
        del sip
        pair = KeyPair(self.api_key, Secret(self.api_secret))
        return {"authorization": f"Bearer {pair._signed(grants or VideoGrants()).reveal()}"}


class Rooms:
    """The RoomService at the other end of a client's road."""

    def __init__(self, client: HttpClient, pair: KeyPair, redactor: Redactor) -> None:
        self._client, self._redactor = client, redactor
        self._session = _Session(client)
        self._service = _Service(
            self._session,  # type: ignore[arg-type]  # as much of aiohttp's as it uses
            client.road.endpoint.http_url,
            pair.key,
            pair.secret.reveal(),
            failover=False,
        )

    async def listed(self) -> RoomList:
        """How many are live. Nothing is raised."""
        endpoint = str(self._client.road.endpoint)
        try:
            answer = await self._service.list_rooms(ListRoomsRequest())
        except NoAnswer as none:
            entry = none.exchange
            return RoomList(
                at_s=entry.at_s,
                duration_s=entry.duration_s,
                endpoint=endpoint,
                outcome="no-answer",
                detail=entry.outcome,
            )
        except (TwirpError, DecodeError) as refusal:
            entry = self._session.last
            return RoomList(
                at_s=entry.at_s,
                duration_s=entry.duration_s,
                endpoint=endpoint,
                outcome="refused",
                status=entry.status,
                # What is no JSON of its has no message, and the observation's body is redacted.
                detail=self._redactor.text(getattr(refusal, "message", "") or entry.body)[
                    :_LONGEST_DETAIL
                ],
            )
        entry = self._session.last
        live = [room for room in answer.rooms if not room.name.startswith(OWN_PREFIX)]
        return RoomList(
            at_s=entry.at_s,
            duration_s=entry.duration_s,
            endpoint=endpoint,
            outcome="listed",
            status=entry.status,
            rooms=len(live),
            people=sum(room.num_participants for room in live),
        )

    async def make(self, room: str) -> bool:
        """A room of ours, for servers that make none by themselves; and should we not come to
        remove it, it goes soon after it is empty."""
        request = CreateRoomRequest(
            name=room, empty_timeout=_EMPTY_TIMEOUT_S, departure_timeout=1, max_participants=2
        )
        try:
            await self._service.create_room(request)
        except (TwirpError, NoAnswer, DecodeError):
            return False
        return True

    async def remove(self, room: str) -> bool:
        """Whether a room of ours is gone."""
        try:
            await self._service.delete_room(DeleteRoomRequest(room=room))
        except TwirpError as refusal:
            return refusal.code == "not_found"
        except (NoAnswer, DecodeError):
            return False
        return True


class _Session:
    """The part of aiohttp's session that LiveKit's client uses, over a client of ours."""

    timeout = None

    def __init__(self, client: HttpClient) -> None:
        self._client = client
        self.last: HttpExchange

    def post(
        self, url: str, *, headers: Mapping[str, str], data: bytes, timeout: object = None
    ) -> _Response:
        del timeout  # the client has a deadline of its own
        path = urlsplit(url).path.removeprefix(self._client.road.endpoint.path)
        given = tuple(
            (name, Secret(value) if name.lower() == "authorization" else value)
            for name, value in headers.items()
        )
        return _Response(self, HttpRequest("livekit-rooms", "POST", path, given, data))

    async def send(self, request: HttpRequest) -> Answer:
        answer = await self._client.send(request, body_limit=_LARGEST_BYTES)
        self.last = answer.observation
        if answer.observation.outcome != "answered":
            raise NoAnswer(answer.observation)
        return answer


class _Response:
    """What came, once it was waited for."""

    def __init__(self, session: _Session, request: HttpRequest) -> None:
        self._session, self._request = session, request
        self._body = b""
        self.status = 0

    async def __aenter__(self) -> Self:
        answer = await self._session.send(self._request)
        self.status, self._body = answer.observation.status or 0, answer.body
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        return None

    async def read(self) -> bytes:
        return self._body

    async def json(self) -> dict[str, Any]:
        content = json.loads(self._body)
        return content if isinstance(content, dict) else {}
