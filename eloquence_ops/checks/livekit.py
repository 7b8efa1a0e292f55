"""LiveKit's signalling: is it there, is it ready, does it take the session's token?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from urllib.parse import urljoin

from eloquence_ops.checks import reachable, stages
from eloquence_ops.checks.fingerprints import (
    REDIRECTS,
    author,
    gateway_outcome,
    is_livekit,
    wants_tls,
)
from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.endpoints import Endpoint
from eloquence_ops.observations import HttpExchange
from eloquence_ops.untrusted import one_line


@check("livekit.reachable", feeds=("reach",), outcomes=reachable.OUTCOMES)
def reachable_(livekit: Endpoint, seen: Seen) -> Judgement:
    """TCP, per address family."""
    yield from reachable.judge(livekit, seen)


def _says_ok(exchange: HttpExchange | None) -> bool:
    return exchange is not None and exchange.status == 200 and exchange.body.strip() == "OK"


def _signalling(livekit: Endpoint, seen: Seen) -> HttpExchange | None:
    """The answer that counts: of `/rtc`, which the app uses; a proxy may pass on nothing else."""
    return seen.exchange(livekit, "livekit-rtc", "livekit-health")


def _unfinished(exchange: HttpExchange) -> bool:
    """Whether an answer's body stopped before its end: what it would have said is not known."""
    return exchange.body_state in ("slow", "broken")


@check("livekit.redirect", feeds=("health",), outcomes={"ok": "", "elsewhere": "status target"})
def redirect(livekit: Endpoint, seen: Seen) -> Judgement:
    """Whether the address sends on to another one: a websocket follows no redirect."""
    exchange = _signalling(livekit, seen)
    if exchange is None or exchange.outcome != "answered":
        return
    location = exchange.header("location")
    if exchange.status in REDIRECTS and location:
        target = one_line(urljoin(f"{livekit.http_url}{exchange.path}", location), limit=120)
        yield Verdict("elsewhere", {"status": exchange.status, "target": target.partition("?")[0]})
    else:
        yield Verdict("ok")


@check(
    "livekit.site",
    feeds=("health",),
    outcomes={"ok": "", "other-site": "status author", "paths-missing": "status author"},
)
def site(livekit: Endpoint, seen: Seen) -> Judgement:
    """Whether what answers is LiveKit, and not another site of the proxy."""
    exchange, root = _signalling(livekit, seen), seen.exchange(livekit, "livekit-health")
    if exchange is None or exchange.outcome != "answered" or gateway_outcome(exchange):
        return
    written_by = {"status": exchange.status, "author": author(exchange)}
    if is_livekit(exchange) or _refused_otherwise(exchange):
        yield Verdict("ok")
    elif exchange is root and _says_ok(root):
        yield Verdict("ok")  # a recording from before /rtc was asked
    elif _unfinished(exchange) or wants_tls(exchange):
        return
    elif _says_ok(root) or (root is not None and is_livekit(root)):
        yield Verdict("paths-missing", written_by)
    else:
        yield Verdict("other-site", written_by)


def _refused_otherwise(exchange: HttpExchange) -> bool:
    """A version of LiveKit whose words are not known: they have changed before.

    Plain text that asks for no password, with the `Vary: Origin` of its CORS.
    """
    return (
        exchange.status == 401
        and exchange.header("www-authenticate") is None
        and exchange.header("vary") == "Origin"
        and (exchange.header("content-type") or "").startswith("text/plain")
    )


@check("livekit.gateway", feeds=("health",), outcomes=stages.GATEWAY_OUTCOMES)
def gateway(livekit: Endpoint, seen: Seen) -> Judgement:
    """Whether a proxy in front could connect to LiveKit."""
    yield from stages.gateway(_signalling(livekit, seen))


@check("livekit.health", feeds=("health",), outcomes=stages.ANSWER_OUTCOMES)
def health(livekit: Endpoint, seen: Seen) -> Judgement:
    """Whether LiveKit answers in time."""
    yield from stages.answer(_signalling(livekit, seen))


@check("livekit.ready", feeds=("health",), outcomes={"ok": "", "not-ready": "excerpt"})
def ready(livekit: Endpoint, seen: Seen) -> Judgement:
    """`GET /` is 200 `OK`, or 406 when the node's statistics are over 4 s old."""
    exchange = seen.exchange(livekit, "livekit-health")
    if exchange is None:
        return
    if _says_ok(exchange):
        yield Verdict("ok")
    elif exchange.status == 406:
        yield Verdict("not-ready", {"excerpt": exchange.body.strip()[:80]})


@check(
    "livekit.upgrade",
    feeds=("health",),
    outcomes={"ok": "", "dropped": "", "inconclusive": "status author", "no-answer": "status"},
)
def upgrade(livekit: Endpoint, seen: Seen) -> Judgement:
    """Whether a websocket's handshake at `/rtc` arrives as one.

    Without a token LiveKit refuses it with 401 in its own words; a plain GET is 404 without a body
    there (v1.13.5, behind nginx, Caddy and HAProxy too).
    """
    exchange = seen.exchange(livekit, "livekit-upgrade")
    if exchange is None:
        return
    if exchange.outcome != "answered":
        yield Verdict("no-answer", {"status": exchange.outcome})
    elif exchange.status == 101 or is_livekit(exchange):
        yield Verdict("ok", duration_s=exchange.duration_s)
    elif exchange.status == 404 and exchange.body_state == "whole" and not exchange.body_bytes:
        yield Verdict("dropped")
    else:
        yield Verdict("inconclusive", {"status": exchange.status, "author": author(exchange)})


