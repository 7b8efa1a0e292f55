"""What LiveKit does with our own key pair: a token that is surely right, a room of our own."""

from __future__ import annotations

from typing import Final

from eloquence_ops.checks.livekit import is_taken, refused_stage
from eloquence_ops.checks.livekit_exposure import is_named
from eloquence_ops.checks.livekit_room import ENTERED, entered
from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.endpoints import Endpoint
from eloquence_ops.observations import HttpExchange, LivekitSignal, RoomLeftOpen, RoomList

# What it calls each stage at which it refuses; `token-grant` cannot be: we know what we signed.
_REFUSED: Final = {
    "token-key": "unknown-key",
    "token-signature": "wrong-secret",
    "token-time": "out-of-time",
}


def own_answer(livekit: Endpoint, seen: Seen) -> HttpExchange | None:
    """LiveKit's word on the token that our own pair signed."""
    return seen.exchange(livekit, "livekit-own-token")


@check(
    "livekit.own-token",
    feeds=("own-token",),
    outcomes={
        "ok": "key",
        "unknown-key": "key",
        "wrong-secret": "key",
        "out-of-time": "excerpt",
        "inconclusive": "status excerpt",
        "not-asked": "",
    },
)
def own_token(livekit: Endpoint, seen: Seen) -> Judgement:
    """Whether LiveKit takes a token that the pair of the settings signed."""
    key = seen.asked.livekit_key
    if key is None or not is_named(livekit, seen.target):
        yield Verdict("not-asked")
        return
    answer = own_answer(livekit, seen)
    if answer is None:
        if not seen.end_of(*(f"{role}.own-token" for role in ("livekit", "handed-out"))):
            yield Verdict("not-asked")  # a recording from before it was asked
        return
    stage = refused_stage(answer)
    excerpt = answer.body.strip()[:160]
    if is_taken(answer):
        yield Verdict("ok", {"key": key}, duration_s=answer.duration_s)
    elif stage in ("token-key", "token-signature"):
        yield Verdict(_REFUSED[stage], {"key": key})
    elif stage == "token-time":
        yield Verdict("out-of-time", {"excerpt": excerpt})
    else:
        status = answer.status or answer.outcome
        yield Verdict("inconclusive", {"status": status, "excerpt": excerpt})


@check(
    "livekit.room",
    feeds=("own-room",),
    outcomes={**ENTERED, "left-open": "room", "not-asked": ""},
)
def room(livekit: Endpoint, seen: Seen) -> Judgement:
    """Whether a room of our own can be joined, with a token of our own."""
    visits = seen.about(LivekitSignal, livekit)
    visit = next((entry for entry in visits if entry.room == "own"), None)
    own = own_answer(livekit, seen)
    if visit is not None:
        yield from entered(visit)
    elif seen.asked.read_only or own is None or not is_taken(own):
        yield Verdict("not-asked")
    for left in seen.about(RoomLeftOpen, livekit):
        yield Verdict("left-open", {"room": left.room})


@check(
    "livekit.rooms",
    feeds=("rooms",),
    outcomes={
        "ok": "rooms people milliseconds",
        "refused": "status excerpt",
        "no-answer": "status",
        "not-asked": "",
    },
)
def rooms(livekit: Endpoint, seen: Seen) -> Judgement:
    """How many rooms are live, by LiveKit's RoomService."""
    found = next(iter(seen.about(RoomList, livekit)), None)
    if found is None:
        yield Verdict("not-asked")
    elif found.outcome == "listed":
        milliseconds = round(found.duration_s * 1000, 1)
        evidence = {"rooms": found.rooms, "people": found.people, "milliseconds": milliseconds}
        yield Verdict("ok", evidence)
    elif found.outcome == "refused":
        yield Verdict("refused", {"status": found.status, "excerpt": found.detail})
    else:
        yield Verdict("no-answer", {"status": found.detail})
