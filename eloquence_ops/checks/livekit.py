"""LiveKit's signalling: is it there, is it ready, does it take the session's token?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from eloquence_ops.checks import reachable, stages
from eloquence_ops.checks.fingerprints import author, gateway_outcome, is_livekit, wants_tls
from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.endpoints import Endpoint
from eloquence_ops.observations import HttpExchange


@check("livekit.reachable", feeds=("reach",), outcomes=reachable.OUTCOMES)
def reachable_(livekit: Endpoint, seen: Seen) -> Judgement:
    """TCP, per address family."""
    yield from reachable.judge(livekit, seen)


def _says_ok(exchange: HttpExchange | None) -> bool:
    return exchange is not None and exchange.status == 200 and exchange.body.strip() == "OK"


def _signalling(livekit: Endpoint, seen: Seen) -> HttpExchange | None:
    """The answer that counts: of `/rtc`, which the app uses; a proxy may pass on nothing else."""
    return seen.exchange(livekit, "livekit-rtc", "livekit-health")


@check("livekit.site", feeds=("health",), outcomes={"ok": "", "other-site": "status author"})
def site(livekit: Endpoint, seen: Seen) -> Judgement:
    """Whether what answers is LiveKit, and not another site of the proxy."""
    exchange, root = _signalling(livekit, seen), seen.exchange(livekit, "livekit-health")
    if exchange is None or exchange.outcome != "answered" or gateway_outcome(exchange):
        return
    if is_livekit(exchange) or _says_ok(root) or (root is not None and is_livekit(root)):
        yield Verdict("ok")
    elif not wants_tls(exchange):
        yield Verdict("other-site", {"status": exchange.status, "author": author(exchange)})


@check("livekit.gateway", feeds=("health",), outcomes={"ok": "", "bad-gateway": "status author"})
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
            return
        body = exchange.body.strip()
        accepted = exchange.status == 200 and body == "success"
        failed_at = _stage_of_refusal(body) if exchange.status == 401 else None
        if accepted or (failed_at is not None and failed_at > number):
            yield Verdict("ok", duration_s=exchange.duration_s)
        elif failed_at == number:
            yield Verdict(outcome, {"excerpt": body[:160]})
        elif number == 0:
            yield Verdict("inconclusive", {"status": exchange.status, "excerpt": body[:160]})

    judge.__doc__ = f"Whether the token passes LiveKit's stage {number + 1} of {len(_STAGES)}."
    return judge


for _number, (_id, _outcome, _) in enumerate(_STAGES):
    _outcomes = {"ok": "", _outcome: "excerpt"}
    if _number == 0:
        _outcomes |= {"inconclusive": "status excerpt", "no-session": ""}
    check(_id, feeds=("token",), outcomes=_outcomes)(_token_stage(_number))
