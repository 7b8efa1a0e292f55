"""The stages of one HTTP answer, which the API and LiveKit share.

Each stage is a check of its own, so that what one stage hides is counted as hidden: a proxy that
finds nobody behind it says nothing of whether somebody there would answer in time.
"""

from __future__ import annotations

from typing import Final

from eloquence_ops.checks.fingerprints import author, gateway_outcome, wants_tls
from eloquence_ops.checks.proxy_status import told
from eloquence_ops.checks.registry import Judgement, Verdict
from eloquence_ops.findings import Evidence
from eloquence_ops.observations import HttpExchange

ANSWER_OUTCOMES: Final = {
    "ok": "status milliseconds",
    "gateway-timeout": "status author seconds",
    "silent": "seconds",
    "slow": "status seconds",
    "closed": "detail",
    "broken": "status bytes",
    "too-large": "detail",
    "wants-tls": "",
    "not-http": "excerpt",
    "failed": "detail",
}


GATEWAY_OUTCOMES: Final = {
    "ok": "",
    "bad-gateway": "status author",
    "upstream-unresolved": "status said",
    "upstream-tls": "status said",
}
# What a proxy's own word for a failure makes of it.
_BY_HOP: Final = {"unresolved": "upstream-unresolved", "tls": "upstream-tls"}


def gateway(exchange: HttpExchange | None) -> Judgement:
    """`bad-gateway` in a proxy's own words; nothing where no answer shows it."""
    if exchange is None or exchange.outcome != "answered":
        return
    outcome = gateway_outcome(exchange)
    said = told(exchange)
    if outcome and said is not None and said.hop in _BY_HOP:
        yield Verdict(_BY_HOP[said.hop], {"status": exchange.status, "said": str(said)})
    elif outcome == "bad-gateway":
        yield Verdict("bad-gateway", {"status": exchange.status, "author": author(exchange)})
    elif outcome is None:
        yield Verdict("ok")


def gateway_timeout(exchange: HttpExchange) -> Evidence:
    """A proxy's 504, and after how long: its own limit, or about that."""
    waited = exchange.timings.first_byte or exchange.duration_s
    return {
        "status": exchange.status,
        "author": author(exchange),
        "seconds": round(waited, 1),
    }


def answer(exchange: HttpExchange | None) -> Judgement:
    """Whether the service itself answered in time."""
    if exchange is None:
        return
    match exchange.outcome:
        case "answered" | "not-http" if wants_tls(exchange):
            yield Verdict("wants-tls")
        case "answered" if gateway_outcome(exchange) == "gateway-timeout":
            yield Verdict("gateway-timeout", gateway_timeout(exchange))
        case "answered" if gateway_outcome(exchange):
            return
        case "answered" if exchange.body_state == "slow":
            seconds = round(exchange.duration_s, 1)
            yield Verdict("slow", {"status": exchange.status, "seconds": seconds})
        case "answered" if exchange.body_state == "broken":
            yield Verdict("broken", {"status": exchange.status, "bytes": exchange.body_bytes})
        case "answered":
            # Also when it was cut: a long page is an answer, of which the rest was not read.
            waited = exchange.timings.first_byte or exchange.duration_s
            milliseconds = round(waited * 1000, 1)
            yield Verdict(
                "ok",
                {"status": exchange.status, "milliseconds": milliseconds},
                duration_s=exchange.duration_s,
            )
        case "silent":
            yield Verdict("silent", {"seconds": round(exchange.duration_s, 1)})
        case "closed":
            yield Verdict("closed", {"detail": exchange.detail})
        case "too-large":
            yield Verdict("too-large", {"detail": exchange.detail})
        case "not-http":
            yield Verdict("not-http", {"excerpt": exchange.body[:80]})
        case _:
            yield Verdict("failed", {"detail": exchange.detail or exchange.outcome})
