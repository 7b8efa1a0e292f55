"""The token that comes with a session, and the clocks that its times are judged by."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final, Literal

from eloquence_ops.checks.livekit import knows_key
from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.endpoints import Endpoint
from eloquence_ops.observations import HttpExchange
from eloquence_ops.observations.session import TokenClaims

# LiveKit's own leeway (v1.13.5, measured).
_LEEWAY_S: Final = 60


@check(
    "api.token",
    feeds=("session",),
    outcomes={
        "ok": "minutes",
        "unreadable": "",
        "lasting": "",
        "wrong-room": "",
        "no-room": "",
        "no-join": "",
        "no-issuer": "",
        "other-issuer": "issuer known",
        "no-time": "claims",
        "out-of-time": "detail",
        "out-of-time-here": "detail",
    },
)
def token(api: Endpoint, seen: Seen) -> Judgement:
    """What the token says of itself; whether LiveKit accepts it is LiveKit's to say."""
    answer = seen.session
    if answer is None or not answer.token_is_jwt:
        return  # what is no token at all is told with the answer's fields
    if answer.token is None:
        yield Verdict("unreadable")
        return
    claims, here = answer.token, seen.now.timestamp() + answer.at_s
    problems: list[Verdict] = []
    if not claims.room:
        problems.append(Verdict("no-room"))
    elif claims.room != answer.room_name:
        problems.append(Verdict("wrong-room"))
    if not claims.may_join:
        problems.append(Verdict("no-join"))
    problems += _issuer(claims, seen)
    if claims.no_times:
        problems.append(Verdict("no-time", {"claims": claims.no_times}))
    if wrong_here := _out_of_time(claims, here):
        opened = seen.exchange(api, "session-open")
        there = served_at(opened) if opened else None
        right_there = there is not None and not _out_of_time(claims, there.timestamp())
        outcome = "out-of-time-here" if right_there else "out-of-time"
        problems.append(Verdict(outcome, {"detail": wrong_here}))
    if problems:
        yield from problems
    elif claims.expires is None:
        yield Verdict("lasting")
    else:
        yield Verdict("ok", {"minutes": round((claims.expires - here) / 60)})


def _issuer(claims: TokenClaims, seen: Seen) -> Iterator[Verdict]:
    """Whether the token names its key, and the one that the settings name.

    What LiveKit itself has said of the key counts for more: a pair may be there for another one.
    """
    known = seen.asked.livekit_key
    if claims.issuer == "":
        yield Verdict("no-issuer")
    elif known and claims.issuer and claims.issuer != known and not _is_known_to_livekit(seen):
        yield Verdict("other-issuer", {"issuer": claims.issuer, "known": known})


def _is_known_to_livekit(seen: Seen) -> bool:
    return any(
        knows_key(entry)
        for entry in seen.every(HttpExchange)
        if entry.purpose == "livekit-validate"
    )


def _out_of_time(claims: TokenClaims, now: float) -> Literal["not-yet-valid", "expired"] | None:
    """What is wrong with a token's times at `now`, in seconds since 1970."""
    if claims.not_before is not None and claims.not_before > now + _LEEWAY_S:
        return "not-yet-valid"
    if claims.expires is not None and claims.expires < now - _LEEWAY_S:
        return "expired"
    return None


def served_at(exchange: HttpExchange) -> datetime | None:
    """The moment in the Date header (RFC 9110, 6.6.1): the clock of whoever answered in the end,
    which behind nginx is nginx's."""
    try:
        found = parsedate_to_datetime(exchange.header("date") or "")
        found = found if found.tzinfo else found.replace(tzinfo=UTC)
        return found + timedelta(seconds=_age(exchange))
    except (ValueError, OverflowError, TypeError):
        return None  # a year or a zone that no clock has


def _age(exchange: HttpExchange) -> int:
    """How long a cache has held the answer, in seconds (RFC 9111, 5.1)."""
    text = exchange.header("age") or "0"
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


@check(
    "api.clock",
    feeds=("routes",),
    outcomes={"ok": "", "apart": "seconds direction", "not-told": ""},
)
def clock(api: Endpoint, seen: Seen) -> Judgement:
    """Whether the server's clock and this machine's agree, within what LiveKit forgives."""
    exchange = seen.exchange(api, "sessions-get", "root")
    if exchange is None or exchange.outcome != "answered":
        return
    there = served_at(exchange)
    if there is None:
        yield Verdict("not-told")
        return
    ahead = (there - seen.now).total_seconds() - exchange.at_s
    if abs(ahead) > _LEEWAY_S:
        direction = "ahead" if ahead > 0 else "behind"
        yield Verdict("apart", {"seconds": round(abs(ahead)), "direction": direction})
    else:
        yield Verdict("ok")
