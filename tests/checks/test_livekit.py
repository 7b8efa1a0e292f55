"""What is said of answers at LiveKit's address, each put together by hand."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from eloquence_ops.checks.livekit import site, upgrade, version
from eloquence_ops.checks.registry import REGISTRY
from eloquence_ops.checks.seen import Asked, Seen
from eloquence_ops.endpoints import parse
from eloquence_ops.findings import Family
from eloquence_ops.observations import HttpExchange
from eloquence_ops.settings import Target

LIVEKIT = parse("wss://livekit.éloquence.test", "livekit")
NGINX_404 = "<html><center>404 Not Found</center><hr><center>nginx/1.22.1</center></html>"
REFUSAL = "no permissions to access the room"


def answered(purpose: str, status: int | None, body: str = "", **more: object) -> HttpExchange:
    fields: dict[str, object] = {
        "at_s": 0.0,
        "purpose": purpose,
        "endpoint": str(LIVEKIT),
        "family": Family.IPV4,
        "address": "203.0.113.10",
        "method": "GET",
        "path": "/",
        "outcome": "answered",
        "status": status,
        "body": body,
        "body_bytes": len(body),
    }
    return HttpExchange.model_validate(fields | more)


def seen(*exchanges: HttpExchange) -> Seen:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return Seen(Target("t", livekit=LIVEKIT), Asked(frozenset()), now, exchanges)


@pytest.mark.parametrize(
    ("status", "body", "more", "outcome"),
    [
        pytest.param(401, REFUSAL, {}, "ok", id="LiveKit refuses it"),
        pytest.param(401, "invalid API key: k", {}, "ok", id="LiveKit refuses it otherwise"),
        pytest.param(101, "", {}, "ok", id="a websocket opens"),
        pytest.param(404, "", {}, "dropped", id="LiveKit sees a plain GET"),
        pytest.param(404, "", {"body_state": "slow"}, "inconclusive", id="a body that may come"),
        pytest.param(404, "404 page not found\n", {}, "inconclusive", id="Go's own page"),
        pytest.param(404, NGINX_404, {}, "inconclusive", id="nginx's own page"),
        pytest.param(403, "no websockets here", {}, "inconclusive", id="a filter"),
        pytest.param(400, "", {}, "inconclusive", id="another status without a body"),
        pytest.param(200, "", {}, "inconclusive", id="another success without a body"),
        pytest.param(None, "", {"outcome": "silent"}, "no-answer", id="silence"),
        pytest.param(None, "", {"outcome": "closed"}, "no-answer", id="a connection that ends"),
    ],
)
def test_only_an_empty_404_shows_that_upgrade_was_dropped(
    status: int | None, body: str, more: dict[str, object], outcome: str
) -> None:
    exchange = answered("livekit-upgrade", status, body, **more)
    assert [verdict.outcome for verdict in upgrade(LIVEKIT, seen(exchange))] == [outcome]


def test_without_a_handshake_nothing_is_said_of_upgrade() -> None:
    assert list(upgrade(LIVEKIT, seen(answered("livekit-rtc", 401, REFUSAL)))) == []


VARY = {"headers": (("vary", "Origin"), ("content-type", "text/plain; charset=utf-8"))}
BEHIND_NGINX = {"headers": (("server", "nginx/1.22.1"), ("vary", "Origin"))}
GO_404 = "404 page not found\n"


@pytest.mark.parametrize(
    ("status", "body", "more", "outcome"),
    [
        pytest.param(401, REFUSAL, VARY, ["ok"], id="it knows the path"),
        pytest.param(400, "join_request is required", VARY, ["ok"], id="it judged a token"),
        pytest.param(404, GO_404, VARY, ["outdated"], id="its own 404"),
        pytest.param(404, GO_404, BEHIND_NGINX, ["outdated"], id="its own 404 through nginx"),
        pytest.param(200, "OK", VARY, ["outdated"], id="OK on every path, as long ago"),
        pytest.param(404, GO_404, {}, ["not-passed"], id="Traefik without a route"),
        pytest.param(404, NGINX_404, {}, ["not-passed"], id="nginx's own page"),
        pytest.param(404, "", VARY, ["not-passed"], id="no body"),
        pytest.param(200, "<html>an app</html>", {}, ["not-passed"], id="another site"),
        pytest.param(404, "404 pa", {"body_state": "slow"}, [], id="half an answer"),
        pytest.param(None, "", {"outcome": "silent"}, [], id="silence"),
    ],
)
def test_only_livekits_own_404_shows_an_old_version(
    status: int | None, body: str, more: dict[str, object], outcome: list[str]
) -> None:
    exchange = answered("livekit-rtc-v1", status, body, **more)
    assert [verdict.outcome for verdict in version(LIVEKIT, seen(exchange))] == outcome


@pytest.mark.parametrize(
    ("rtc", "root", "outcome"),
    [
        pytest.param((401, REFUSAL, {}), (200, "OK"), ["ok"], id="LiveKit everywhere"),
        pytest.param((401, REFUSAL, {}), (404, NGINX_404), ["ok"], id="only /rtc is passed on"),
        pytest.param((401, "go away", VARY), (200, "OK"), ["ok"], id="another version's words"),
        pytest.param((401, "", {}), (200, "OK"), ["paths-missing"], id="a password on /rtc"),
        pytest.param((404, NGINX_404, {}), (200, "OK"), ["paths-missing"], id="only the root"),
        pytest.param(
            (404, NGINX_404, {}),
            (406, "Not Ready\n"),
            ["paths-missing"],
            id="only a root not ready",
        ),
        pytest.param((404, NGINX_404, {}), (404, NGINX_404), ["other-site"], id="another site"),
        pytest.param((200, "no p", {"body_state": "slow"}), (200, "OK"), [], id="half an answer"),
        pytest.param((401, "no", {"body_state": "broken"}), (200, "O"), [], id="a broken answer"),
        pytest.param((200, "x", {"body_state": "cut"}), (200, "x"), ["other-site"], id="no end"),
    ],
)
def test_what_counts_is_the_path_that_the_app_uses(
    rtc: tuple[int, str, dict[str, object]], root: tuple[int, str], outcome: list[str]
) -> None:
    at_rtc = answered("livekit-rtc", rtc[0], rtc[1], **rtc[2])
    found = site(LIVEKIT, seen(answered("livekit-health", *root), at_rtc))
    assert [verdict.outcome for verdict in found] == outcome


@pytest.mark.parametrize(
    ("status", "body", "more", "outcome"),
    [
        pytest.param(200, "success", {}, "ok", id="accepted"),
        pytest.param(401, "invalid API key: k", {}, "unknown-key", id="another key"),
        pytest.param(401, "permissions denied", {}, "ok", id="a later stage"),
        pytest.param(503, "node has exceeded its configured limit", {}, "inconclusive", id="full"),
        pytest.param(404, "requested room does not exist", {}, "inconclusive", id="no such room"),
        pytest.param(302, "", {}, "inconclusive", id="a redirect"),
        pytest.param(200, "succ", {"body_state": "slow"}, "inconclusive", id="half an answer"),
        pytest.param(None, "", {"outcome": "silent"}, "no-answer", id="silence"),
        pytest.param(None, "", {"outcome": "closed"}, "no-answer", id="a connection that ends"),
    ],
)
def test_a_token_that_was_neither_taken_nor_refused_is_no_pass(
    status: int | None, body: str, more: dict[str, object], outcome: str
) -> None:
    exchange = answered("livekit-validate", status, body, **more)
    judge = REGISTRY["livekit.token-key"].judge
    assert [verdict.outcome for verdict in judge(LIVEKIT, seen(exchange))] == [outcome]


@pytest.mark.parametrize("body", ["no room name", "identity cannot be empty"])
def test_a_token_that_names_no_room_or_nobody_lacks_only_that(body: str) -> None:
    """LiveKit's 400 comes after it has taken key, signature, times and the right to join."""
    run = seen(answered("livekit-validate", 400, body))
    stages = ("token-key", "token-signature", "token-time", "token-grant")
    found = [list(REGISTRY[f"livekit.{stage}"].judge(LIVEKIT, run)) for stage in stages]
    assert [verdict.outcome for (verdict,) in found] == ["ok", "ok", "ok", "missing"]
