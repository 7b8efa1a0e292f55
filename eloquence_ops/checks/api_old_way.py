"""Whether what the app would need of the old endpoints works, while the new one is missing."""

from __future__ import annotations

from collections.abc import Iterator

from eloquence_ops.checks.api import OLD_START, judged_post, listed_routes, route_is_there
from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.endpoints import Endpoint
from eloquence_ops.observations import HttpExchange, SessionLeftOpen

_TOKEN = "/livekit/token"  # noqa: S105  # a route


@check(
    "api.old-way",
    feeds=("old-way",),
    outcomes={
        "ok": "",
        "incomplete": "missing",
        "left-open": "session_id detail",
        "not-needed": "",
        "not-tried": "",
    },
)
def old_way(api: Endpoint, seen: Seen) -> Judgement:
    """Whether the debugging guide's temporary way back is one: start, websocket, token, end."""
    if not _only_old(api, seen):
        yield Verdict("not-needed")
        return
    if seen.asked.read_only:
        yield Verdict("not-tried")
        return
    # Nothing else can have opened one where the new route is missing.
    for left in seen.about(SessionLeftOpen, api)[:1]:
        evidence = {"session_id": left.session_id or None, "detail": left.detail}
        yield Verdict("left-open", evidence)
    if seen.exchange(api, "old-open") is None:
        return
    if missing := tuple(_missing(api, seen)):
        yield Verdict("incomplete", {"missing": missing})
    else:
        yield Verdict("ok")


def _only_old(api: Endpoint, seen: Seen) -> bool:
    old, new = seen.exchange(api, "old-start-get"), seen.exchange(api, "sessions-get")
    if old is None or new is None:
        return False
    return route_is_there(old) and new.status == 404


def _missing(api: Endpoint, seen: Seen) -> Iterator[str]:
    """What did not work, with the status that came instead."""
    wanted = (
        ("old-open", f"POST {OLD_START}", 200),
        ("old-socket", "websocket /ws/simple/…", 101),
        ("old-close", "POST /api/session/…/end", 200),
    )
    for purpose, name, status in wanted:
        exchange = seen.exchange(api, purpose)
        if exchange is None:
            continue  # what came before it failed, and says so
        if exchange.status != status:
            yield f"{name} ({exchange.status or exchange.outcome})"
    opened = seen.exchange(api, "old-open")
    if opened is not None and opened.status == 200 and seen.exchange(api, "old-socket") is None:
        yield "session_id"
    token = seen.exchange(api, "old-token-get")
    if token is not None and not (_answers(token) or _lists_token(api, seen)):
        yield f"{_TOKEN} ({token.status or token.outcome})"


def _answers(token: HttpExchange) -> bool:
    """Whether GET shows the route: by an answer, by 405, or by a parameter that it misses."""
    return token.status == 200 or route_is_there(token) or judged_post(token)


def _lists_token(api: Endpoint, seen: Seen) -> bool:
    return any(route.partition(" ")[2] == _TOKEN for route in listed_routes(api, seen))
