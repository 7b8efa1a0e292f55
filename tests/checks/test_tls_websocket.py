"""The difference that an offer makes to a websocket."""

from __future__ import annotations

from typing import Any

import pytest

from eloquence_ops.checks.seen import Asked, Seen
from eloquence_ops.checks.tls_http import PATH, PURPOSE, http
from eloquence_ops.checks.tls_websocket import websocket
from eloquence_ops.endpoints import Endpoint, parse, parse_secure
from eloquence_ops.findings import Family
from eloquence_ops.observations import (
    AnyObservation,
    HttpExchange,
    TlsHandshake,
    WebsocketOffer,
)
from eloquence_ops.settings import Target
from tests.checks.sent_chains import NOW

LIVEKIT = parse_secure("wss://livekit.éloquence.com")
HTTP1, BOTH = ("http/1.1",), ("h2", "http/1.1")


def offer(offered: tuple[str, ...], status: int | None, **different: Any) -> WebsocketOffer:
    fields: dict[str, Any] = {
        "endpoint": str(LIVEKIT),
        "family": Family.IPV4,
        "address": "203.0.113.10",
        "offered": offered,
        "outcome": "answered",
        "chosen": offered[0] if offered else "",
        "status": status,
    }
    return WebsocketOffer(**(fields | different))


def over_ipv6(offered: tuple[str, ...], status: int | None) -> WebsocketOffer:
    return offer(offered, status, family=Family.IPV6, address="2001:db8::10")


def outcomes(*offers: WebsocketOffer) -> list[str]:
    seen = Seen(Target("t"), Asked(frozenset({"tls"}), addresses=(LIVEKIT,)), NOW, offers)
    return [verdict.outcome for verdict in websocket(LIVEKIT, seen)]


NONE = offer((), 401)
UNANNOUNCED = offer(BOTH, None, outcome="no-http2-websocket")
ENDED = offer(HTTP1, None, outcome="refused", detail="TLSV1_ALERT_NO_APPLICATION_PROTOCOL")


@pytest.mark.parametrize(
    ("offers", "outcome"),
    [
        ((NONE, offer(HTTP1, 401), offer(BOTH, 401)), ["ok"]),
        ((NONE, offer(HTTP1, 101), offer(BOTH, 200)), ["ok"]),
        ((NONE, offer(HTTP1, 401), UNANNOUNCED), ["http1-only"]),
        ((NONE, offer(HTTP1, 401), offer(BOTH, 405)), ["refused"]),
        ((NONE, offer(HTTP1, 401), offer(BOTH, None, outcome="closed")), ["refused"]),
        ((NONE, offer(HTTP1, 426), offer(BOTH, 401)), ["refused"]),
        ((NONE, offer(HTTP1, 400), UNANNOUNCED), ["refused"]),
        ((NONE, ENDED, UNANNOUNCED), ["refused"]),
        # Whatever is the matter, it is not the offer.
        ((offer((), 502), offer(HTTP1, 502), offer(BOTH, 502)), ["gateway"]),
        ((offer((), 404), offer(HTTP1, 404), offer(BOTH, 405)), ["not-found"]),
        ((offer((), 200), offer(HTTP1, 200), offer(BOTH, 200)), ["not-opened"]),
        ((offer((), 403), offer(HTTP1, 403), offer(BOTH, 403)), ["not-opened"]),
        ((offer((), None, outcome="silent"), offer(HTTP1, 401)), ["no-answer"]),
        # Each address family for itself.
        ((NONE, offer(HTTP1, 401), over_ipv6((), 502)), ["ok", "gateway"]),
        ((), []),
    ],
)
def test_that_none_opens_is_a_fault_and_so_is_a_difference(
    offers: tuple[WebsocketOffer, ...], outcome: list[str]
) -> None:
    assert outcomes(*offers) == outcome


def test_where_no_websocket_is_opened_none_is_asked_for() -> None:
    api = parse("https://api.éloquence.com", "api")
    seen = Seen(Target("t"), Asked(frozenset({"tls"})), NOW, (NONE,))
    assert [verdict.outcome for verdict in websocket(api, seen)] == ["none"]


def answered(status: int, body: str) -> HttpExchange:
    """What LiveKit's own path brought, over the same family."""
    return HttpExchange(
        purpose=PURPOSE,
        endpoint=str(LIVEKIT),
        family=Family.IPV4,
        address="203.0.113.10",
        method="GET",
        path=PATH,
        outcome="answered",
        status=status,
        body=body,
    )


def typed(endpoint: Endpoint, *observations: AnyObservation, livekit: Endpoint | None) -> list[str]:
    asked = Asked(frozenset({"tls"}), addresses=(endpoint,))
    seen = Seen(Target("t", livekit=livekit), asked, NOW, observations)
    return [verdict.outcome for verdict in websocket(endpoint, seen)]


REFUSAL = answered(401, "no permissions to access the room")


def test_where_livekit_answers_a_404_means_that_the_upgrade_was_lost() -> None:
    assert typed(LIVEKIT, REFUSAL, offer((), 404), livekit=None) == ["dropped"]
    assert typed(LIVEKIT, answered(404, ""), offer((), 404), livekit=None) == ["not-found"]


def test_where_nobody_answers_at_all_that_is_told_before() -> None:
    assert typed(LIVEKIT, answered(502, ""), offer((), 502), livekit=None) == ["elsewhere"]


def test_an_address_that_was_typed_is_livekits_by_the_settings_or_by_its_answer() -> None:
    bare = parse_secure("livekit.éloquence.com")
    here = {"endpoint": str(bare)}
    opened = offer((), 401, **here)
    said = REFUSAL.model_copy(update=here)
    assert typed(bare, opened, livekit=None) == ["none"]
    assert typed(bare, opened, livekit=LIVEKIT) == ["ok"]
    assert typed(bare, said, opened, livekit=None) == ["ok"]


@pytest.mark.parametrize(
    ("areas", "outcomes"),
    [({"tls"}, ["gateway", "gateway"]), ({"tls", "livekit"}, ["elsewhere", "gateway"])],
)
def test_livekits_own_checks_tell_it_of_the_family_that_they_use(
    areas: set[str], outcomes: list[str]
) -> None:
    shaken = [
        TlsHandshake(
            endpoint=str(LIVEKIT), family=family, address="-", server_name="-", outcome="ok"
        )
        for family in Family
    ]
    offers = (offer((), 502), over_ipv6((), 502))
    asked = Asked(frozenset(areas))
    seen = Seen(Target("t", livekit=LIVEKIT), asked, NOW, (*shaken, *offers))
    assert [verdict.outcome for verdict in websocket(LIVEKIT, seen)] == outcomes


@pytest.mark.parametrize(
    ("status", "outcome"), [(502, "gateway"), (504, "gateway"), (401, "ok"), (404, "ok")]
)
def test_any_answer_but_a_proxys_apology_shows_that_somebody_is_there(
    status: int, outcome: str
) -> None:
    asked = Asked(frozenset({"tls"}), addresses=(LIVEKIT,))
    seen = Seen(Target("t"), asked, NOW, (answered(status, ""),))
    expected = outcome if outcome == "ok" else f"livekit-{outcome}"
    assert [verdict.outcome for verdict in http(LIVEKIT, seen)] == [expected]
