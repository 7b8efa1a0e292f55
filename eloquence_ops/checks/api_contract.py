"""The API's contract beyond the first session: keys, bodies, CORS, prefix, neighbours.

Registered under the area `api`; `checks/api.py` has the way up to it, `api_session.py` the session,
`api_token.py` what comes with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from eloquence_ops.checks.api import route_is_there, shifted_route
from eloquence_ops.checks.api_session import invalid_fields
from eloquence_ops.checks.fingerprints import author, gateway_outcome, is_app_error, is_page
from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.endpoints import Endpoint
from eloquence_ops.observations import HttpExchange

APP_ORIGIN: Final = "http://localhost:8080"
"""A web app's origin; which one does not matter to an API that allows all or lists its own."""


def _let_in(exchange: HttpExchange) -> bool | None:
    """Whether authentication was passed: FastAPI judges it first, then the impossible body."""
    if exchange.status in (401, 403):
        # A proxy or a firewall that refuses says nothing of the API behind it.
        return False if author(exchange) == "app" else None
    if 200 <= (exchange.status or 0) < 300:
        return None if is_page(exchange) else True  # a login in front may be a page with 200
    if exchange.status != 422 or not is_app_error(exchange):
        return None
    # A key that is declared as a plain required header is missed by validation itself.
    return not any(problem.lower().startswith("x-api-key") for problem in invalid_fields(exchange))


@check(
    "api.key-required",
    feeds=("keys",),
    outcomes={"ok": "", "open": "status", "unclear": "status", "not-tried": ""},
)
def key_required(api: Endpoint, seen: Seen) -> Judgement:
    """Whether a session needs a key at all."""
    if seen.asked.read_only:
        yield Verdict("not-tried")
        return
    exchange = seen.exchange(api, "no-key")
    if exchange is None or exchange.outcome != "answered":
        return
    match _let_in(exchange):
        case False:
            yield Verdict("ok")
        case True:
            yield Verdict("open", {"status": exchange.status})
        case None:
            yield Verdict("unclear", {"status": exchange.status})


@check(
    "api.default-key",
    feeds=("keys",),
    outcomes={"ok": "", "accepted": "status", "local": "", "unclear": "status", "not-tried": ""},
)
def default_key(api: Endpoint, seen: Seen) -> Judgement:
    """Whether the debugging guide's example key opens the door, and to whom."""
    if seen.asked.read_only:
        yield Verdict("not-tried")
        return
    exchange = seen.exchange(api, "default-key")
    if exchange is None or exchange.outcome != "answered":
        return
    if _lets_in(api, seen, "no-key", "wrong-key"):
        yield Verdict("ok")  # an API that asks for none, or for any, has no default one either
        return
    match _let_in(exchange):
        case False:
            yield Verdict("ok")
        case True if seen.scope(api.host) == "public":
            yield Verdict("accepted", {"status": exchange.status})
        case True:
            yield Verdict("local")
        case None:
            yield Verdict("unclear", {"status": exchange.status})


@check(
    "api.wrong-key",
    feeds=("keys",),
    outcomes={"ok": "", "accepted": "status", "unclear": "status", "not-tried": ""},
)
def wrong_key(api: Endpoint, seen: Seen) -> Judgement:
    """Whether the key's value counts: one that was made up for this run is sent once."""
    if seen.asked.read_only:
        yield Verdict("not-tried")
        return
    exchange = seen.exchange(api, "wrong-key")
    if exchange is None or exchange.outcome != "answered":
        return
    if _lets_in(api, seen, "no-key"):
        yield Verdict("ok")  # where none is asked for, no value can be wrong
        return
    match _let_in(exchange):
        case False:
            yield Verdict("ok")
        case True:
            yield Verdict("accepted", {"status": exchange.status})
        case None:
            yield Verdict("unclear", {"status": exchange.status})


def _lets_in(api: Endpoint, seen: Seen, *purposes: str) -> bool:
    """Whether one of these guesses got past authentication."""
    tried = (seen.exchange(api, purpose) for purpose in purposes)
    return any(entry is not None and bool(_let_in(entry)) for entry in tried)


@check("api.key-in-clear", feeds=("names",), outcomes={"ok": "", "in-clear": ""})
def key_in_clear(api: Endpoint, seen: Seen) -> Judgement:
    """Whether the key crosses public networks readable for everybody on the way."""
    exposed = not api.secure and seen.scope(api.host) == "public" and seen.asked.has_api_key
    yield Verdict("in-clear" if exposed else "ok")


@check(
    "api.bodies",
    feeds=("minimal", "nulls"),
    outcomes={
        "ok": "",
        "minimal-refused": "status problems",
        "nulls-refused": "status problems",
        "minimal-fails": "status",
        "nulls-fails": "status",
    },
)
def bodies(api: Endpoint, seen: Seen) -> Judgement:
    """Whether the guide's minimal body and the app's nulls open a session too."""
    answered = 0
    for name in ("minimal", "nulls"):
        exchange = seen.exchange(api, f"{name}-open")
        if exchange is None or exchange.outcome != "answered" or exchange.status is None:
            continue
        if exchange.status == 429 or gateway_outcome(exchange):
            continue  # one session too many, or a bad moment: not the body's fault
        answered += 1
        if exchange.status >= 500:
            yield Verdict(f"{name}-fails", {"status": exchange.status})
            return
        if exchange.status != 200:
            problems = tuple(invalid_fields(exchange)) if exchange.status == 422 else ()
            yield Verdict(f"{name}-refused", {"status": exchange.status, "problems": problems})
            return
    if answered == 2:
        yield Verdict("ok")


