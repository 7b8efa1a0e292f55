"""A session route that stands under another path than the one that the address gives."""

from __future__ import annotations

import json

import pytest

from tests.checks.test_what_answers import JSON, Answer, examined, named

NOT_FOUND: Answer = (404, JSON, '{"detail":"Not Found"}')
ROUTE: Answer = (405, {"allow": "POST", **JSON}, '{"detail":"Method Not Allowed"}')


def document(*servers: object, routes: tuple[str, ...] = ("/api/sessions",)) -> Answer:
    paths: dict[str, object] = {route: {"post": {}} for route in routes}
    return 200, JSON, json.dumps({"openapi": "3.1.0", "paths": paths, "servers": servers})


def path_of(answers: dict[str, Answer]) -> tuple[str | None, list[str]]:
    """Where the route was found, and who was given the key."""
    asked: list[str] = []

    def answer(method: str, path: str) -> Answer:
        asked.append(f"{method} {path}")
        return answers.get(path, NOT_FOUND) if method == "GET" else NOT_FOUND

    result, with_key = examined(answer)
    found = [entry for entry in result.findings if entry.id == "api.prefix.found"]
    assert with_key == []
    assert named(result) == ({"api-path-prefix"} if found else {"api-wrong-service"})
    return (str(found[0].evidence["path"]) if found else None), asked


@pytest.mark.parametrize(
    "path",
    ["/sessions", "/api/api/sessions", "/backend/api/sessions", "/eloquence/api/sessions"],
)
def test_a_route_under_a_usual_path_is_found(path: str) -> None:
    assert path_of({path: ROUTE, "/openapi.json": document(routes=("/other",))})[0] == path


@pytest.mark.parametrize(
    "url", ["/coach", "/coach/", "https://elsewhere.test/coach", "https://elsewhere.test/coach/"]
)
def test_the_path_that_the_api_says_it_is_served_under_is_asked_for(url: str) -> None:
    """Its own host only: another that the document names is asked for nothing."""
    answers = {
        "/coach/api/sessions": ROUTE,
        "/openapi.json": document({"url": url}, routes=("/other",)),
    }
    assert path_of(answers)[0] == "/coach/api/sessions"


@pytest.mark.parametrize(
    "servers",
    [
        ({"url": "/a?b=c d"}, {"url": "/.."}, {"url": "/../etc"}, {"url": "/\x1b[2J"}),
        ({"url": 3}, {}, "x", None, {"url": "https://[broken"}, {"url": "/"}, {"url": ""}),
        tuple({"url": f"/base-{number}"} for number in range(99)),
    ],
)
def test_no_more_is_asked_for_than_what_is_plainly_a_path(servers: tuple[object, ...]) -> None:
    found, asked = path_of({"/openapi.json": document(*servers, routes=("/other",))})
    assert found is None
    below = {path for path in asked if path.endswith("/api/sessions")}
    usual = {f"GET {base}/api/sessions" for base in ("", "/api", "/backend", "/eloquence")}
    assert "POST /api/sessions" in below
    more = below - usual - {"POST /api/sessions"}
    assert len(more) <= 3
    assert all(path.startswith(("GET /a/", "GET /base-")) for path in more)
