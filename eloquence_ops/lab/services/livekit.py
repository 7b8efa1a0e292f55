"""A stand-in for livekit-server where the real one is missing, or cannot have the fault.

It answers what a diagnosis asks: health, `/rtc/validate`, the signalling websocket, ListRooms,
and every refusal in the server's own words. There is no media behind it.
Statuses, bodies and the headers named here: livekit-server v1.13.5, measured; kept true by
`tests/lab/test_livekit_standin_against_real.py`. Serve it without uvicorn's Server header.
"""

import datetime
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from google.protobuf.json_format import MessageToDict, Parse, ParseError
from google.protobuf.message import DecodeError
from livekit.protocol import room as room_protocol
from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from eloquence_ops.lab.services.api import LAB_LIVEKIT_KEY, LAB_LIVEKIT_SECRET
from eloquence_ops.lab.services.livekit_http import (
    asked_path,
    clean_path,
    cors_headers,
    preflight,
    redirect,
)
from eloquence_ops.lab.services.livekit_rooms import Room, new_sid
from eloquence_ops.lab.services.livekit_signal import (
    BadJoinRequest,
    Candidate,
    SignalSettings,
    check_join_request,
    run_session,
)
from eloquence_ops.lab.services.livekit_tokens import Grants, TokenRefused, verify

