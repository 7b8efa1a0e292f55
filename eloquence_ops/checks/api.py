"""The API, up to the session: does it answer, and is it the one that the app expects?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

from eloquence_ops.checks import reachable, redirects, stages
from eloquence_ops.checks.fingerprints import (
    REDIRECTS,
    Author,
    author,
    gateway_outcome,
    is_app_error,
    is_foreign,
)
from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.endpoints import Endpoint
from eloquence_ops.findings import Evidence
from eloquence_ops.observations import ApiRoutes, HttpExchange, TcpConnect, TlsHandshake

SESSIONS: Final = "/api/sessions"
OLD_START: Final = "/api/session/start"


@check("api.reachable", feeds=("reach",), outcomes=reachable.OUTCOMES)
def reachable_(api: Endpoint, seen: Seen) -> Judgement:
    """TCP, per address family."""
    yield from reachable.judge(api, seen)


def _is_barred(exchange: HttpExchange) -> bool:
    """Refused by something in front of the application, which would say so in JSON."""
    return exchange.status in (401, 403) and author(exchange) != "app"


@check("api.access", feeds=("routes", "root"), outcomes={"ok": "", "denied": "status author"})
def access(api: Endpoint, seen: Seen) -> Judgement:
    """Whether something in front of the API refuses in its place."""
    exchange = seen.exchange(api, "sessions-get")
    if exchange is None or exchange.outcome != "answered" or gateway_outcome(exchange):
        return
    if _is_barred(exchange) and not shown_by_post(api, seen):
        yield Verdict("denied", {"status": exchange.status, "author": author(exchange)})
    else:
        yield Verdict("ok")


def _redirect(api: Endpoint, exchange: HttpExchange) -> Verdict:
    """Where GET on the sessions route is sent on to, and what that means."""
    if exchange.status not in REDIRECTS:
        return Verdict("ok")
    found = redirects.read(api, SESSIONS, exchange)
    if found is None:
        return Verdict("unreadable", {"status": exchange.status})
    asked = urlsplit(f"{api.url}{SESSIONS}").path
    evidence: Evidence = {"status": exchange.status, "target": str(found.target)}
    if found.target.host == api.host and found.path == asked + "/":
        return Verdict("slash", evidence)  # its scheme may be lost behind a proxy
    if not found.stays_at(api):
        return Verdict("elsewhere", evidence)
    if found.path == asked:
        return Verdict("loop", evidence)
    return Verdict("elsewhere", {"status": exchange.status, "target": found.whole})


@check(
    "api.redirect",
    feeds=("routes",),
    outcomes={
        "ok": "",
        "elsewhere": "status target",
        "slash": "status target",
        "loop": "status target",
        "unreadable": "status",
    },
)
def redirect(api: Endpoint, seen: Seen) -> Judgement:
    """Whether the route is answered where it was asked for: a POST follows no redirect."""
    exchange = seen.exchange(api, "sessions-get")
    if exchange is None or exchange.outcome != "answered" or gateway_outcome(exchange):
        return
    yield _redirect(api, exchange)


@check("api.gateway", feeds=("routes",), outcomes=stages.GATEWAY_OUTCOMES)
def gateway(api: Endpoint, seen: Seen) -> Judgement:
    """Whether a proxy in front could connect to the API."""
    yield from stages.gateway(seen.exchange(api, "sessions-get", "root"))


@check(
    "api.answers",
    feeds=("routes",),
    outcomes=stages.ANSWER_OUTCOMES
    | {"ok": "status milliseconds stages", "one-family": "family address outcome"},
)
def answers(api: Endpoint, seen: Seen) -> Judgement:
    """Whether HTTP comes back in time; where there are two address families, over each."""
    by_family = {
        exchange.family: exchange
        for exchange in reversed(seen.about(HttpExchange, api))
        if exchange.purpose in ("sessions-get", "family-get")
    }
    root = seen.exchange(api, "root")
    asked = list(by_family.values()) or ([root] if root else [])
    judged = [(exchange, next(stages.answer(exchange), None)) for exchange in asked]
    works = _works_best([exchange for exchange, found in judged if found and found.outcome == "ok"])
    for exchange, verdict in judged:
        family = exchange.family if len(asked) > 1 else None
        if works is not None and exchange.status != works.status:
            came = verdict.outcome if verdict and verdict.outcome != "ok" else exchange.status
            address = {"address": exchange.address, "family": exchange.family.value}
            yield Verdict("one-family", {**address, "outcome": came}, family)
        elif verdict is not None:
            evidence = dict(verdict.evidence)
            if verdict.outcome == "ok":
                evidence["stages"] = tuple(_stages(api, exchange, seen))
            yield replace(verdict, evidence=evidence, family=family)


def _works_best(answered: list[HttpExchange]) -> HttpExchange | None:
    """Of those that were answered over different families, the one that shows the route."""
    return next((entry for entry in answered if route_is_there(entry)), next(iter(answered), None))


def _stages(api: Endpoint, exchange: HttpExchange, seen: Seen) -> Iterator[str]:
    """How long each part of the way took, in milliseconds."""
    lookup = seen.lookup(api.host)
    if lookup is not None and not api.is_address:
        yield f"DNS {lookup.duration_s * 1000:.1f} ms"
    for name, entries in (
        ("TCP", seen.about(TcpConnect, api)),
        ("TLS", seen.about(TlsHandshake, api)),
    ):
        of_family = [entry for entry in entries if entry.family == exchange.family]
        yield from (f"{name} {entry.duration_s * 1000:.1f} ms" for entry in of_family[:1])
    if exchange.timings.first_byte is not None:
        yield f"HTTP {exchange.timings.first_byte * 1000:.1f} ms"


def listed_routes(api: Endpoint, seen: Seen) -> frozenset[str]:
    """What the API's own documentation lists, as `METHOD /path`."""
    return frozenset(route for entry in seen.about(ApiRoutes, api) for route in entry.routes)


