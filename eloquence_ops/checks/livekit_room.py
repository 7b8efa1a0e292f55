"""The session's room: can it be joined, and does the coach come?"""

from __future__ import annotations

from typing import Final

from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.endpoints import Endpoint
from eloquence_ops.observations import LivekitSignal, MediaCall


def _visit(livekit: Endpoint, seen: Seen) -> LivekitSignal | None:
    visits = seen.about(LivekitSignal, livekit)
    return next((entry for entry in visits if entry.room == "session"), None)


ENTERED: Final = {
    "ok": "version milliseconds",
    "rejected": "status excerpt",
    "silent": "seconds",
    "broken": "detail",
}


def entered(visit: LivekitSignal) -> Judgement:
    """What came of a join, whoever's room it is."""
    match visit.outcome:
        case "joined":
            milliseconds = round((visit.joined_s or 0.0) * 1000, 1)
            yield Verdict("ok", {"version": visit.version or "?", "milliseconds": milliseconds})
        case "rejected":
            yield Verdict("rejected", {"status": visit.status, "excerpt": visit.excerpt[:120]})
        case "silent":
            yield Verdict("silent", {"seconds": round(visit.duration_s, 1)})
        case _:
            yield Verdict("broken", {"detail": visit.detail or visit.outcome})


@check(
    "livekit.join",
    feeds=("join",),
    outcomes={**ENTERED, "elsewhere": "url reason"},
)
def join(livekit: Endpoint, seen: Seen) -> Judgement:
    """Whether LiveKit lets the session's token into its room, over the websocket that apps use."""
    visit = _visit(livekit, seen)
    if visit is None:
        if seen.handed_out is not None and seen.handed_out != livekit:
            yield Verdict("elsewhere", {"url": str(seen.handed_out), "reason": "elsewhere"})
        return
    yield from entered(visit)


@check(
    "livekit.agent",
    feeds=("join",),
    outcomes={
        "ok": "seconds",
        "for-microphone": "seconds",
        "absent": "seconds microphone",
        "cut-short": "seconds detail",
    },
)
def agent(livekit: Endpoint, seen: Seen) -> Judgement:
    """Whether somebody else comes into the session's fresh room: that is the coach."""
    visit = _visit(livekit, seen)
    if visit is None or visit.outcome != "joined":
        return
    if visit.coach_s is not None:
        yield Verdict("ok", {"seconds": round(visit.coach_s, 1)}, duration_s=visit.coach_s)
    elif visit.wait_was_whole:
        called = next(iter(seen.about(MediaCall, livekit)), None)
        if called is not None and called.came_s is not None:
            yield Verdict("for-microphone", {"seconds": round(called.came_s, 1)})
            return
        waited_s = round(visit.waited_s, 1)
        yield Verdict("absent", {"seconds": waited_s, "microphone": "without-microphone"})
    else:
        yield Verdict("cut-short", {"seconds": round(visit.waited_s, 1), "detail": visit.detail})
