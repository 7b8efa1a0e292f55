"""The Eloquence API as the migration guide describes it: the payload of the tests' server.

`uvicorn api:app` under systemd, or `python api.py` by hand. Settings come from `.env.local`.
"""

import secrets
from typing import Annotated

from adapters.livekit import token_for
from adapters.sessions import Session, Sessions
from adapters.settings import settings
from fastapi import Depends, FastAPI, HTTPException
from fastapi.middleware.cors import CORSMiddleware
from fastapi.security import APIKeyHeader
from pydantic import BaseModel

app = FastAPI(title="Eloquence API", version="2.0.0")
app.add_middleware(CORSMiddleware, allow_origins=["*"], allow_methods=["*"], allow_headers=["*"])
sessions = Sessions()
# Not `auto_error`: which status that gives depends on the installed FastAPI.
key_header = APIKeyHeader(name="X-API-Key", auto_error=False)


class SessionRequest(BaseModel):
    """Body of `POST /api/sessions`. Dart clients send `null` for what they do not have."""

    user_id: str
    language: str = "fr"
    scenario_id: str | None = None
    goal: str | None = None
    agent_profile_id: str | None = None
    is_multi_agent: bool = False


class SessionResponse(BaseModel):
    """Answer of `POST /api/sessions`: exactly these four fields."""

    session_id: str
    room_name: str
    token: str
    url: str


class Ended(BaseModel):
    """Answer when a session was ended."""

    status: str = "ended"
    session_id: str


async def guard(key: Annotated[str | None, Depends(key_header)]) -> None:
    if not key:
        raise HTTPException(401, "Not authenticated", {"WWW-Authenticate": "APIKey"})
    if not secrets.compare_digest(key.encode(), settings.api_key.encode()):
        raise HTTPException(401, "Invalid API key")


@app.get("/")
async def root() -> dict[str, str]:
    return {"service": "eloquence-api", "status": "running"}


@app.post("/api/sessions", dependencies=[Depends(guard)])
async def create_session(body: SessionRequest) -> SessionResponse:
    session: Session = sessions.open(body.user_id)
    return SessionResponse(
        session_id=session.session_id,
        room_name=session.room_name,
        token=token_for(session.user_id, session.room_name),
        url=settings.livekit_url,
    )


@app.delete("/api/sessions/{session_id}", dependencies=[Depends(guard)])
async def end_session(session_id: str) -> Ended:
    if not sessions.close(session_id):
        raise HTTPException(404, "Session not found")
    return Ended(session_id=session_id)


if __name__ == "__main__":
    import uvicorn

    uvicorn.run(app, host="0.0.0.0", port=8083)
