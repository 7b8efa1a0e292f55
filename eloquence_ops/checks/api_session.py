"""Opening a session as the app does: what comes back, what is handed out, and closing it again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from eloquence_ops.checks import redirects
from eloquence_ops.checks.api import SESSIONS
from eloquence_ops.checks.fingerprints import (
    GATEWAY_STATUSES,
    author,
    gateway_outcome,
)
from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.checks.stages import gateway_timeout
from eloquence_ops.endpoints import Endpoint, parse, scope_of
from eloquence_ops.observations import HttpExchange, SessionAnswer, SessionLeftOpen
from eloquence_ops.untrusted import one_line

RESPONSE_FIELDS: Final = ("session_id", "room_name", "token", "url")
_MOST_PROBLEMS: Final = 8
_OPENED: Final = ("session", "minimal", "nulls")
# With bodies that can open nothing, of which some API may not have taken notice.
_GUESSES: Final = ("sessions-post", "key-proof", "no-key", "default-key", "wrong-key")
_CLOSES: Final = frozenset(f"{visit}-close" for visit in (*_OPENED, *_GUESSES))
_LONGEST_PROBLEM: Final = 160


@check(
    "api.key",
    feeds=("session", "key-proof"),
    outcomes={
        "ok": "",
        "rejected": "status",
        "blocked": "status author",
        "unclear": "status",
        "not-given": "",
        "not-now": "",
    },
)
def key(api: Endpoint, seen: Seen) -> Judgement:
    """Whether our API key is accepted. A missing key was 403 before FastAPI 0.122, 401 since."""
    if not seen.asked.has_api_key:
        yield Verdict("not-given")
        return
    if seen.asked.read_only and not seen.asked.proves_key:
        yield Verdict("not-now")
        return
    # Authentication is judged before the body, so that one that opens nothing proves as much.
    exchange = seen.exchange(api, "session-open", "key-proof-open")
    if exchange is None or exchange.outcome != "answered":
        return
    if exchange.status in (401, 403):
        evidence = {"status": exchange.status}
        if author(exchange) == "app":
            yield Verdict("rejected", evidence)
        else:
            yield Verdict("blocked", evidence | {"author": author(exchange)})
    elif _got_past_the_key(exchange):
        yield Verdict("ok")
    elif exchange.status not in GATEWAY_STATUSES:
        yield Verdict("unclear", {"status": exchange.status})


def _got_past_the_key(exchange: HttpExchange) -> bool:
    """FastAPI judges the key first: an answer to the body, or an accident in the handler, comes
    after it. A limiter's 429 or a redirect may come before."""
    status = exchange.status or 0
    failed = status >= 500 and status not in GATEWAY_STATUSES
    return 200 <= status < 300 or status == 422 or failed


def invalid_fields(exchange: HttpExchange) -> Iterator[str]:
    """FastAPI's 422, field by field: `detail` is a list of `loc` and `msg`.

    Recordings from before the probe read them have an excerpt, of which as much is told as it
    holds. Decoding JSON may bring back what was made visible in it, so it is done once more.
    """
    if exchange.invalid_fields:
        yield from exchange.invalid_fields
        return
    try:
        details = json.loads(exchange.body)["detail"]
    except (ValueError, KeyError, TypeError, RecursionError):
        details = exchange.body
    if not isinstance(details, list):
        yield one_line(str(details), limit=_LONGEST_PROBLEM)
        return
    for entry in details[:_MOST_PROBLEMS]:
        if isinstance(entry, dict):
            where = entry.get("loc")
            place = ".".join(str(part) for part in where[1:]) if isinstance(where, list) else "?"
            yield one_line(f"{place}: {entry.get('msg', '?')}", limit=_LONGEST_PROBLEM)


@check(
    "api.session",
    feeds=("session",),
    outcomes={
        "ok": "milliseconds",
        "error": "status excerpt",
        "bad-gateway": "status author",
        "gateway-timeout": "status author seconds",
        "redirected": "status target",
        "refused": "status excerpt",
        "barred": "status author",
        "too-many": "",
        "invalid": "problems",
        "wrong-status": "status",
        "wrong-fields": "problems",
        "too-large": "bytes",
        "silent": "seconds",
        "broken": "detail",
        "read-only": "",
    },
)
def session(api: Endpoint, seen: Seen) -> Judgement:
    """Whether a session opens with exactly 200 and the four fields: the app takes nothing else."""
    if seen.asked.read_only:
        yield Verdict("read-only")
        return
    exchange = seen.exchange(api, "session-open")
    if exchange is None:
        return
    if exchange.outcome == "silent":
        yield Verdict("silent", {"seconds": round(exchange.duration_s, 1)})
        return
    if exchange.outcome != "answered" or exchange.status is None:
        yield Verdict("broken", {"detail": exchange.detail or exchange.outcome})
        return
    status, excerpt = exchange.status, exchange.body[:160]
    apology = gateway_outcome(exchange)
    if apology == "gateway-timeout":
        yield Verdict("gateway-timeout", gateway_timeout(exchange))
    elif apology:
        yield Verdict("bad-gateway", {"status": status, "author": author(exchange)})
    elif status >= 500:
        yield Verdict("error", {"status": status, "excerpt": excerpt})
    elif status == 422:
        yield Verdict("invalid", {"problems": tuple(invalid_fields(exchange))})
    elif status == 429:
        yield Verdict("too-many")
    elif status >= 300:
        yield _turned_away(api, exchange)
    elif status != 200:
        yield Verdict("wrong-status", {"status": status})
    else:
        yield from _opened(exchange, seen)


