"""The difference that an offer makes to a websocket."""

from __future__ import annotations

from typing import Any

import pytest

from eloquence_ops.checks.seen import Asked, Seen
from eloquence_ops.checks.tls_websocket import websocket
from eloquence_ops.endpoints import parse, parse_secure
from eloquence_ops.findings import Family
from eloquence_ops.observations import WebsocketOffer
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
        ((offer((), 502), offer(HTTP1, 502), offer(BOTH, 502)), ["elsewhere"]),
        ((offer((), 404), offer(HTTP1, 404), offer(BOTH, 405)), ["elsewhere"]),
        ((offer((), None, outcome="silent"), offer(HTTP1, 401)), ["elsewhere"]),
        ((), []),
    ],
)
def test_only_a_difference_is_a_fault(
    offers: tuple[WebsocketOffer, ...], outcome: list[str]
) -> None:
    assert outcomes(*offers) == outcome


def test_where_no_websocket_is_opened_none_is_asked_for() -> None:
    api = parse("https://api.éloquence.com", "api")
    seen = Seen(Target("t"), Asked(frozenset({"tls"})), NOW, (NONE,))
    assert [verdict.outcome for verdict in websocket(api, seen)] == ["none"]
