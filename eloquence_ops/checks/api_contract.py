"""The API's contract beyond the first session: keys, bodies, CORS, what is handed out, neighbours.

Registered under the area `api`; `checks/api.py` has the way up to it, `api_session.py` the session.
"""

from __future__ import annotations

from typing import Final

from eloquence_ops.checks.api import route_is_there, shifted_route
from eloquence_ops.checks.api_session import invalid_fields
from eloquence_ops.checks.fingerprints import is_app_error
from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.endpoints import Endpoint, Scope, narrower, scope_of
from eloquence_ops.observations import HttpExchange

# LiveKit's own leeway.
_LEEWAY_S: Final = 60


def _scope(api: Endpoint, seen: Seen) -> Scope | None:
    """From how far the API can be used: the widest of its addresses."""
    lookup = seen.lookup(api.host)
    widest: Scope | None = None
    for entry in lookup.addresses if lookup else ():
        scope = scope_of(entry.address)
        if scope is not None and (widest is None or narrower(widest, than=scope)):
            widest = scope
    return widest


def _let_in(exchange: HttpExchange) -> bool | None:
    """Whether authentication was passed: FastAPI judges it first, then the impossible body."""
    if exchange.status in (401, 403):
        return False
    if exchange.status != 422 or not is_app_error(exchange):
        return None
    # A key that is declared as a plain required header is missed by validation itself.
    return not any(problem.lower().startswith("x-api-key") for problem in invalid_fields(exchange))


@check(
    "api.key-required",
    feeds=("keys",),
    outcomes={"ok": "", "open": "", "unclear": "status", "not-tried": ""},
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
            yield Verdict("open")
        case None:
            yield Verdict("unclear", {"status": exchange.status})


@check(
    "api.default-key",
    feeds=("keys",),
    outcomes={"ok": "", "accepted": "", "local": "", "unclear": "status", "not-tried": ""},
)
def default_key(api: Endpoint, seen: Seen) -> Judgement:
    """Whether the debugging guide's example key opens the door, and to whom."""
    if seen.asked.read_only:
        yield Verdict("not-tried")
        return
    exchange, without = seen.exchange(api, "default-key"), seen.exchange(api, "no-key")
    if exchange is None or exchange.outcome != "answered":
        return
    if without is not None and _let_in(without):
        yield Verdict("ok")  # an API that asks for no key has no default one either
        return
    match _let_in(exchange):
        case False:
            yield Verdict("ok")
        case True:
            yield Verdict("accepted" if _scope(api, seen) == "public" else "local")
        case None:
            yield Verdict("unclear", {"status": exchange.status})


@check("api.key-in-clear", feeds=("names",), outcomes={"ok": "", "in-clear": ""})
def key_in_clear(api: Endpoint, seen: Seen) -> Judgement:
    """Whether the key crosses public networks readable for everybody on the way."""
    exposed = not api.secure and _scope(api, seen) == "public" and seen.asked.has_api_key
    yield Verdict("in-clear" if exposed else "ok")


@check(
    "api.bodies",
    feeds=("minimal", "nulls"),
    outcomes={
        "ok": "",
        "minimal-refused": "status problems",
        "nulls-refused": "status problems",
    },
)
def bodies(api: Endpoint, seen: Seen) -> Judgement:
    """Whether the guide's minimal body and the app's nulls open a session too."""
    answered = 0
    for name in ("minimal", "nulls"):
        exchange = seen.exchange(api, f"{name}-open")
        if exchange is None or exchange.outcome != "answered" or exchange.status is None:
            continue
        if exchange.status == 429 or exchange.status >= 500:
            continue  # one session too many, or a bad moment: not the body's fault
        answered += 1
        if exchange.status != 200:
            problems = tuple(invalid_fields(exchange)) if exchange.status == 422 else ()
            yield Verdict(f"{name}-refused", {"status": exchange.status, "problems": problems})
            return
    if answered == 2:
        yield Verdict("ok")


@check("api.cors", feeds=("cors",), outcomes={"ok": "", "missing": "status"})
def cors(api: Endpoint, seen: Seen) -> Judgement:
    """Whether a browser may call the API. An API that lists its origins need not list ours."""
    exchange = seen.exchange(api, "preflight")
    if exchange is None or exchange.outcome != "answered":
        return
    allows = exchange.header("access-control-allow-origin") is not None
    lists_origins = exchange.status == 400 and "origin" in exchange.body.lower()
    if allows or lists_origins:
        yield Verdict("ok")
    else:
        yield Verdict("missing", {"status": exchange.status})


@check("api.session-gone", feeds=("session",), outcomes={"ok": "status", "still-there": "status"})
def session_gone(api: Endpoint, seen: Seen) -> Judgement:
    """Whether a session that was ended is gone: the second DELETE finds nothing."""
    exchange = seen.exchange(api, "session-gone")
    if exchange is None or exchange.outcome != "answered":
        return
    outcome = "ok" if exchange.status in (404, 410) else "still-there"
    yield Verdict(outcome, {"status": exchange.status})


@check(
    "api.token",
    feeds=("session",),
    outcomes={
        "ok": "minutes",
        "lasting": "",
        "wrong-room": "",
        "no-join": "",
        "out-of-time": "detail",
    },
)
def token(_api: Endpoint, seen: Seen) -> Judgement:
    """What the token says of itself; whether LiveKit accepts it is LiveKit's to say."""
    answer = seen.session
    if answer is None or answer.token is None:
        return
    claims, now = answer.token, seen.now.timestamp() + answer.at_s
    if claims.room is not None and claims.room != answer.room_name:
        yield Verdict("wrong-room")
    if not claims.may_join:
        yield Verdict("no-join")
    early = claims.not_before is not None and claims.not_before > now + _LEEWAY_S
    late = claims.expires is not None and claims.expires < now - _LEEWAY_S
    if early or late:
        yield Verdict("out-of-time", {"detail": "not-yet-valid" if early else "expired"})
    elif claims.may_join and claims.room in (None, answer.room_name):
        if claims.expires is None:
            yield Verdict("lasting")
        else:
            yield Verdict("ok", {"minutes": round((claims.expires - now) / 60)})


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
    outcomes={"ok": "", "found": "address", "none": "tried"},
)
def neighbours(api: Endpoint, seen: Seen) -> Judgement:
    """Where an API that does not answer at its address may be instead."""
    tried = [entry for entry in seen.every(HttpExchange) if entry.purpose == "neighbour-get"]
    for entry in tried:
        # Plain HTTP behind a silent TLS port is the API without its proxy, no address to move to.
        if api.secure and not entry.endpoint.startswith("https://"):
            continue
        if entry.outcome == "answered" and route_is_there(entry):
            yield Verdict("found", {"address": entry.endpoint})
            return
    if tried:
        yield Verdict("none", {"tried": tuple(entry.endpoint for entry in tried)})
    elif seen.exchange(api, "sessions-get", "root") is not None:
        yield Verdict("ok")