_TEXT = "text/plain; charset=utf-8"
_LIST_ROOMS = "/twirp/livekit.RoomService/ListRooms"
_ROOM_SERVICE = "/twirp/livekit.RoomService/"
# The beginning of what net/http/pprof shows (Go 1.26): its contents, and nothing to look into.
_PROFILER = """<html>
<head>
<title>/debug/pprof/</title>
</head>
<body>
/debug/pprof/
<br>
Types of profiles available:
</body>
</html>
"""
_NAME_LIMIT = 256
_BODY_LIMIT = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class LivekitBehaviour:
    """How the server behaves.

    `keys`: API key to secret. `ready` false: health says 406, the rest works on. `clock_s`: how
    many seconds its clock is ahead. `generation` "before-v1": a server up to 1.9.9, without
    `/rtc/v1`. `development`: Go's profiler and the list of rooms are there for everybody.
    `ice_servers`: URLs in the join; a real server without TURN names public STUN servers there,
    which the lab must not. `candidates`: media addresses to advertise; nothing listens there on our
    behalf. `places_rooms` false: tokens are good, and no room finds a node.
    """

    keys: Mapping[str, str] = field(
        default_factory=lambda: {LAB_LIVEKIT_KEY: LAB_LIVEKIT_SECRET}, repr=False
    )
    ready: bool = True
    clock_s: float = 0.0
    generation: Literal["current", "before-v1"] = "current"
    development: bool = False
    ice_servers: tuple[str, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    places_rooms: bool = True


def build_livekit(behaviour: LivekitBehaviour) -> Starlette:
    """The application. `app.state.rooms` maps the names of rooms with someone in them to `Room`."""
    service = _Service(behaviour)
    app = Starlette(routes=[Mount("/", app=service)])
    app.state.rooms = service.rooms
    return app


class _Refused(Exception):
    """A request that ends early: status, and body as plain text."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.response = Response(text, status, media_type=_TEXT)


@dataclass(frozen=True, slots=True)
class _Admitted:
    """Who may join, and which room."""

    grants: Grants
    room: str


class _Service:
    """One ASGI application for every path: the token is judged before the path is looked at."""

    def __init__(self, behaviour: LivekitBehaviour) -> None:
        self._behaviour = behaviour
        self._settings = SignalSettings(
            version="1.13.5" if behaviour.generation == "current" else "1.9.9",
            node_id=new_sid("ND"),
            ice_servers=behaviour.ice_servers,
            candidates=behaviour.candidates,
        )
        self._signal_paths = ("/rtc", "/rtc/v1") if behaviour.generation == "current" else ("/rtc",)
        self._stats_at = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
        self.rooms: dict[str, Room] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            websocket = WebSocket(scope, receive, send)
            response = await self._websocket(websocket)
            if response is not None:
                cors_headers(websocket, response)
                await websocket.send_denial_response(response)
            return
        request = Request(scope, receive, send)
        try:
            response = preflight(request) or await self._http(request)
        except _Refused as refusal:
            response = refusal.response
        cors_headers(request, response)
        await response(scope, receive, send)

    async def _http(self, request: Request) -> Response:
        grants = self._authenticate(request)
        path = asked_path(request)
        moved = clean_path(path)
        if moved != path:
            return redirect(request, moved)
        if path in self._signal_paths:
            # A websocket route without Upgrade; what a proxy that drops it makes of a client.
            return Response(status_code=404)
        if path.startswith(_ROOM_SERVICE):
            return await self._twirp(request, path, grants)
        return self._plain(request, path, grants)

    async def _websocket(self, websocket: WebSocket) -> Response | None:
        """Run the session, or say with what the handshake is refused."""
        try:
            grants = self._authenticate(websocket)
            path = asked_path(websocket)
            moved = clean_path(path)
            if moved != path:
                return redirect(websocket, moved)
            if path not in self._signal_paths:
                return self._plain(websocket, path, grants)
            admitted = self._admit(websocket, grants, needs_join_request=path == "/rtc/v1")
        except _Refused as refusal:
            return refusal.response
        if not self._behaviour.places_rooms:
            # Text and status are read from the server's source.
            return Response("could not find any available nodes", 503, media_type=_TEXT)
        name = admitted.room
        room = self.rooms.setdefault(name, Room(name))
        secret = self._behaviour.keys[admitted.grants.key]
        try:
            await run_session(websocket, admitted.grants, room, self._settings, secret)
        finally:
            # The real server keeps an empty room for 20 s more.
            is_empty = not room.members and not room.door.locked()
            if is_empty and self.rooms.get(name) is room:
                del self.rooms[name]
        return None

    def _plain(self, connection: HTTPConnection, path: str, grants: Grants | None) -> Response:
        if path == "/":
            return self._health()
        signal_path, _, last = path.rpartition("/")
        if last == "validate" and signal_path in self._signal_paths:
            self._admit(connection, grants, needs_join_request=signal_path == "/rtc/v1")
            return Response("success", media_type=_TEXT)
        if self._behaviour.development and path == "/debug/rooms":
            return Response("[]", media_type=_TEXT)
        headers = {"X-Content-Type-Options": "nosniff"}
        if self._behaviour.development and path == "/debug/pprof/":
            return Response(_PROFILER, 200, headers, media_type="text/html; charset=utf-8")
        return Response("404 page not found\n", 404, headers, media_type=_TEXT)

    def _health(self) -> Response:
        if self._behaviour.ready:
            return Response("OK", media_type=_TEXT)
        # Go's way of printing a time. The text is read from the server's source.
        text = f"Not Ready\nNode Updated At {self._stats_at:%Y-%m-%d %H:%M:%S +0000 UTC}"
        return Response(text, 406, media_type=_TEXT)

    def _authenticate(self, connection: HTTPConnection) -> Grants | None:
        header = connection.headers.get("authorization", "")
        if header and not header.startswith("Bearer "):
            raise _Refused(401, "invalid authorization header. Must start with Bearer ")
        query = connection.query_params.getlist("access_token")
        token = header.removeprefix("Bearer ") if header else (query[0] if query else "")
        if not token:
            return None
        try:
            now = time.time() + self._behaviour.clock_s
            return verify(token, self._behaviour.keys, now=now)
        except TokenRefused as refusal:
            raise _Refused(401, str(refusal)) from None

    def _admit(
        self, connection: HTTPConnection, grants: Grants | None, *, needs_join_request: bool
    ) -> _Admitted:
        """The checks before a join, in the server's order."""
        if grants is None or grants.video is None:
            raise _Refused(401, "no permissions to access the room")
        join_request = connection.query_params.get("join_request", "")
        if join_request:
            try:
                check_join_request(join_request)
            except BadJoinRequest as fault:
                raise _Refused(400, str(fault)) from None
        elif needs_join_request:
            raise _Refused(400, "join_request is required")
        if not grants.video.room_join:
            raise _Refused(401, "permissions denied")
        if not grants.identity:
            raise _Refused(400, "identity cannot be empty")
        limit = f"length exceeds limits: max length {_NAME_LIMIT}"
        if len(grants.identity.encode()) > _NAME_LIMIT:
            raise _Refused(400, f"participant identity {limit}")
        if not grants.video.room:
            raise _Refused(400, "no room name")
        if len(grants.video.room.encode()) > _NAME_LIMIT:
            raise _Refused(400, f"room name {limit}")
        return _Admitted(grants, grants.video.room)

    async def _twirp(self, request: Request, path: str, grants: Grants | None) -> Response:
        route = {"twirp_invalid_route": f"{request.method} {path}"}
        if request.method != "POST":
            text = f'unsupported method "{request.method}" (only POST is allowed)'
            return _twirp_error(404, "bad_route", text, route)
        if path != _LIST_ROOMS:
            return _twirp_error(404, "bad_route", f'no handler for path "{path}"', route)
        content_type = request.headers.get("content-type", "")
        kind = content_type.partition(";")[0].strip().lower()
        if kind not in ("application/json", "application/protobuf"):
            text = f'unexpected Content-Type: "{content_type}"'
            return _twirp_error(404, "bad_route", text, route)
        encoding = kind.removeprefix("application/")
        query = room_protocol.ListRoomsRequest()
        try:
            body = await _body(request)
            if encoding == "json":
                if not body.lstrip().startswith(b"{"):
                    raise ParseError("not an object")  # Python's parser takes a list for one.
                Parse(body, query, ignore_unknown_fields=True)
            else:
                query.ParseFromString(body)
        except (ParseError, DecodeError, ValueError):
            text = f"the {encoding} request could not be decoded"
            return _twirp_error(400, "malformed", text)
        if grants is None or grants.video is None or not grants.video.room_list:
            return _twirp_error(401, "unauthenticated", "permissions denied")
        wanted = [
            room for room in self.rooms.values() if not query.names or room.name in query.names
        ]
        answer = room_protocol.ListRoomsResponse(rooms=[room.describe() for room in wanted])
        if encoding == "protobuf":
            return Response(answer.SerializeToString(), media_type=kind)
        content = MessageToDict(
            answer, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
        )
        return Response(json.dumps(content, separators=(", ", ":")), media_type=kind)


def _twirp_error(
    status: int, code: str, text: str, meta: Mapping[str, str] | None = None
) -> Response:
    content = {"code": code, "msg": text} | ({"meta": dict(meta)} if meta else {})
    return Response(
        json.dumps(content, separators=(",", ":"), ensure_ascii=False),
        status,
        media_type="application/json",
    )


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > _BODY_LIMIT:
            raise ValueError("the body is longer than any request of ours")
    return bytes(body)
