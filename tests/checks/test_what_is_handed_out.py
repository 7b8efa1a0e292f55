"""What comes with a session: its token, by two clocks, and its address."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from eloquence_ops.checks.api_session import session_url
from eloquence_ops.checks.api_token import clock, token
from eloquence_ops.checks.registry import Verdict
from eloquence_ops.checks.seen import Asked, Seen
from eloquence_ops.endpoints import parse
from eloquence_ops.findings import Family
from eloquence_ops.observations import HttpExchange, SessionAnswer
from eloquence_ops.observations.session import TokenClaims
from eloquence_ops.settings import Target

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
API = parse("https://api.éloquence.test", "api")
LIVEKIT = parse("wss://livekit.éloquence.test", "livekit")
HOUR = 3600


def at(seconds: float) -> int:
    return int(NOW.timestamp() + seconds)


def exchange(purpose: str, date: str | None) -> HttpExchange:
    return HttpExchange(
        at_s=0.2,
        purpose=purpose,
        endpoint=str(API),
        family=Family.IPV4,
        address="192.0.2.1",
        method="GET",
        path="/api/sessions",
        outcome="answered",
        status=405,
        headers=(("date", date),) if date is not None else (),
    )


def seen(*entries: HttpExchange | SessionAnswer, livekit: bool = True) -> Seen:
    target = Target("t", api=API, livekit=LIVEKIT if livekit else None)
    return Seen(target, Asked(frozenset()), NOW, entries)


def served(ahead_s: float) -> str:
    return format_datetime(NOW + timedelta(seconds=ahead_s), usegmt=True)


def answer(claims: TokenClaims | None = None, url: str = "") -> SessionAnswer:
    url = url or LIVEKIT.url
    return SessionAnswer(
        endpoint=str(API),
        at_s=0.3,
        field_types=(),
        room_name="room-1",
        url=url,
        url_endpoint=str(parse(url, "livekit")),
        url_lookup="found",
        url_scope="public",
        api_scope="public",
        token=claims,
        token_is_jwt=True,
    )


def claims(**changed: object) -> TokenClaims:
    whole = {"issuer": "key", "room": "room-1", "may_join": True, "not_before": at(0)}
    return TokenClaims.model_validate(whole | {"expires": at(HOUR)} | changed)


def outcomes(found: list[Verdict]) -> list[str]:
    return [verdict.outcome for verdict in found]


# The token


def test_a_token_of_which_nothing_can_be_read() -> None:
    """What is no JWT at all is told with the fields of the answer."""
    (verdict,) = token(API, seen(answer(None)))
    assert verdict.outcome == "unreadable"
    assert list(token(API, seen(answer(None).model_copy(update={"token_is_jwt": False})))) == []


@pytest.mark.parametrize(
    ("changed", "came_to"),
    [
        ({}, ["ok"]),
        ({"expires": None}, ["lasting"]),
        ({"issuer": ""}, ["no-issuer"]),
        # A recording from before it was read.
        ({"issuer": None}, ["ok"]),
        ({"room": "room-2"}, ["wrong-room"]),
        ({"room": None}, ["no-room"]),
        ({"room": ""}, ["no-room"]),
        ({"no_times": ("exp",), "expires": None}, ["no-time"]),
        ({"expires": 0}, ["out-of-time"]),
        (
            {"room": "room-2", "may_join": False, "issuer": ""},
            ["wrong-room", "no-join", "no-issuer"],
        ),
        # LiveKit forgives a minute.
        ({"not_before": at(59)}, ["ok"]),
        ({"not_before": at(62)}, ["out-of-time"]),
        ({"expires": at(-59)}, ["ok"]),
        ({"expires": at(-62)}, ["out-of-time"]),
    ],
)
def test_what_a_token_says_of_itself(changed: dict[str, object], came_to: list[str]) -> None:
    told = seen(answer(claims(**changed)), exchange("session-open", served(0)))
    assert outcomes(list(token(API, told))) == came_to


def judged_by(status: int, body: str) -> HttpExchange:
    """LiveKit's answer to the session's token."""
    found = exchange("livekit-validate", None)
    return found.model_copy(update={"endpoint": str(LIVEKIT), "status": status, "body": body})


@pytest.mark.parametrize(
    ("known", "issuer", "livekit", "came_to"),
    [
        (None, "key", None, "ok"),
        ("key", "key", None, "ok"),
        ("other", "key", None, "other-issuer"),
        ("other", None, None, "ok"),
        ("other", "", None, "no-issuer"),
        # LiveKit's own word counts for more, whatever else it has against the token.
        ("other", "key", (200, "success"), "ok"),
        ("other", "key", (401, "invalid token: ***, error: token is expired"), "ok"),
        ("other", "key", (400, "no room name"), "ok"),
        ("other", "key", (401, "invalid API key: key"), "other-issuer"),
        ("other", "key", (502, ""), "other-issuer"),
    ],
)
def test_the_key_in_a_token_is_compared_with_the_settings(
    known: str | None, issuer: str | None, livekit: tuple[int, str] | None, came_to: str
) -> None:
    said = [judged_by(*livekit)] if livekit else []
    told = seen(answer(claims(issuer=issuer)), *said)
    told = replace(told, asked=replace(told.asked, livekit_key=known))
    (verdict,) = token(API, told)
    assert verdict.outcome == came_to
    if came_to == "other-issuer":
        assert verdict.evidence == {"issuer": "key", "known": "other"}


@pytest.mark.parametrize(
    ("date", "came_to"),
    [
        (served(600), "out-of-time-here"),
        (served(0), "out-of-time"),
        (None, "out-of-time"),
        ("yesterday", "out-of-time"),
        ("", "out-of-time"),
    ],
)
def test_a_token_from_the_future_is_judged_by_the_servers_own_date_too(
    date: str | None, came_to: str
) -> None:
    early = claims(not_before=at(600), expires=at(600 + HOUR))
    (verdict,) = token(API, seen(answer(early), exchange("session-open", date)))
    assert (verdict.outcome, verdict.evidence) == (came_to, {"detail": "not-yet-valid"})


@pytest.mark.parametrize(
    ("date", "came_to", "evidence"),
    [
        (served(0), "ok", {}),
        (served(58), "ok", {}),
        (served(-600), "apart", {"seconds": 600, "direction": "behind"}),
        (served(7200), "apart", {"seconds": 7200, "direction": "ahead"}),
        (None, "not-told", {}),
        ("Thu, 99 Jan 2026 12:00:00 GMT", "not-told", {}),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", "not-told", {}),
        ("Thu, 01 Jan 2026 12:00:00 +99999999999999", "not-told", {}),
        ("Fri, 31 Dec 9999 23:59:59 GMT", "apart", None),
        # Without a zone it is UTC (RFC 5322, 3.3).
        ("Thu, 01 Jan 2026 12:00:00 -0000", "ok", {}),
    ],
)
def test_two_clocks_are_compared(
    date: str | None, came_to: str, evidence: dict[str, object] | None
) -> None:
    (verdict,) = clock(API, seen(exchange("sessions-get", date)))
    assert verdict.outcome == came_to
    assert evidence is None or verdict.evidence == evidence


def test_an_answer_from_a_cache_is_as_old_as_it_says() -> None:
    kept = exchange("sessions-get", served(-600))
    kept = kept.model_copy(update={"headers": (*kept.headers, ("age", "600"))})
    assert outcomes(list(clock(API, seen(kept)))) == ["ok"]


# The address


@pytest.mark.parametrize(
    ("url", "came_to"),
    [
        ("wss://livekit.xn--loquence-90a.test", "ok"),
        ("wss://livekit.xn--loquence-90a.test:443/", "ok"),
        ("wss://LiveKit.xn--loquence-90a.test", "ok"),
        ("https://livekit.xn--loquence-90a.test", "ok"),
        ("wss://livekit.éloquence.test", "unicode"),
        ("wss://livekit.e\u0301loquence.test", "unicode"),
        ("ws://livekit.éloquence.test", "insecure"),
        # Another domain, however much it looks the same.
        ("wss://livekit.eloquence.test", "elsewhere"),
        ("wss://livekit.xn--loquence-90a.test:7443", "elsewhere"),
    ],
)
def test_the_address_handed_out_is_compared_with_what_dart_and_the_settings_need(
    url: str, came_to: str
) -> None:
    assert outcomes(list(session_url(API, seen(answer(url=url))))) == [came_to]


@pytest.mark.parametrize(
    ("configured", "url", "came_to"),
    [
        ("ws://localhost:7880", "ws://127.0.0.1:7880", "ok"),
        ("ws://127.0.0.1:7880", "ws://[::1]:7880", "ok"),
        ("ws://127.0.0.1:7880", "ws://127.0.0.1:7881", "elsewhere"),
    ],
)
def test_this_machine_has_several_names(configured: str, url: str, came_to: str) -> None:
    api = parse("http://localhost:8083", "api")
    target = Target("t", api=api, livekit=parse(configured, "livekit"))
    told = Seen(target, Asked(frozenset()), NOW, (answer(url=url),))
    assert outcomes(list(session_url(api, told))) == [came_to]


def test_without_an_address_in_the_settings_there_is_nothing_to_differ_from() -> None:
    told = seen(answer(url="wss://rtc.test"), livekit=False)
    assert outcomes(list(session_url(API, told))) == ["ok"]
