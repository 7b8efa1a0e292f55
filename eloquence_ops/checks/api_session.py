"""Opening a session as the app does: what comes back, what is handed out, and closing it again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from eloquence_ops.checks.fingerprints import (
    GATEWAY_STATUSES,
    author,
    gateway_outcome,
    is_app_error,
)
from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.endpoints import Endpoint
from eloquence_ops.observations import HttpExchange, SessionAnswer, SessionLeftOpen
from eloquence_ops.untrusted import one_line

RESPONSE_FIELDS: Final = ("session_id", "room_name", "token", "url")
_MOST_PROBLEMS: Final = 8
_LONGEST_PROBLEM: Final = 160


@check(
    "api.key",
    feeds=("session",),
    outcomes={
        "ok": "",
        "rejected": "status",
        "blocked": "status author",
        "not-given": "",
        "read-only": "",
    },
)
def key(api: Endpoint, seen: Seen) -> Judgement:
    """Whether our API key is accepted. A missing key was 403 before FastAPI 0.122, 401 since."""
    if seen.asked.read_only:
        yield Verdict("read-only")
        return
    if not seen.asked.has_api_key:
        yield Verdict("not-given")
        return
    exchange = seen.exchange(api, "session-open")
    if exchange is None or exchange.outcome != "answered":
        return
    if exchange.status in (401, 403):
        evidence = {"status": exchange.status}
        if is_app_error(exchange):
            yield Verdict("rejected", evidence)
        else:
            yield Verdict("blocked", evidence | {"author": author(exchange)})
    elif exchange.status is not None and exchange.status not in GATEWAY_STATUSES:
        yield Verdict("ok")


def invalid_fields(exchange: HttpExchange) -> Iterator[str]:
    """FastAPI's 422, field by field: `detail` is a list of `loc` and `msg`.

    Decoding JSON may bring back what was made visible in the body, so it is done once more.
    """
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
        "gateway-timeout": "status author",
        "refused": "status excerpt",
        "too-many": "",
        "invalid": "problems",
        "wrong-status": "status",
        "wrong-fields": "problems",
        "silent": "seconds",
        "broken": "detail",
    },
)
def session(api: Endpoint, seen: Seen) -> Judgement:
    """Whether a session opens with exactly 200 and the four fields: the app takes nothing else."""
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
    if apology := gateway_outcome(exchange):
        yield Verdict(apology, {"status": status, "author": author(exchange)})
    elif status >= 500:
        yield Verdict("error", {"status": status, "excerpt": excerpt})
    elif status == 422:
        yield Verdict("invalid", {"problems": tuple(invalid_fields(exchange))})
    elif status == 429:
        yield Verdict("too-many")
    elif status >= 300:
        yield Verdict("refused", {"status": status, "excerpt": excerpt})
    elif status != 200:
        yield Verdict("wrong-status", {"status": status})
    elif problems := tuple(_field_problems(seen.session)):
        yield Verdict("wrong-fields", {"problems": problems})
    else:
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
    elif api.secure and answer.url.lower().startswith("ws://"):
        yield Verdict("insecure", {"url": answer.url})
    elif answer.url_lookup == "found":
        yield Verdict("ok", {"url": answer.url})


@check(
    "api.session-close",
    feeds=("session",),
    outcomes={
        "ok": "",
        "failed": "status session_id",
        "left-open": "session_id detail",
        "interrupted": "session_id",
    },
)
def session_close(api: Endpoint, seen: Seen) -> Judgement:
    """Whether `DELETE /api/sessions/{id}` closes the session that was opened, with 200."""
    left = seen.about(SessionLeftOpen, api)
    if left:
        session_id = left[0].session_id or None
        if left[0].interrupted:
            yield Verdict("interrupted", {"session_id": session_id})
        else:
            yield Verdict("left-open", {"session_id": session_id, "detail": left[0].detail})
        return
    exchange = seen.exchange(api, "session-close")
    if exchange is None:
        return
    if exchange.status == 200:
        yield Verdict("ok", duration_s=exchange.duration_s)
    else:
        session_id = seen.session.session_id if seen.session else None
        yield Verdict(
            "failed", {"status": exchange.status or exchange.outcome, "session_id": session_id}
        )
