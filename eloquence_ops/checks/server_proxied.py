"""The requests that were made on the server through its proxy, beside those past it.

They are judged only where the service itself answers there: then what fails is the proxy.
"""

from __future__ import annotations

from typing import Final

from eloquence_ops.checks import server_places as places
from eloquence_ops.checks import server_sites
from eloquence_ops.checks.fingerprints import author, gateway_outcome
from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.endpoints import Endpoint, Role
from eloquence_ops.findings import Evidence
from eloquence_ops.observations import HttpExchange, TcpConnect

PATHS: Final[dict[Role, str]] = {"api": "/api/sessions", "livekit": "/rtc/validate"}
_OUTCOMES: Final = {
    "ok": "place status milliseconds",
    "wrong-upstream": "place status author service",
    "bad-gateway": "place status author",
    "gateway-timeout": "place status author seconds",
    "silent": "place seconds",
    "refused": "place",
    "not-here": "place",
    "not-proxied": "",
    "failed": "place detail",
    "not-asked": "detail",
}
_OF_API: Final = {"gives-up": "place status author seconds answered"}
# How much later than the proxy's own limit an answer may seem to come.
_TOLERANCE_S: Final = 0.1


def waited(exchange: HttpExchange) -> float:
    """Seconds until an answer began."""
    return exchange.timings.first_byte or exchange.duration_s


def is_fine(exchange: HttpExchange | None) -> bool:
    """Whether a service's own answer came, whatever it says."""
    return (
        exchange is not None
        and exchange.outcome == "answered"
        and gateway_outcome(exchange) is None
    )


def outside(endpoint: Endpoint, seen: Seen) -> list[TcpConnect]:
    """Connections that were tried from outside; from the server itself, none are."""
    return [] if seen.asked.on_server else seen.about(TcpConnect, endpoint)


def _judge(role: Role, seen: Seen) -> Judgement:
    endpoint = seen.target.endpoint(role)
    if endpoint is None or not places.passes_proxy(role, seen.target, seen.observations):
        yield Verdict("not-proxied")
        return
    exchange = seen.from_server(f"server-proxied-{role}")
    if exchange is None:
        return
    place = str(places.of_proxy(endpoint, seen.observations))
    match exchange.outcome:
        case "answered" if is_fine(exchange):
            milliseconds = round(waited(exchange) * 1000, 1)
            evidence = {"place": place, "status": exchange.status, "milliseconds": milliseconds}
            yield Verdict("ok", evidence, duration_s=exchange.duration_s)
        case "answered":
            yield _apology(role, endpoint, exchange, place, seen)
        case "silent":
            yield Verdict("silent", {"place": place, "seconds": round(exchange.duration_s, 1)})
        case "refused":
            taken = any(entry.outcome == "connected" for entry in outside(endpoint, seen))
            yield Verdict("not-here" if taken else "refused", {"place": place})
        case "failed" | "unreachable" | "connect-timeout":
            yield Verdict("not-asked", {"detail": exchange.detail or exchange.outcome})
        case _:
            yield Verdict("failed", {"place": place, "detail": exchange.detail or exchange.outcome})


def _apology(
    role: Role, endpoint: Endpoint, exchange: HttpExchange, place: str, seen: Seen
) -> Verdict:
    """A proxy's 502 or 504 for a service that was asked for the same at the same time."""
    direct = seen.from_server(f"server-{role}")
    said: Evidence = {"place": place, "status": exchange.status, "author": author(exchange)}
    late = gateway_outcome(exchange) == "gateway-timeout"
    timed: Evidence = {**said, "seconds": round(waited(exchange), 1)}
    if direct is not None and is_fine(direct):
        if late and role == "api" and waited(direct) >= waited(exchange) - _TOLERANCE_S:
            return Verdict("gives-up", {**timed, "answered": round(waited(direct), 1)})
        if leads_elsewhere(role, endpoint, seen):
            service = str(places.of_service(role, seen.target, seen.observations))
            return Verdict("wrong-upstream", {**said, "service": service})
    return Verdict("gateway-timeout", timed) if late else Verdict("bad-gateway", said)


def leads_elsewhere(role: Role, endpoint: Endpoint, seen: Seen) -> bool:
    """False only where the configuration in force leads to the service."""
    serving = server_sites.serving(endpoint, PATHS[role], seen)
    if serving is None or not serving.in_force:
        return True
    return not serving.leads_to(places.of_service(role, seen.target, seen.observations))


@check("server.proxied-api", feeds=("proxied",), outcomes=_OUTCOMES | _OF_API)
def proxied_api(_server: str, seen: Seen) -> Judgement:
    """What the proxy on the server says of the API, which answers there."""
    yield from _judge("api", seen)


@check("server.proxied-livekit", feeds=("proxied",), outcomes=_OUTCOMES)
def proxied_livekit(_server: str, seen: Seen) -> Judgement:
    """What the proxy on the server says of LiveKit, which answers there."""
    yield from _judge("livekit", seen)


@check(
    "server.proxy-timeout",
    feeds=("session",),
    outcomes={
        "gives-up": "seconds answered",
        "api-silent": "seconds waited",
        "in-time": "seconds answered",
        "not-needed": "",
        "not-asked": "detail",
    },
)
def proxy_timeout(_server: str, seen: Seen) -> Judgement:
    """Of a session that a proxy gave up on: how long does the API take past the proxy?"""
    api = seen.target.api
    given_up = seen.exchange(api, "session-open") if api else None
    if given_up is None or gateway_outcome(given_up) != "gateway-timeout":
        yield Verdict("not-needed")
        return
    direct, after = seen.from_server("server-session-open"), round(waited(given_up), 1)
    if direct is None:
        return
    if is_fine(direct):
        late = waited(direct) >= waited(given_up) - _TOLERANCE_S
        answered = {"seconds": after, "answered": round(waited(direct), 1)}
        yield Verdict("gives-up" if late else "in-time", answered)
    elif direct.outcome == "silent":
        yield Verdict("api-silent", {"seconds": after, "waited": round(direct.duration_s, 1)})
    else:
        yield Verdict("not-asked", {"detail": direct.detail or direct.outcome})