def _registered(path: str, probed: HttpExchange | None, listed: frozenset[str]) -> bool | None:
    """Whether POST `path` exists, by two signs; None when they do not tell.

    GET on a POST route is 405 with `allow: POST` (FastAPI); `/openapi.json` lists it.
    """
    if f"POST {path}" in listed:
        return True
    if probed is None or probed.outcome != "answered":
        return None
    if probed.status == 405 and "POST" in (probed.header("allow") or "").upper():
        return True
    return False if probed.status == 404 else None


def shifted_route(api: Endpoint, seen: Seen) -> str | None:
    """Where the route is instead: one `/api` too high or too low, or below a path that the address
    lacks; None where it is not."""
    listed = listed_routes(api, seen)
    for purpose, path in (("bare-get", "/sessions"), ("doubled-get", f"/api{SESSIONS}")):
        other = seen.exchange(api, purpose)
        only_there = f"POST {path}" in listed and f"POST {SESSIONS}" not in listed
        if (other is not None and route_is_there(other)) or only_there:
            return path
    below = [entry for entry in seen.about(HttpExchange, api) if entry.purpose == "based-get"]
    found = next((entry for entry in below if route_is_there(entry)), None)
    return found.path.removeprefix(api.path) if found is not None else None


def route_is_there(probed: HttpExchange) -> bool:
    """Whether GET shows a POST route: 405 with `allow: POST`, or the application wants a key."""
    refused = probed.status in (401, 403) and author(probed) == "app"
    return refused or bool(_registered("", probed, frozenset()))


def shown_by_post(api: Endpoint, seen: Seen) -> bool:
    """Whether the route judged a POST that can open nothing, or opened a session all the same."""
    posted = seen.exchange(api, "sessions-post")
    opened = seen.exchange(api, "sessions-post-close") is not None
    return opened or (posted is not None and judged_post(posted))


def judged_post(posted: HttpExchange) -> bool:
    """Whether a POST without a key, of a body that can open nothing, came as far as the route: it
    wants a key, or FastAPI has looked at the body."""
    if posted.status in (401, 403):
        return author(posted) == "app"
    return posted.status == 422 and is_app_error(posted)


