"""The reference Eloquence API: the contract of the migration guide, and its old generation.

A real FastAPI application, so that what a fault looks like (405 on a GET, 422, 500, the answer
for a missing key) is FastAPI's own doing and not an imitation.

Current: `POST /api/sessions`, `DELETE /api/sessions/{id}`, both with `X-API-Key`.
Old: `POST /api/session/start`, `POST /api/session/{id}/end`, `POST /livekit/token`, and the
websocket `/ws/simple/{session_id}`, without a key. The guide leaves the old formats
unspecified; those here are the least an old client could use.
"""

import asyncio
import base64
import json
import secrets
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, Literal, Protocol

from fastapi import Depends, FastAPI, HTTPException, Request, Response, WebSocket
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse, RedirectResponse
from fastapi.security import APIKeyHeader
from livekit.api import AccessToken, VideoGrants
from pydantic import BaseModel

from eloquence_ops.lab.services.livekit_tokens import sign

# For the lab only, and long enough for LiveKit, which complains below 32 characters.
LAB_LIVEKIT_KEY = "labkey"
LAB_LIVEKIT_SECRET = "lab-only-secret-never-for-production"  # noqa: S105

# Nothing is there, and nobody follows.
_ELSEWHERE = "https://sessions.invalid/api/sessions"

Failure = Literal[
    "unhandled-error", "wrong-status", "missing-field", "hang", "redirected", "other-service"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiBehaviour:
    """How the API behaves.

    `livekit_url` is handed out as `url`; key and secret sign the tokens. `failure` concerns
    `POST /api/sessions`: it raises (500), answers 201, leaves `url` out, never answers, redirects
    to another host; or the whole application is another service altogether.
    `missing_key_status`: FastAPI before 0.122 answered 403 when the key was missing.
    `cors_origins`: empty means no CORS at all, which Flutter web cannot live with.
    `generation` "none": neither endpoints nor documentation.
    `session_takes_s`: how long opening one takes, which then comes right.
    `room_join` false: tokens lack that grant. `token_clock_s`: how many seconds this server's
    clock is ahead when it dates a token. `other_keys` are accepted too; `asks_for_key` false lets
    everybody in, `takes_any_key` everybody with one. `takes_nulls` false: optional fields may be
    left out, not null.
    `removes_sessions` false: DELETE says that it ended a session, and leaves it. `prefix`: where
    the session routes are; `slash`: they have one at the end.
    """

    api_key: str = field(default="lab-api-key", repr=False)
    livekit_url: str = "ws://127.0.0.1:7880"
    livekit_key: str = LAB_LIVEKIT_KEY
    livekit_secret: str = field(default=LAB_LIVEKIT_SECRET, repr=False)
    generation: Literal["current", "legacy", "both", "none"] = "current"
    failure: Failure | None = None
    missing_key_status: Literal[401, 403] = 401
    cors_origins: tuple[str, ...] = ("*",)
    session_takes_s: float = 0.0
    room_join: bool = True
    token_clock_s: float = 0.0
    other_keys: tuple[str, ...] = field(default=(), repr=False)
    asks_for_key: bool = True
    takes_any_key: bool = False
    takes_nulls: bool = True
    removes_sessions: bool = True
    prefix: str = "/api"
    slash: bool = False


class SessionRequest(BaseModel):
    """Body of `POST /api/sessions`. Dart clients send `null` for what they do not have."""

    user_id: str
    language: str = "fr"
    scenario_id: str | None = None
    goal: str | None = None
    agent_profile_id: str | None = None
    is_multi_agent: bool = False


class StrictSessionRequest(BaseModel):
    """The same without null: a field may be left out, but not be there and empty."""

    user_id: str
    language: str = "fr"
    scenario_id: str = ""
    goal: str = ""
    agent_profile_id: str = ""
    is_multi_agent: bool = False


class SessionResponse(BaseModel):
    """Answer of `POST /api/sessions`: exactly these four fields."""

    session_id: str
    room_name: str
    token: str
    url: str


class Ended(BaseModel):
    """Answer when a session was ended."""

    status: Literal["ended"] = "ended"
    session_id: str


class LegacyStart(BaseModel):
    """Body of the old `POST /api/session/start`; nothing in it was ever required."""

    user_id: str = "anonymous"
    language: str = "fr"
    scenario_id: str | None = None
    is_multi_agent: bool = False


class LegacyTokenRequest(BaseModel):
    """Body of the old `POST /livekit/token`."""

    identity: str = "anonymous"
    room_name: str = "eloquence"


@dataclass(frozen=True, slots=True)
class Session:
    """An open session, as kept in `app.state.sessions` under its id."""

    session_id: str
    user_id: str
    room_name: str


class Agents(Protocol):
    """Who sends coaches: `eloquence_ops.lab.services.coach.AgentWorker`."""

    async def dispatch(self, room: str) -> None:
        """Send a coach into this room; never raises for one that cannot come."""

    async def dismiss(self, room: str) -> None:
        """Have the coach leave this room."""


def build_api(behaviour: ApiBehaviour, agents: Agents | None = None) -> FastAPI:
    """The application. `app.state.sessions` maps the ids of open sessions to `Session`.

    With `agents` a coach is in the room before a session is handed out.
    """
    if behaviour.failure == "other-service":
        return _other_service()
    documented = "/openapi.json" if behaviour.generation != "none" else None
    app = FastAPI(title="Eloquence API", version="2.0.0", openapi_url=documented)
    app.state.sessions = {}
    if behaviour.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(behaviour.cors_origins),
            allow_methods=["*"],
            allow_headers=["*"],
        )

    @app.get("/")
    async def root() -> dict[str, str]:
        return {"service": "eloquence-api", "status": "running"}

    sessions: dict[str, Session] = app.state.sessions
    if behaviour.generation in ("current", "both"):
        _add_current(app, behaviour, sessions, agents)
    if behaviour.generation in ("legacy", "both"):
        _add_legacy(app, behaviour, sessions)
    return app


