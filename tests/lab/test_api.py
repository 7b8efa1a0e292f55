"""The reference API keeps the contract of the migration guide, and breaks it on request."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator

import httpx
import pytest
import websockets
from fastapi import FastAPI
from livekit.api import TokenVerifier

from eloquence_ops.lab.services.api import ApiBehaviour, Failure, build_api
from eloquence_ops.lab.services.serving import serving
from tests.lab.loopback import run

KEY = {"X-API-Key": "lab-api-key"}
BODY = {"user_id": "test-user"}


@contextlib.asynccontextmanager
async def _api(behaviour: ApiBehaviour) -> AsyncIterator[tuple[FastAPI, httpx.AsyncClient]]:
    app = build_api(behaviour)
    async with serving(app) as served:
        base = f"http://127.0.0.1:{served.port}"
        async with httpx.AsyncClient(base_url=base, trust_env=False) as client:
            yield app, client


def test_a_session_is_opened_with_exactly_four_fields_and_a_token_for_its_room() -> None:
    async def main() -> None:
        behaviour = ApiBehaviour(livekit_url="ws://127.0.0.1:1234")
        async with _api(behaviour) as (app, client):
            answer = await client.post("/api/sessions", json=BODY, headers=KEY)
            session = answer.json()
            assert answer.status_code == 200
            assert list(session) == ["session_id", "room_name", "token", "url"]
            assert str(uuid.UUID(session["session_id"])) == session["session_id"]
            assert session["room_name"] == f"eloquence-{session['session_id']}"
            assert session["url"] == "ws://127.0.0.1:1234"
            claims = TokenVerifier(behaviour.livekit_key, behaviour.livekit_secret).verify(
                session["token"]
            )
            assert claims.identity == "test-user"
            assert claims.video is not None
            assert claims.video.room_join
            assert claims.video.room == session["room_name"]
            assert list(app.state.sessions) == [session["session_id"]]

    run(main())


def test_a_session_is_ended_once() -> None:
    async def main() -> None:
        async with _api(ApiBehaviour()) as (app, client):
            opened = await client.post("/api/sessions", json=BODY, headers=KEY)
            path = f"/api/sessions/{opened.json()['session_id']}"
            assert (await client.delete(path)).status_code == 401
            ended = await client.delete(path, headers=KEY)
            assert (ended.status_code, ended.json()["status"]) == (200, "ended")
            assert not app.state.sessions
            again = await client.delete(path, headers=KEY)
            assert (again.status_code, again.json()) == (404, {"detail": "Session not found"})

    run(main())


def test_a_session_that_is_not_removed_is_ended_again_and_again() -> None:
    async def main() -> None:
        async with _api(ApiBehaviour(removes_sessions=False)) as (app, client):
            opened = await client.post("/api/sessions", json=BODY, headers=KEY)
            session_id = opened.json()["session_id"]
            for _ in range(2):
                ended = await client.delete(f"/api/sessions/{session_id}", headers=KEY)
                assert (ended.status_code, ended.json()["status"]) == (200, "ended")
            assert set(app.state.sessions) == {session_id}
            unknown = await client.delete("/api/sessions/never-was", headers=KEY)
            assert unknown.status_code == 404

    run(main())


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (BODY, 200),
        (BODY | {"scenario_id": None, "goal": None, "agent_profile_id": None}, 200),
        (BODY | {"language": "en", "scenario_id": "s", "goal": "g", "is_multi_agent": True}, 200),
        ({}, 422),
        ({"user_id": 5}, 422),
        (BODY | {"is_multi_agent": "perhaps"}, 422),
    ],
)
def test_bodies(body: dict[str, object], status: int) -> None:
    async def main() -> None:
        async with _api(ApiBehaviour()) as (_, client):
            answer = await client.post("/api/sessions", json=body, headers=KEY)
            assert answer.status_code == status

    run(main())


@pytest.mark.parametrize(
    ("headers", "status", "detail", "challenge"),
    [
        ({}, 401, "Not authenticated", "APIKey"),
        ({"X-API-Key": "default-key"}, 401, "Invalid API key", None),
        ({"X-API-Key": "clé".encode().decode("latin-1")}, 401, "Invalid API key", None),
    ],
)
def test_keys(headers: dict[str, str], status: int, detail: str, challenge: str | None) -> None:
    async def main() -> None:
        async with _api(ApiBehaviour()) as (app, client):
            raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
            # A bad body too: the key is judged first.
            answer = await client.post("/api/sessions", json={}, headers=raw)
            assert (answer.status_code, answer.json()) == (status, {"detail": detail})
            assert answer.headers.get("www-authenticate") == challenge
            assert not app.state.sessions

    run(main())


def test_an_older_fastapi_answers_403_for_a_missing_key_only() -> None:
    async def main() -> None:
        async with _api(ApiBehaviour(missing_key_status=403)) as (_, client):
            missing = await client.post("/api/sessions", json=BODY)
            assert (missing.status_code, missing.json()) == (403, {"detail": "Not authenticated"})
            assert "www-authenticate" not in missing.headers
            wrong = await client.post("/api/sessions", json=BODY, headers={"X-API-Key": "x"})
            assert wrong.status_code == 401

    run(main())


@pytest.mark.parametrize(
    ("failure", "status", "fields", "still_open"),
    [
        ("unhandled-error", 500, None, 0),
        ("wrong-status", 201, {"session_id", "room_name", "token", "url"}, 1),
        ("missing-field", 200, {"session_id", "room_name", "token"}, 1),
        ("other-service", 404, {"detail"}, 0),
    ],
)
def test_failures(failure: Failure, status: int, fields: set[str] | None, still_open: int) -> None:
    async def main() -> None:
        async with _api(ApiBehaviour(failure=failure)) as (app, client):
            answer = await client.post("/api/sessions", json=BODY, headers=KEY)
            assert answer.status_code == status
            if fields is None:
                assert answer.text == "Internal Server Error"
            else:
                assert set(answer.json()) == fields
            assert len(app.state.sessions) == still_open

    run(main())


def test_only_the_opening_is_redirected() -> None:
    async def main() -> None:
        async with _api(ApiBehaviour(failure="redirected")) as (app, client):
            answer = await client.post("/api/sessions", json=BODY, headers=KEY)
            assert answer.status_code == 307
            assert answer.headers["location"] == "https://sessions.invalid/api/sessions"
            assert (await client.get("/api/sessions")).status_code == 405
            assert not app.state.sessions

    run(main())


def test_a_hanging_api_answers_everything_but_the_session() -> None:
    async def main() -> None:
        async with _api(ApiBehaviour(failure="hang")) as (app, client):
            with pytest.raises(httpx.ReadTimeout):
                await client.post("/api/sessions", json=BODY, headers=KEY, timeout=0.3)
            assert (await client.get("/")).json()["service"] == "eloquence-api"
            assert not app.state.sessions

    run(main())


CURRENT = {"/api/sessions", "/api/sessions/{session_id}"}
LEGACY = {"/api/session/start", "/api/session/{session_id}/end", "/livekit/token"}


@pytest.mark.parametrize(
    ("behaviour", "paths"),
    [
        (ApiBehaviour(), CURRENT),
        (ApiBehaviour(generation="legacy"), LEGACY),
        (ApiBehaviour(generation="both"), CURRENT | LEGACY),
        (ApiBehaviour(failure="other-service"), {"/items/{item_id}"}),
    ],
)
def test_each_generation_lists_its_routes(behaviour: ApiBehaviour, paths: set[str]) -> None:
    async def main() -> None:
        async with _api(behaviour) as (_, client):
            listed = (await client.get("/openapi.json")).json()["paths"]
            assert set(listed) == paths | {"/"}

    run(main())


def test_the_old_generation_works_without_a_key() -> None:
    async def main() -> None:
        async with _api(ApiBehaviour(generation="legacy")) as (app, client):
            # A method that is not there on a route that is: how a registered route is told.
            assert (await client.get("/api/session/start")).headers["allow"] == "POST"
            assert (await client.post("/api/sessions", json=BODY, headers=KEY)).status_code == 404
            started = (await client.post("/api/session/start", json=BODY)).json()
            token = (await client.post("/livekit/token", json={})).json()
            assert set(token) == {"token", "url"}
            base = str(client.base_url).replace("http", "ws")
            path = f"ws/simple/{started['session_id']}"
            async with websockets.connect(f"{base}/{path}") as websocket:
                await websocket.send("bonjour")
                assert "bonjour" in str(await websocket.recv())
            with pytest.raises(websockets.InvalidStatus) as refused:
                await asyncio.wait_for(websockets.connect(f"{base}/ws/simple/unknown"), 5)
            assert refused.value.response.status_code == 403
            ended = await client.post(f"/api/session/{started['session_id']}/end")
            assert ended.status_code == 200
            assert not app.state.sessions

    run(main())


@pytest.mark.parametrize(("origins", "allowed"), [(("*",), "*"), ((), None)])
def test_a_flutter_web_app_may_call_unless_cors_is_off(
    origins: tuple[str, ...], allowed: str | None
) -> None:
    async def main() -> None:
        async with _api(ApiBehaviour(cors_origins=origins)) as (_, client):
            preflight = await client.options(
                "/api/sessions",
                headers={
                    "Origin": "https://app.example",
                    "Access-Control-Request-Method": "POST",
                    "Access-Control-Request-Headers": "x-api-key,content-type",
                },
            )
            assert preflight.headers.get("access-control-allow-origin") == allowed
            assert preflight.status_code == (200 if allowed else 405)

    run(main())


def test_secrets_stay_out_of_a_printed_behaviour() -> None:
    shown = repr(ApiBehaviour(api_key="hidden-key"))
    assert "hidden-key" not in shown
    assert ApiBehaviour().livekit_secret not in shown
    assert len(ApiBehaviour().livekit_secret) >= 32
