"""Whether a websocket opens for clients that offer protocols in the TLS handshake."""

from __future__ import annotations

from typing import Final

from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.endpoints import Endpoint
from eloquence_ops.findings import Evidence
from eloquence_ops.observations import WebsocketOffer

# LiveKit's answers to a handshake without a token, and to one that it takes (200 over HTTP/2).
_FINE: Final = frozenset({101, 200, 401})


@check(
    "tls.websocket",
    feeds=("offers",),
    outcomes={
        "ok": "status",
        "none": "",
        "http1-only": "status",
        "refused": "offered chosen said",
        "elsewhere": "said",
    },
)
def websocket(endpoint: Endpoint, seen: Seen) -> Judgement:
    """What is judged is the difference that an offer makes: without one, a websocket is LiveKit's
    and the proxy's matter."""
    if endpoint.scheme != "wss":
        yield Verdict("none")
        return
    offers = seen.about(WebsocketOffer, endpoint)
    without = next((offer for offer in offers if not offer.offered), None)
    if without is None:
        return
    if without.status not in _FINE:
        yield Verdict("elsewhere", {"said": _said(without)}, without.family)
        return
    broken = [offer for offer in offers if offer.offered and not _is_fine(offer)]
    if broken:
        yield Verdict("refused", _evidence(broken[0]), broken[0].family)
        return
    needs_http1 = any(offer.outcome == "no-http2-websocket" for offer in offers)
    outcome = "http1-only" if needs_http1 else "ok"
    yield Verdict(outcome, {"status": without.status}, without.family)


def _is_fine(offer: WebsocketOffer) -> bool:
    """A server that does not announce websockets over HTTP/2 is asked again over HTTP/1.1, by
    every client that keeps to the rules (RFC 8441, 3)."""
    return offer.status in _FINE or offer.outcome == "no-http2-websocket"


def _evidence(offer: WebsocketOffer) -> Evidence:
    return {
        "offered": " + ".join(offer.offered),
        "chosen": offer.chosen or "-",
        "said": _said(offer),
    }


def _said(offer: WebsocketOffer) -> str:
    return str(offer.status) if offer.status is not None else offer.detail or offer.outcome