def may_have_sessions(probed: HttpExchange, routes: ApiRoutes | None) -> bool:
    """Whether `POST /api/sessions` may be sent here, key included.

    Only to what shows the route, or lists it. Never after a redirect or to something that answers
    everything.
    """
    return route_is_there(probed) or (routes is not None and f"POST {SESSIONS}" in routes.routes)


def _opened_by_post(exchange: HttpExchange | None) -> bool:
    """A POST that the route itself judged, whatever it came to."""
    if exchange is None or exchange.status is None:
        return False
    refused = exchange.status in (401, 403) and author(exchange) == "app"
    judged = exchange.status == 422 and is_app_error(exchange)
    return refused or judged or 200 <= exchange.status < 300


@check(
    "api.sessions-route",
    feeds=("routes",),
    outcomes={"ok": "signs", "missing": "status author", "inconclusive": "status"},
)
def sessions_route(api: Endpoint, seen: Seen) -> Judgement:
    """Whether `POST /api/sessions` is registered: never by one sign alone."""
    probed, listed = seen.exchange(api, "sessions-get"), listed_routes(api, seen)
    if probed is None:
        return
    exists = _registered(SESSIONS, probed, listed)
    signs = {
        "405": probed.status == 405 and bool(exists),
        "openapi.json": f"POST {SESSIONS}" in listed,
        "POST": _opened_by_post(seen.exchange(api, "session-open")) or shown_by_post(api, seen),
    }
    if any(signs.values()):
        yield Verdict("ok", {"signs": tuple(name for name, there in signs.items() if there)})
    elif exists is False:
        yield Verdict("missing", {"status": probed.status, "author": author(probed)})
    else:
        yield Verdict("inconclusive", {"status": probed.status or probed.outcome})


@check(
    "api.old-routes",
    feeds=("routes",),
    outcomes={"ok": "", "only": "routes", "beside": "routes"},
)
def old_routes(api: Endpoint, seen: Seen) -> Judgement:
    """Which generation of the API answers: the old endpoints, the new ones, or both."""
    listed = listed_routes(api, seen)
    old = _registered(OLD_START, seen.exchange(api, "old-start-get"), listed)
    new = _registered(SESSIONS, seen.exchange(api, "sessions-get"), listed)
    routes = {"routes": (f"POST {OLD_START}",)}
    if old is False:
        yield Verdict("ok")
    elif old and new:
        yield Verdict("beside", routes)
    elif old and new is False:
        yield Verdict("only", routes)


@check(
    "api.identity",
    feeds=("routes",),
    outcomes={"ok": "", "other-service": "title status author", "unclear": "status"},
)
def identity(api: Endpoint, seen: Seen) -> Judgement:
    """Whether it is an Eloquence backend at all, old or new. Only what shows itself is another."""
    probed, listed = seen.exchange(api, "sessions-get"), listed_routes(api, seen)
    if probed is None or probed.outcome != "answered" or gateway_outcome(probed):
        return
    old = _registered(OLD_START, seen.exchange(api, "old-start-get"), listed)
    if (
        _registered(SESSIONS, probed, listed)
        or old
        or shifted_route(api, seen)
        or _opened_by_post(seen.exchange(api, "session-open"))
        or shown_by_post(api, seen)
    ):
        yield Verdict("ok")
    elif listed or is_foreign(probed):
        titles = [entry.title for entry in seen.about(ApiRoutes, api)]
        evidence = {"title": titles[0] if titles else "no-title", "status": probed.status}
        yield Verdict("other-service", evidence | {"author": _writer(api, probed, seen)})
    else:
        yield Verdict("unclear", {"status": probed.status})


def _writer(api: Endpoint, probed: HttpExchange, seen: Seen) -> Author:
    """LiveKit shows itself by two answers: Go's 404, and `OK` at the root."""
    root = seen.exchange(api, "root")
    written = author(probed)
    if written == "go" and root is not None and root.body.strip() == "OK":
        return "livekit"
    return written
