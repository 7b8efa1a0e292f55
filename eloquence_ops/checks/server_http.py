"""The same requests made on the server: where they break first is the faulty hop."""

from __future__ import annotations

from urllib.parse import urlsplit

from eloquence_ops.checks.fingerprints import author
from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.endpoints import Role
from eloquence_ops.observations import HttpExchange

_OUTCOMES = {
    "ok": "status milliseconds place",
    "refused": "place",
    "silent": "place seconds",
    "broken": "place detail",
    "elsewhere": "place",
    "not-asked": "detail",
}


def _judge(role: Role, seen: Seen) -> Judgement:
    exchange = seen.from_server(f"server-{role}")
    if exchange is None:
        return
    place = exchange.endpoint.partition("://")[2]
    match exchange.outcome:
        case "answered":
            waited = exchange.timings.first_byte or exchange.duration_s
            milliseconds = round(waited * 1000, 1)
            yield Verdict(
                "ok",
                {"status": exchange.status, "milliseconds": milliseconds, "place": place},
                duration_s=exchange.duration_s,
            )
        case "refused":
            proxied = seen.from_server(f"server-proxied-{role}")
            served = proxied is not None and author(proxied) in ("app", "livekit")
            yield Verdict("elsewhere" if served else "refused", {"place": place})
        case "silent" | "connect-timeout":
            yield Verdict("silent", {"place": place, "seconds": round(exchange.duration_s, 1)})
        case "failed" | "unreachable":
            # The link itself may be at fault: AllowTcpForwarding is off, for example.
            yield Verdict("not-asked", {"detail": exchange.detail or exchange.outcome})
        case _:
            yield Verdict("broken", {"place": place, "detail": exchange.detail or exchange.outcome})


def answer_at(role: Role, port: int, seen: Seen) -> HttpExchange | None:
    """What came back from a service's port on the server, where it was asked at this one."""
    exchange = seen.from_server(f"server-{role}")
    if exchange is None or exchange.outcome != "answered":
        return None
    return exchange if urlsplit(exchange.endpoint).port == port else None


@check("server.api-answers", feeds=("api",), outcomes=_OUTCOMES)
def api_answers(_server: str, seen: Seen) -> Judgement:
    """Whether the API answers on the server itself, past every proxy and firewall."""
    yield from _judge("api", seen)


@check("server.livekit-answers", feeds=("livekit",), outcomes=_OUTCOMES)
def livekit_answers(_server: str, seen: Seen) -> Judgement:
    """Whether LiveKit answers on the server itself, past every proxy and firewall."""
    yield from _judge("livekit", seen)
