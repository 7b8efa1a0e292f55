"""Whether a websocket opens, whatever a client offers in the TLS handshake."""

from __future__ import annotations

from typing import Final

from eloquence_ops.checks.fingerprints import GATEWAY_STATUSES, is_livekit
from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.checks.tls_http import exchanges, has_failed, is_livekits
from eloquence_ops.endpoints import Endpoint
from eloquence_ops.findings import Evidence, Family
from eloquence_ops.observations import HttpExchange, TlsHandshake, WebsocketOffer

# LiveKit's answers to a handshake without a token, and to one that it takes.
_FINE: Final = frozenset({101, 401})
_FINE_OVER_HTTP2: Final = frozenset({200, 401})


@check(
    "tls.websocket",
    feeds=("offers",),
    outcomes={
        "ok": "status milliseconds",
        "none": "",
        "http1-only": "status",
        "refused": "offered chosen said",
        "elsewhere": "said",
        "gateway": "said",
        "dropped": "said",
        "not-found": "said",
        "not-opened": "said",
        "no-answer": "said",
    },
)
def websocket(endpoint: Endpoint, seen: Seen) -> Judgement:
    """One finding for each address family: that none is opened at all, or the difference that an
    offer makes."""
    if not endpoint.secure or not is_livekits(endpoint, seen):
        yield Verdict("none")
        return
    judged_there = first_family(endpoint, seen) if seen.is_examined(endpoint) else None
    answered = exchanges(endpoint, seen)
    by_family: dict[Family, list[WebsocketOffer]] = {}
    for offer in seen.about(WebsocketOffer, endpoint):
        by_family.setdefault(offer.family, []).append(offer)
    for family, offers in by_family.items():
        without = next((offer for offer in offers if not offer.offered), None)
        if without is None:
            continue
        if _is_fine(without):
            yield _difference(without, offers)
        elif family is judged_there or has_failed(answered.get(family)):
            # LiveKit's own checks tell it, or `tls.http` does.
            yield Verdict("elsewhere", {"said": _said(without)}, family)
        else:
            yield _not_opened(without, answered.get(family))


def first_family(endpoint: Endpoint, seen: Seen) -> Family | None:
    """The one over which the checks of the service ask: the first whose handshake passed."""
    shaken = seen.about(TlsHandshake, endpoint)
    passed = {entry.family for entry in shaken if entry.outcome == "ok"}
    return next((family for family in (Family.IPV4, Family.IPV6) if family in passed), None)


def _not_opened(without: WebsocketOffer, answered: HttpExchange | None) -> Verdict:
    if without.status is None:
        return Verdict("no-answer", {"said": without.outcome}, without.family)
    outcome = "not-opened"
    if without.status in GATEWAY_STATUSES:
        outcome = "gateway"
    elif without.status == 404:
        is_there = answered is not None and is_livekit(answered)
        outcome = "dropped" if is_there else "not-found"
    return Verdict(outcome, {"said": _said(without)}, without.family)


def _difference(without: WebsocketOffer, offers: list[WebsocketOffer]) -> Verdict:
    broken = [offer for offer in offers if offer.offered and not _is_fine(offer)]
    if broken:
        return Verdict("refused", _evidence(broken[0]), without.family)
    if any(offer.outcome == "no-http2-websocket" for offer in offers):
        return Verdict("http1-only", {"status": without.status}, without.family)
    milliseconds = round(without.duration_s * 1000, 1)
    evidence = {"status": without.status, "milliseconds": milliseconds}
    return Verdict("ok", evidence, without.family, without.duration_s)


def _is_fine(offer: WebsocketOffer) -> bool:
    """A server that does not announce websockets over HTTP/2 is asked again over HTTP/1.1, by
    every client that keeps to the rules (RFC 8441, 3)."""
    fine = _FINE_OVER_HTTP2 if offer.chosen == "h2" else _FINE
    return offer.status in fine or offer.outcome == "no-http2-websocket"


def _evidence(offer: WebsocketOffer) -> Evidence:
    return {
        "offered": " + ".join(offer.offered),
        "chosen": offer.chosen or "-",
        "said": _said(offer),
    }


def _said(offer: WebsocketOffer) -> str:
    return str(offer.status) if offer.status is not None else offer.detail or offer.outcome
