"""What is said of a run while it goes on: what is known, and who keeps it waiting."""

from __future__ import annotations

import asyncio

import pytest

from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.lab.faults import named
from eloquence_ops.language import Language
from eloquence_ops.report.so_far import first_verdict
from eloquence_ops.run.examine import Result, examine
from tests.lab.faulty import record

API, LIVEKIT = "https://api.éloquence.test", "wss://livekit.éloquence.test"


@pytest.fixture(scope="module")
def result() -> Result:
    """A healthy run, cut off before a session was opened."""
    recording = asyncio.run(record(()))
    early = tuple(
        seen for seen in recording.observations if "session" not in getattr(seen, "purpose", "")
    )
    return examine(recording.model_copy(update={"observations": early}), catalogue())


def told(result: Result, running: dict[str, float], language: Language = "en") -> list[str]:
    return first_verdict(result, catalogue(), language, running).splitlines()


def test_nothing_wrong_is_said_with_how_much_was_seen(result: Result) -> None:
    first, *rest = told(result, {})
    assert first.startswith("so far: ")
    assert int(first.split()[2]) > 10
    assert rest == []


@pytest.mark.parametrize(
    ("running", "waiting"),
    [
        ({"api.session": 2.0}, f"no answer for 2 s from {API} (POST /api/sessions)"),
        ({"api.session": 1.0}, None),
        ({"api.routes": 3.0, "api.root": 3.0}, f"no answer for 3 s from {API} (GET /api/sessions)"),
        ({"api.reach": 4.2}, f"no answer for 4 s from {API}"),
        (
            {"api.session": 2.0, "livekit.health": 2.4},
            f"no answer for 2 s from {API} (POST /api/sessions), {LIVEKIT} (GET /rtc/validate)",
        ),
        ({"machine.network": 9.0}, None),
    ],
)
def test_who_keeps_the_run_waiting_is_named(
    running: dict[str, float], waiting: str | None, result: Result
) -> None:
    assert [line.strip() for line in told(result, running)[1:]] == ([waiting] if waiting else [])


def test_french(result: Result) -> None:
    first, second = told(result, {"api.session": 2.0}, "fr")
    assert "aucun échec" in first
    assert second.strip().endswith(f"{API} (POST /api/sessions)")


def test_a_problem_comes_first_and_the_waiting_stays() -> None:
    recording = asyncio.run(record(named(["livekit-not-running"])))
    broken = examine(recording, catalogue())
    first, second = told(broken, {"api.session": 2.0})
    assert "LiveKit" in first
    assert "no answer for 2 s" in second