@check(
    "livekit.version",
    feeds=("health",),
    outcomes={"ok": "", "outdated": "", "not-passed": "status author"},
)
def version(livekit: Endpoint, seen: Seen) -> Judgement:
    """Whether LiveKit knows `/rtc/v1`, at which clients ask first since the end of 2025.

    It came with v1.9.10. Before that the path is 404; long before, any unknown path was `OK`.
    """
    exchange = seen.exchange(livekit, "livekit-rtc-v1")
    if exchange is None or exchange.outcome != "answered" or _unfinished(exchange):
        return
    if is_livekit(exchange):
        yield Verdict("ok", duration_s=exchange.duration_s)
    elif _has_no_such_path(exchange) or _says_ok(exchange):
        yield Verdict("outdated")
    else:
        yield Verdict("not-passed", {"status": exchange.status, "author": author(exchange)})


def _has_no_such_path(exchange: HttpExchange) -> bool:
    """LiveKit's own 404: Go's, as Traefik's is, but with the `Vary: Origin` of its CORS."""
    go_404 = exchange.status == 404 and exchange.body.strip() == "404 page not found"
    return go_404 and exchange.header("vary") == "Origin"


# In this order LiveKit examines a token, and stops at the first thing that is wrong (v1.13.5). Its
# wording changed over versions, these parts of it did not. An early token is reported as expired
# or not valid yet, whichever it is, or both.
_STAGES: Final = (
    ("livekit.token-key", "unknown-key", ("invalid API key",)),
    ("livekit.token-signature", "wrong", ("signature is invalid", "cryptographic primitive")),
    ("livekit.token-time", "off", ("not valid yet", "expired")),
    ("livekit.token-grant", "missing", ("permissions",)),
)


def _stage_of_refusal(body: str) -> int | None:
    for number, (_, _, texts) in enumerate(_STAGES):
        if any(text in body for text in texts):
            return number
    return None


# What it says with 400 once it has taken a token: to whom, or for which room, it does not tell.
_NAMELESS: Final = ("no room name", "identity cannot be empty")


def _failed_at(exchange: HttpExchange) -> int | None:
    """The stage at which LiveKit refused; None where it did not, or not for the token."""
    body = exchange.body.strip()
    if exchange.status == 400 and any(body.startswith(text) for text in _NAMELESS):
        return len(_STAGES) - 1
    return _stage_of_refusal(body) if exchange.status == 401 else None


def knows_key(exchange: HttpExchange) -> bool:
    """Whether its answer to a token shows that LiveKit has the key which signed it."""
    return is_accepted(exchange) or bool(_failed_at(exchange))


def is_accepted(exchange: HttpExchange) -> bool:
    """LiveKit's yes to a token at `/rtc/validate`."""
    return exchange.status == 200 and exchange.body.strip() == "success"


# It has judged the token by then, and makes no rooms by itself (`auto_create: false`).
_NO_ROOM_YET: Final = "requested room does not exist"


def is_taken(exchange: HttpExchange) -> bool:
    """Whether a token got through all of its stages, though it may have to have its room made."""
    no_room = exchange.status == 404 and exchange.body.strip() == _NO_ROOM_YET
    return is_accepted(exchange) or no_room


def refused_stage(exchange: HttpExchange) -> str | None:
    """Of what LiveKit refused a token: `token-key`, `token-signature`, `token-time` or
    `token-grant`."""
    number = _failed_at(exchange)
    return None if number is None else _STAGES[number][0].partition(".")[2]


def _takes_ours(livekit: Endpoint, seen: Seen) -> bool:
    """Whether LiveKit takes what our pair signed for the same key: then our secret is its own."""
    own, session = seen.exchange(livekit, "livekit-own-token"), seen.session
    key = session.token.issuer if session is not None and session.token is not None else None
    return own is not None and is_taken(own) and key == seen.asked.livekit_key


def _token_stage(number: int) -> Callable[[Endpoint, Seen], Judgement]:
    """The judgement of one stage: passed when LiveKit got beyond it."""
    outcome = _STAGES[number][1]

    def judge(livekit: Endpoint, seen: Seen) -> Judgement:
        exchange = seen.exchange(livekit, "livekit-validate")
        if exchange is None:
            if number == 0 and seen.session is None:
                yield Verdict("no-session")
            return
        if exchange.outcome != "answered":
            if number == 0:
                yield Verdict("no-answer", {"status": exchange.outcome})
            return
        body = exchange.body.strip()
        accepted = is_accepted(exchange)
        failed_at = _failed_at(exchange)
        if accepted or (failed_at is not None and failed_at > number):
            yield Verdict("ok", duration_s=exchange.duration_s)
        elif failed_at == number:
            differs = outcome == "wrong" and _takes_ours(livekit, seen)
            yield Verdict("unlike-ours" if differs else outcome, {"excerpt": body[:160]})
        elif number == 0:
            yield Verdict("inconclusive", {"status": exchange.status, "excerpt": body[:160]})

    judge.__doc__ = f"Whether the token passes LiveKit's stage {number + 1} of {len(_STAGES)}."
    return judge


for _number, (_id, _outcome, _) in enumerate(_STAGES):
    _outcomes = {"ok": "", _outcome: "excerpt"}
    if _outcome == "wrong":
        _outcomes |= {"unlike-ours": "excerpt"}
    if _number == 0:
        _outcomes |= {"inconclusive": "status excerpt", "no-answer": "status", "no-session": ""}
    check(_id, feeds=("token",), outcomes=_outcomes)(_token_stage(_number))