def _turned_away(api: Endpoint, exchange: HttpExchange) -> Verdict:
    """A 3xx or 4xx to the opening, by what it shows: another address, the API's own words, or
    somebody else's. The key has a check of its own, which hides this one where it is why."""
    if redirect := redirects.read(api, SESSIONS, exchange):
        return Verdict("redirected", {"status": exchange.status, "target": redirect.whole})
    if author(exchange) == "app":
        return Verdict("refused", {"status": exchange.status, "excerpt": exchange.body[:160]})
    return Verdict("barred", {"status": exchange.status, "author": author(exchange)})


def _opened(exchange: HttpExchange, seen: Seen) -> Judgement:
    """What a 200 brought, if it came to its end."""
    match exchange.body_state:
        case "slow":
            yield Verdict("silent", {"seconds": round(exchange.duration_s, 1)})
        case "broken":
            yield Verdict("broken", {"detail": f"HTTP 200, {exchange.body_bytes} bytes"})
        case "cut":
            yield Verdict("too-large", {"bytes": exchange.body_bytes})
        case "whole":
            if problems := tuple(_field_problems(seen.session)):
                yield Verdict("wrong-fields", {"problems": problems})
                return
            milliseconds = round(exchange.duration_s * 1000, 1)
            yield Verdict("ok", {"milliseconds": milliseconds}, duration_s=exchange.duration_s)


def _field_problems(answer: SessionAnswer | None) -> Iterator[str]:
    if answer is None:
        yield "JSON object: missing"
        return
    types = dict(answer.field_types)
    for name in RESPONSE_FIELDS:
        if name not in types:
            yield f"{name}: missing"
        elif types[name] != "string":
            yield f"{name}: {types[name]}, not string"
    if types.get("token") == "string" and not answer.token_is_jwt:
        yield "token: not a JWT"
    if types.get("url") == "string" and answer.url_endpoint is None:
        yield "url: no ws:// or wss:// address"


@check(
    "api.session-url",
    feeds=("session",),
    outcomes={
        "ok": "url",
        "narrower": "url url_scope api_scope",
        "unresolved": "url",
        "insecure": "url",
        "unicode": "url usable",
        "elsewhere": "url configured",
    },
)
def session_url(api: Endpoint, seen: Seen) -> Judgement:
    """Whether the LiveKit address that the API hands out works from where the app is."""
    answer = seen.session
    if answer is None or answer.url_endpoint is None:
        return
    if seen.url_is_narrower:
        scopes = {"url_scope": answer.url_scope, "api_scope": answer.api_scope}
        yield Verdict("narrower", {"url": answer.url, **scopes})
    elif answer.url_lookup in ("no-name", "no-address"):
        yield Verdict("unresolved", {"url": answer.url})
    elif api.secure and answer.url.lower().startswith(("ws://", "http://")):
        yield Verdict("insecure", {"url": answer.url})
    elif not answer.url.isascii():
        # Dart's Uri percent-encodes such a host and does no IDNA: the name is never found.
        yield Verdict("unicode", {"url": answer.url, "usable": _on_the_wire(answer.url_endpoint)})
    elif _is_another(seen):
        yield Verdict("elsewhere", {"url": answer.url, "configured": str(seen.target.livekit)})
    elif answer.url_lookup == "found":
        yield Verdict("ok", {"url": answer.url})


def _is_another(seen: Seen) -> bool:
    """Whether sessions lead somewhere else than the settings; this machine has several names."""
    own, other = seen.target.livekit, seen.handed_out
    if own is None or other is None:
        return False
    return not (own.port == other.port and _is_here(own) and _is_here(other))


def _is_here(endpoint: Endpoint) -> bool:
    return endpoint.host == "localhost" or scope_of(endpoint.host) == "loopback"


def _on_the_wire(readable: str) -> str:
    """The same address with its A-label."""
    return parse(readable, "livekit").url


@check(
    "api.session-close",
    feeds=("session",),
    outcomes={
        "ok": "",
        "failed": "status session_id",
        "left-open": "session_id detail",
        "interrupted": "session_id",
        "read-only": "",
    },
)
def session_close(api: Endpoint, seen: Seen) -> Judgement:
    """Whether `DELETE /api/sessions/{id}` closes every session that was opened, with 200."""
    left = seen.about(SessionLeftOpen, api)
    if interrupted := next((entry for entry in left if entry.interrupted), None):
        yield Verdict("interrupted", {"session_id": interrupted.session_id or None})
        return
    # The last word on each: one that a key may not close is closed with another.
    closes = {
        entry.path: entry for entry in seen.about(HttpExchange, api) if entry.purpose in _CLOSES
    }
    for exchange in closes.values():
        if exchange.status != 200:
            status = exchange.status or exchange.outcome
            named = one_line(exchange.path.rpartition("/")[2], limit=80)
            yield Verdict("failed", {"status": status, "session_id": named})
            return
    if left:
        session_id = left[0].session_id or None
        yield Verdict("left-open", {"session_id": session_id, "detail": left[0].detail})
    elif seen.asked.read_only and not closes:
        yield Verdict("read-only")
    elif closes:
        yield Verdict("ok", duration_s=next(iter(closes.values())).duration_s)