@check(
    "api.cors",
    feeds=("cors",),
    outcomes={"ok": "", "own-origins": "", "missing": "status", "refuses": "status what"},
)
def cors(api: Endpoint, seen: Seen) -> Judgement:
    """Whether a browser may call the API as the app does (Fetch standard, CORS-preflight)."""
    exchange = seen.exchange(api, "preflight")
    if exchange is None or exchange.outcome != "answered":
        return
    refused_origin = _STARLETTE_REFUSES in exchange.body and "origin" in exchange.body
    if exchange.header("access-control-allow-origin") is None and not refused_origin:
        yield Verdict("missing", {"status": exchange.status})
    elif what := tuple(dict.fromkeys(_refused_by_preflights(exchange, api, seen))):
        yield Verdict("refuses", {"status": exchange.status, "what": what})
    elif refused_origin:
        yield Verdict("own-origins")  # it lists its own, and ours is made up
    else:
        yield Verdict("ok")


# How Starlette's CORSMiddleware refuses, followed by what it is: origin, method, headers.
_STARLETTE_REFUSES: Final = "Disallowed CORS "


def _refused_by_preflights(opening: HttpExchange, api: Endpoint, seen: Seen) -> Iterator[str]:
    yield from _refused_by_preflight(opening, "POST", frozenset({"content-type", "x-api-key"}))
    ending = seen.exchange(api, "preflight-delete")
    if ending is not None and ending.outcome == "answered":
        yield from _refused_by_preflight(ending, "DELETE", frozenset({"x-api-key"}))


def _refused_by_preflight(
    exchange: HttpExchange, method: str, needed: frozenset[str]
) -> Iterator[str]:
    """What the app needs and the answer does not grant."""
    if _STARLETTE_REFUSES in exchange.body:
        refused = exchange.body.partition(_STARLETTE_REFUSES)[2]
        yield from (
            {"method": method}.get(what, what) for what in ("method", "headers") if what in refused
        )
        return
    if not 200 <= (exchange.status or 0) < 300:
        yield f"HTTP {exchange.status}"
    if exchange.header("access-control-allow-origin") not in ("*", APP_ORIGIN):
        yield "origin"
    methods, headers = _listed(exchange, "methods"), _listed(exchange, "headers")
    if not methods & {"*", method.lower()}:
        yield method
    yield from sorted(needed - headers if "*" not in headers else ())


def _listed(exchange: HttpExchange, what: str) -> frozenset[str]:
    value = exchange.header(f"access-control-allow-{what}") or ""
    return frozenset(word.strip().lower() for word in value.split(","))


@check("api.session-gone", feeds=("session",), outcomes={"ok": "status", "still-there": "status"})
def session_gone(api: Endpoint, seen: Seen) -> Judgement:
    """Whether a session that was ended is gone: the second DELETE finds nothing."""
    exchange = seen.exchange(api, "session-gone")
    if exchange is None or exchange.outcome != "answered":
        return
    outcome = "ok" if exchange.status in (404, 410) else "still-there"
    yield Verdict(outcome, {"status": exchange.status})


@check("api.prefix", feeds=("routes",), outcomes={"ok": "", "found": "path"})
def prefix(api: Endpoint, seen: Seen) -> Judgement:
    """Whether the route is one `/api` too high or too low: a proxy or root_path shifts paths."""
    probed = seen.exchange(api, "sessions-get")
    if probed is None or probed.outcome != "answered":
        return
    path = shifted_route(api, seen)
    yield Verdict("found", {"path": path}) if path else Verdict("ok")


@check(
    "api.neighbours",
    feeds=("neighbours",),
    outcomes={"ok": "", "found": "address", "direct": "address", "none": "tried"},
)
def neighbours(api: Endpoint, seen: Seen) -> Judgement:
    """Where an API that does not answer at its address may be instead."""
    tried = [entry for entry in seen.every(HttpExchange) if entry.purpose == "neighbour-get"]
    direct: HttpExchange | None = None
    for entry in tried:
        if entry.outcome != "answered" or not route_is_there(entry):
            continue
        # Plain HTTP beside a TLS port that fails is the API past its proxy, no address to move to.
        if api.secure and not entry.endpoint.startswith("https://"):
            direct = entry
            continue
        yield Verdict("found", {"address": entry.endpoint})
        return
    if direct is not None:
        yield Verdict("direct", {"address": direct.endpoint})
    elif tried:
        yield Verdict("none", {"tried": tuple(dict.fromkeys(entry.endpoint for entry in tried))})
    elif seen.exchange(api, "sessions-get", "root") is not None:
        yield Verdict("ok")
