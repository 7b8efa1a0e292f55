"""APIs that are right and not as FastAPI writes them; and what was opened and stays open."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from eloquence_ops.checks.fingerprints import author
from eloquence_ops.findings import Family
from eloquence_ops.observations import HttpExchange, SessionLeftOpen
from tests.checks.test_old_way import WORKS
from tests.checks.test_what_answers import HTML, JSON, SESSION, Answer, examined, named

Ask = Callable[[str, str], Answer]
NOT_ALLOWED: Answer = (405, {"allow": "POST", **JSON}, '{"detail":"Method Not Allowed"}')
NO_KEY = '{"error": "missing api key"}'


def good(**changed: Answer | list[Answer]) -> Ask:
    """A healthy API. `changed` by method and, for POST, how often it was asked before: a list."""
    ended: set[str] = set()
    times = {"POST": 0, "DELETE": 0}

    def answer(method: str, path: str) -> Answer:
        if method in changed:
            given = changed[method]
            if isinstance(given, tuple):
                return given
            times[method] = times.get(method, 0) + 1
            if times[method] <= len(given):
                return given[times[method] - 1]
        if method == "OPTIONS":
            return 200, JSON, ""
        if method == "POST" and path == "/api/sessions":
            times["opened"] = times.get("opened", 0) + 1
            return 200, JSON, SESSION.replace("s-1", f"s-{times['opened']}")
        if method == "DELETE":
            status = 404 if path in ended else 200
            ended.add(path)
            return status, JSON, "{}"
        if path == "/api/sessions":
            return NOT_ALLOWED
        return 404, JSON, '{"detail":"Not Found"}'

    return answer


def ids(answer: Ask, check: str) -> list[str]:
    return [found.id for found in examined(answer)[0].findings if found.check == check]


# Healthy, and of another shape


def test_a_key_guard_with_its_own_error_shape_is_the_application() -> None:
    result, with_key = examined(good(GET=(401, JSON, NO_KEY)))
    assert "proxy-denies-access" not in named(result)
    assert "POST /api/sessions" in with_key


def test_a_proxy_that_lets_only_post_through_is_none_that_denies_access() -> None:
    """nginx's limit_except: GET is its own 403, the documented POST is the API's."""

    def answer(method: str, path: str) -> Answer:
        if method == "GET":
            return 403, {"server": "nginx", **HTML}, "<hr><center>nginx/1.22.1</center>"
        if method == "POST" and (method, path) not in asked:
            asked.add((method, path))
            return 401, JSON, '{"detail":"Not authenticated"}'
        return inner(method, path)

    asked: set[tuple[str, str]] = set()
    inner = good()
    result, with_key = examined(answer)
    assert "proxy-denies-access" not in named(result)
    assert "POST /api/sessions" in with_key
    assert "api.session.ok" in {found.id for found in result.findings}


@pytest.mark.parametrize("url", ["https://127.0.0.1:9", "http://localhost:9"])
def test_livekit_client_takes_http_for_ws(url: str) -> None:
    opened = SESSION.replace("ws://127.0.0.1:9", url)
    assert ids(good(POST=(200, JSON, opened)), "api.session") == ["api.session.ok"]


# What a key proves


@pytest.mark.parametrize("status", [307, 400, 404, 405, 415, 429])
def test_an_answer_that_may_come_before_the_key_proves_nothing_of_it(status: int) -> None:
    assert ids(good(POST=(status, JSON, "{}")), "api.key") == ["api.key.unclear"]


@pytest.mark.parametrize("status", [200, 201, 422, 500])
def test_an_answer_to_the_body_proves_the_key(status: int) -> None:
    assert ids(good(POST=(status, JSON, SESSION)), "api.key") == ["api.key.ok"]


# Bodies


@pytest.mark.parametrize(("place", "outcome"), [(2, "minimal"), (3, "nulls")])
def test_a_body_that_makes_the_api_fail_is_its_defect(place: int, outcome: str) -> None:
    def answer(method: str, path: str) -> Answer:
        if method == "POST" and path == "/api/sessions":
            posts.append(path)
            if len(posts) in failing:
                return 500, {"content-type": "text/plain"}, "Internal Server Error"
        return inner(method, path)

    # Keys are tried at the same time as bodies: every POST but the first fails.
    failing = range(2, 9) if outcome == "minimal" else range(place, 9)
    posts: list[str] = []
    inner = good()
    result, _ = examined(answer)
    assert "api-unhandled-error" in named(result)


# CORS


@pytest.mark.parametrize(
    ("preflight", "outcome"),
    [
        ((200, JSON, ""), "ok"),
        ((204, {**JSON, "access-control-allow-headers": "*"}, ""), "ok"),
        ((200, {**JSON, "access-control-allow-origin": "http://localhost:8080"}, ""), "ok"),
        ((405, {"allow": "POST"}, ""), "missing"),
        ((400, {}, "Disallowed CORS origin"), "own-origins"),
        ((400, JSON, "Disallowed CORS method, headers"), "refuses"),
        ((400, {}, "Disallowed CORS origin, headers"), "refuses"),
        ((500, JSON, "Internal Server Error"), "refuses"),
        ((200, {**JSON, "access-control-allow-origin": "https://other.example"}, ""), "refuses"),
        ((200, {**JSON, "access-control-allow-methods": "GET"}, ""), "refuses"),
        ((200, {**JSON, "access-control-allow-methods": "POST"}, ""), "refuses"),
        ((200, {**JSON, "access-control-allow-headers": "content-type"}, ""), "refuses"),
    ],
)
def test_a_preflight_has_to_grant_all_that_the_app_needs(preflight: Answer, outcome: str) -> None:
    assert ids(good(OPTIONS=preflight), "api.cors") == [f"api.cors.{outcome}"]


# What stays open is told


def test_every_session_that_could_not_be_closed_is_told() -> None:
    """The first one is closed; those of the two other bodies are not."""

    def answer(method: str, path: str) -> Answer:
        if method == "DELETE" and path != first[0]:
            return 500, JSON, "{}"
        return inner(method, path)

    first = ["/api/sessions/s-1"]
    inner = good()
    result, _ = examined(answer)
    assert len(list(result.seen.every(SessionLeftOpen))) >= 2
    assert "api.session-close.failed" in {found.id for found in result.findings}
    assert result.verdict == "degraded"


@pytest.mark.parametrize(
    "changed",
    [
        {("POST", "/api/session/old%2F1/end"): (500, JSON, "{}")},
        {("POST", "/api/session/start"): (200, JSON, "{}")},
    ],
)
def test_an_old_session_that_could_not_be_ended_is_told(
    changed: dict[tuple[str, str], Answer],
) -> None:
    answers = WORKS | changed
    result, _ = examined(
        lambda method, path: answers.get((method, path), (404, JSON, '{"detail":"Not Found"}'))
    )
    assert len(list(result.seen.every(SessionLeftOpen))) == 1


# Who refuses


@pytest.mark.parametrize("status", [401, 403])
def test_a_proxys_refusal_says_nothing_of_the_key(status: int) -> None:
    """An HTML page is a firewall's or a proxy's, whatever stands behind it."""
    posts: list[str] = []
    inner = good()

    def answer(method: str, path: str) -> Answer:
        if method == "POST" and path == "/api/sessions":
            posts.append(path)
            if len(posts) > 1:
                return status, {"content-type": "text/html"}, "<h1>Forbidden</h1>"
        return inner(method, path)

    found = ids(answer, "api.default-key") + ids(answer, "api.key-required")
    assert "api.default-key.ok" not in found
    assert "api.key-required.ok" not in found


def test_a_refusal_nested_without_end_is_no_crash() -> None:
    nested = 422, {"content-type": "application/json"}, "[" * 2000
    result, _ = examined(good(POST=nested))
    assert [finding.id for finding in result.findings if finding.status == "error"] == []


AUTHORS = {
    "haproxy denies": (
        (403, {}, "<h1>403 Forbidden</h1>\nRequest forbidden by administrative rules.\n"),
        "haproxy",
    ),
    "haproxy finds nothing": (
        (404, {}, "<h1>404 Not Found</h1>\nThe resource could not be found.\n"),
        "haproxy",
    ),
    "cloudflare's gateway": (
        (502, {"server": "cloudflare", "cf-ray": "1", "content-type": "text/html"}, "<h1>502"),
        "cloudflare",
    ),
    "json through cloudflare": (
        (503, {"server": "cloudflare", "cf-ray": "1", "content-type": "application/json"}, "{}"),
        "app",
    ),
}


@pytest.mark.parametrize(("answer", "wrote"), AUTHORS.values(), ids=AUTHORS)
def test_who_wrote_an_answer(answer: Answer, wrote: str) -> None:
    status, headers, body = answer
    assert author(exchange(status, tuple(headers.items()), body)) == wrote


def test_caddy_in_front_adds_its_name_to_the_services() -> None:
    headers = (("server", "Caddy"), ("server", "uvicorn"))
    assert author(exchange(500, headers, "Internal Server Error")) == "app"


def exchange(status: int, headers: tuple[tuple[str, str], ...], body: str) -> HttpExchange:
    return HttpExchange(
        at_s=0.0,
        duration_s=0.0,
        endpoint="https://api.test",
        family=Family.IPV4,
        address="192.0.2.1",
        purpose="sessions-get",
        method="GET",
        path="/api/sessions",
        outcome="answered",
        status=status,
        headers=headers,
        body=body,
    )