def _token(behaviour: ApiBehaviour, identity: str, room: str) -> str:
    grants = VideoGrants(room_join=behaviour.room_join, room=room)
    token = AccessToken(behaviour.livekit_key, behaviour.livekit_secret)
    text = token.with_identity(identity).with_grants(grants).to_jwt()
    return text if not behaviour.token_clock_s else _redated(text, behaviour)


def _redated(token: str, behaviour: ApiBehaviour) -> str:
    """The same token as a server with a wrong clock would have dated it."""
    payload = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    for name in ("nbf", "exp"):
        claims[name] += int(behaviour.token_clock_s)
    return sign(claims, behaviour.livekit_secret)


def _open(sessions: dict[str, Session], user_id: str) -> Session:
    session_id = str(uuid.uuid4())
    session = Session(session_id, user_id, f"eloquence-{session_id}")
    sessions[session_id] = session
    return session


def _close(sessions: dict[str, Session], session_id: str) -> Ended:
    if sessions.pop(session_id, None) is None:
        raise HTTPException(404, "Session not found")
    return Ended(session_id=session_id)


def _key_guard(behaviour: ApiBehaviour) -> Callable[..., Awaitable[None]]:
    # Not `auto_error`: which status it gives depends on the installed FastAPI, and here it is
    # part of the behaviour.
    header = APIKeyHeader(name="X-API-Key", auto_error=False)

    accepted = [text.encode() for text in (behaviour.api_key, *behaviour.other_keys)]

    async def guard(key: Annotated[str | None, Depends(header)]) -> None:
        if not behaviour.asks_for_key:
            return
        if not key:
            challenge = {"WWW-Authenticate": "APIKey"}
            status = behaviour.missing_key_status
            raise HTTPException(status, "Not authenticated", challenge if status == 401 else None)
        if behaviour.takes_any_key:
            return
        if not any(secrets.compare_digest(key.encode(), known) for known in accepted):
            raise HTTPException(401, "Invalid API key")

    return guard


def _add_current(
    app: FastAPI, behaviour: ApiBehaviour, sessions: dict[str, Session], agents: Agents | None
) -> None:
    guard = Depends(_key_guard(behaviour))
    slash = "/" if behaviour.slash else ""
    route = f"{behaviour.prefix}/sessions"
    # FastAPI judges a body by the annotation it finds at registration.
    body_model = SessionRequest if behaviour.takes_nulls else StrictSessionRequest

    @app.post(route + slash, response_model=SessionResponse, dependencies=[guard])
    async def create_session(body: body_model, request: Request) -> Response:  # type: ignore[valid-type]
        if behaviour.failure == "unhandled-error":
            raise RuntimeError("lab: the handler of POST /api/sessions fails")
        if behaviour.failure == "redirected":
            return RedirectResponse(_ELSEWHERE, 307)
        if behaviour.failure == "hang":
            # Until the client gives up, so that no handler outlives its connection.
            while (await request.receive())["type"] != "http.disconnect":
                pass
            return Response(status_code=499)
        # Whoever has gone meanwhile: the handler gets its session all the same.
        await asyncio.sleep(behaviour.session_takes_s)
        user_id: str = body.user_id  # type: ignore[attr-defined]
        session = _open(sessions, user_id)
        if agents is not None:
            await agents.dispatch(session.room_name)
        answer = SessionResponse(
            session_id=session.session_id,
            room_name=session.room_name,
            token=_token(behaviour, user_id, session.room_name),
            url=behaviour.livekit_url,
        ).model_dump()
        if behaviour.failure == "missing-field":
            del answer["url"]
        return JSONResponse(answer, 201 if behaviour.failure == "wrong-status" else 200)

    @app.delete(route + "/{session_id}" + slash, dependencies=[guard])
    async def end_session(session_id: str) -> Ended:
        if not behaviour.removes_sessions and session_id in sessions:
            return Ended(session_id=session_id)
        if agents is not None and session_id in sessions:
            await agents.dismiss(sessions[session_id].room_name)
        return _close(sessions, session_id)


def _add_legacy(app: FastAPI, behaviour: ApiBehaviour, sessions: dict[str, Session]) -> None:
    @app.post("/api/session/start")
    async def start(body: LegacyStart) -> dict[str, str]:
        session = _open(sessions, body.user_id)
        return {"session_id": session.session_id, "status": "started"}

    @app.post("/api/session/{session_id}/end")
    async def end(session_id: str) -> Ended:
        return _close(sessions, session_id)

    @app.post("/livekit/token")
    async def livekit_token(body: LegacyTokenRequest) -> dict[str, str]:
        token = _token(behaviour, body.identity, body.room_name)
        return {"token": token, "url": behaviour.livekit_url}

    @app.websocket("/ws/simple/{session_id}")
    async def simple(websocket: WebSocket, session_id: str) -> None:
        if session_id not in sessions:
            # Before the handshake ends: Starlette turns this into a 403.
            await websocket.close()
            return
        await websocket.accept()
        async for message in websocket.iter_text():
            await websocket.send_json({"type": "echo", "session_id": session_id, "text": message})


def _other_service() -> FastAPI:
    """Somebody else's FastAPI on the API's port: alive, healthy, and not Eloquence."""
    app = FastAPI(title="Inventory", version="1.4.2")
    app.state.sessions = {}

    @app.get("/")
    async def root() -> dict[str, str]:
        return {"service": "inventory", "status": "ok"}

    @app.get("/items/{item_id}")
    async def item(item_id: int) -> dict[str, int]:
        return {"item_id": item_id}

    return app
