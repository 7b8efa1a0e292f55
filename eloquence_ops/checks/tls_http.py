"""What answers over TLS, where only certificates are looked at: the stage between the handshake
and a websocket."""

from __future__ import annotations

from typing import Final

from eloquence_ops.checks.fingerprints import author, gateway_outcome, is_livekit
from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Asked, Seen
from eloquence_ops.endpoints import Endpoint
from eloquence_ops.findings import Evidence, Family
from eloquence_ops.observations import HttpExchange
from eloquence_ops.settings import Target

PURPOSE: Final = "tls-http"
PATH: Final = "/rtc/validate"
"""What LiveKit refuses in words of its own without a token, and creates nothing for."""


def opens_websockets(endpoint: Endpoint, asked: Asked, target: Target, *, answers: bool) -> bool:
    """Whether a websocket belongs here: by the address; or, of one that was typed, by the settings
    or because LiveKit `answers` there."""
    if endpoint.scheme == "wss" or endpoint not in asked.addresses:
        return endpoint.scheme == "wss"
    known = target.livekit
    place = (endpoint.host, endpoint.port)
    return answers or (known is not None and (known.host, known.port) == place)


def is_livekits(endpoint: Endpoint, seen: Seen) -> bool:
    """`opens_websockets`, by what was seen."""
    answers = any(is_livekit(exchange) for exchange in exchanges(endpoint, seen).values())
    return opens_websockets(endpoint, seen.asked, seen.target, answers=answers)


def exchanges(endpoint: Endpoint, seen: Seen) -> dict[Family, HttpExchange]:
    """By address family."""
    return {
        exchange.family: exchange
        for exchange in seen.about(HttpExchange, endpoint)
        if exchange.purpose == PURPOSE
    }


def has_failed(exchange: HttpExchange | None) -> bool:
    """Whether nothing, or nobody but a proxy, answered."""
    return exchange is not None and (
        exchange.outcome != "answered" or gateway_outcome(exchange) is not None
    )


@check(
    "tls.http",
    feeds=("http",),
    outcomes={
        "ok": "status milliseconds",
        "none": "",
        "elsewhere": "",
        "api-gateway": "status author",
        "livekit-gateway": "status author",
        "api-no-answer": "status",
        "livekit-no-answer": "status",
    },
)
def http(endpoint: Endpoint, seen: Seen) -> Judgement:
    """One finding for each address family whose handshake passed. Any answer of a service will do:
    what it says is its own area's."""
    if not endpoint.secure:
        yield Verdict("none")
        return
    if seen.is_examined(endpoint):
        yield Verdict("elsewhere")
        return
    service = "livekit" if is_livekits(endpoint, seen) else "api"
    for family, exchange in exchanges(endpoint, seen).items():
        if exchange.outcome != "answered":
            yield Verdict(f"{service}-no-answer", {"status": exchange.outcome}, family)
        elif gateway_outcome(exchange):
            said: Evidence = {"status": exchange.status, "author": author(exchange)}
            yield Verdict(f"{service}-gateway", said, family)
        else:
            waited = exchange.timings.first_byte or exchange.duration_s
            took: Evidence = {"status": exchange.status, "milliseconds": round(waited * 1000, 1)}
            yield Verdict("ok", took, family, exchange.duration_s)
