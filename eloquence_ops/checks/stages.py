"""The stages of one HTTP answer, which the API and LiveKit share.

Each stage is a check of its own, so that what one stage hides is counted as hidden: a proxy that
finds nobody behind it says nothing of whether somebody there would answer in time.
"""

from __future__ import annotations

from typing import Final

from eloquence_ops.checks.fingerprints import author, gateway_outcome, wants_tls
from eloquence_ops.checks.registry import Judgement, Verdict
from eloquence_ops.observations import HttpExchange

ANSWER_OUTCOMES: Final = {
    "ok": "status milliseconds",
    "gateway-timeout": "status author",
    "silent": "seconds",
    "closed": "detail",
    "wants-tls": "",
    "not-http": "excerpt",
    "failed": "detail",
}


def gateway(exchange: HttpExchange | None) -> Judgement:
    """`bad-gateway` in a proxy's own words; nothing where no answer shows it."""
    if exchange is None or exchange.outcome != "answered":
        return
    outcome = gateway_outcome(exchange)
    if outcome == "bad-gateway":
        yield Verdict("bad-gateway", {"status": exchange.status, "author": author(exchange)})
    elif outcome is None:
        yield Verdict("ok")


def answer(exchange: HttpExchange | None) -> Judgement:
    """Whether the service itself answered in time."""
    if exchange is None:
        return
    match exchange.outcome:
        case "answered" | "not-http" if wants_tls(exchange):
            yield Verdict("wants-tls")
        case "answered" if gateway_outcome(exchange) == "gateway-timeout":
            yield Verdict(
                "gateway-timeout", {"status": exchange.status, "author": author(exchange)}
            )
        case "answered" if gateway_outcome(exchange) is None:
            waited = exchange.timings.first_byte or exchange.duration_s
            milliseconds = round(waited * 1000, 1)
            yield Verdict(
                "ok",
                {"status": exchange.status, "milliseconds": milliseconds},
                duration_s=exchange.duration_s,
            )
        case "answered":
            return
        case "silent":
            yield Verdict("silent", {"seconds": round(exchange.duration_s, 1)})
        case "closed":
            yield Verdict("closed", {"detail": exchange.detail})
        case "not-http":
            yield Verdict("not-http", {"excerpt": exchange.body[:80]})
        case _:
            yield Verdict("failed", {"detail": exchange.detail or exchange.outcome})
