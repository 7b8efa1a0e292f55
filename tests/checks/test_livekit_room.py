"""What a visit to the session's room comes to: joined or not, with or without a coach."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from eloquence_ops.checks.livekit_room import agent, join
from eloquence_ops.checks.registry import Verdict
from eloquence_ops.checks.seen import Asked, Seen
from eloquence_ops.endpoints import parse
from eloquence_ops.findings import Family
from eloquence_ops.observations import LivekitSignal, MediaCall, SessionAnswer
from eloquence_ops.observations.signal import SignalOutcome
from eloquence_ops.settings import Target

LIVEKIT = parse("wss://livekit.éloquence.test", "livekit")
OTHER = parse("wss://eu.livekit.test", "livekit")
_VISIT = LivekitSignal(
    endpoint=str(LIVEKIT),
    family=Family.IPV4,
    address="192.0.2.1",
    path="/rtc",
    outcome="joined",
    version="1.13.5",
    joined_s=0.0125,
    waited_s=5.01,
    wait_was_whole=True,
    duration_s=5.02,
)


def seen(*observations: LivekitSignal | SessionAnswer | MediaCall) -> Seen:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return Seen(Target("t", livekit=LIVEKIT), Asked(frozenset()), now, observations)


def visited(**changes: object) -> Seen:
    return seen(_VISIT.model_copy(update=changes))


def _one(verdicts: list[Verdict]) -> tuple[str, dict[str, object]]:
    (verdict,) = verdicts
    return verdict.outcome, dict(verdict.evidence)


def test_a_join_names_the_version() -> None:
    assert _one(list(join(LIVEKIT, visited()))) == (
        "ok",
        {"version": "1.13.5", "milliseconds": 12.5},
    )


@pytest.mark.parametrize(
    ("outcome", "changes", "expected"),
    [
        ("rejected", {"status": 503, "excerpt": "no"}, {"status": 503, "excerpt": "no"}),
        ("silent", {}, {"seconds": 5.0}),
        ("closed", {"detail": "gone"}, {"detail": "gone"}),
        ("not-signalling", {"detail": "what?"}, {"detail": "what?"}),
        ("failed", {}, {"detail": "failed"}),
    ],
)
def test_a_join_that_fails_says_how(
    outcome: SignalOutcome, changes: dict[str, object], expected: dict[str, object]
) -> None:
    found = visited(outcome=outcome, **changes)
    name = outcome if outcome in ("rejected", "silent") else "broken"
    assert _one(list(join(LIVEKIT, found))) == (name, expected)
    assert list(agent(LIVEKIT, found)) == []


def test_an_address_that_the_app_is_not_sent_to_is_not_joined() -> None:
    answer = SessionAnswer(
        endpoint="https://api.test", field_types=(), url_endpoint=str(OTHER), url_lookup="found"
    )
    found = seen(answer, _VISIT.model_copy(update={"endpoint": str(OTHER)}))
    assert _one(list(join(LIVEKIT, found)))[0] == "elsewhere"
    assert _one(list(join(OTHER, found)))[0] == "ok"
    assert _one(list(agent(OTHER, found)))[0] == "absent"


def test_without_a_visit_nothing_is_said() -> None:
    assert list(join(LIVEKIT, seen())) == []
    assert list(agent(LIVEKIT, seen())) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"coach_s": 0.0}, ("ok", {"seconds": 0.0})),
        ({"coach_s": 1.234}, ("ok", {"seconds": 1.2})),
        ({}, ("absent", {"seconds": 5.0, "microphone": "without-microphone"})),
        (
            {"wait_was_whole": False, "waited_s": 0.3, "detail": "gone"},
            ("cut-short", {"seconds": 0.3, "detail": "gone"}),
        ),
    ],
)
def test_the_coach(changes: dict[str, object], expected: tuple[str, dict[str, object]]) -> None:
    assert _one(list(agent(LIVEKIT, visited(**changes)))) == expected


def test_a_coach_that_waits_for_a_microphone_is_not_absent() -> None:
    call = MediaCall(endpoint=str(LIVEKIT), outcome="stayed", came_s=1.26)
    assert _one(list(agent(LIVEKIT, seen(_VISIT, call)))) == ("for-microphone", {"seconds": 1.3})
    alone = call.model_copy(update={"came_s": None})
    assert _one(list(agent(LIVEKIT, seen(_VISIT, alone))))[0] == "absent"
