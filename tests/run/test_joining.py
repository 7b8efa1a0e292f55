"""A session's room is joined once, where the app would, and only when a session was opened."""

from __future__ import annotations

import asyncio

import pytest

from eloquence_ops.lab.faults import named
from eloquence_ops.observations import HttpExchange, LivekitSignal
from eloquence_ops.run.recording import Recording
from tests.lab.faulty import record

_CONFIGURED = "wss://livekit.éloquence.test"


def _recorded(*faults: str, read_only: bool = False) -> Recording:
    return asyncio.run(record(named(faults), read_only=read_only))


def _joined(recording: Recording) -> list[str]:
    return [seen.endpoint for seen in recording.observations if isinstance(seen, LivekitSignal)]


@pytest.mark.parametrize(
    ("faults", "where"),
    [
        pytest.param((), _CONFIGURED, id="both addresses are one"),
        pytest.param(
            ("session-url-insecure",), "ws://livekit.éloquence.test", id="the one handed out"
        ),
        pytest.param(
            ("session-url-unreachable",), _CONFIGURED, id="the one handed out leads nowhere"
        ),
    ],
)
def test_one_address_is_joined(faults: tuple[str, ...], where: str) -> None:
    recording = _recorded(*faults)
    assert _joined(recording) == [where]
    assert {end.state for end in recording.probe_ends} <= {"done", "starved"}


@pytest.mark.parametrize("fault", ["token-wrong-secret", "token-missing-grant", "clock-skew"])
def test_a_token_that_is_refused_joins_nothing(fault: str) -> None:
    assert _joined(_recorded(fault)) == []


def test_read_only_joins_nothing() -> None:
    assert _joined(_recorded(read_only=True)) == []


def test_the_session_is_closed_after_the_visit() -> None:
    seen = _recorded().observations
    (visit,) = (entry for entry in seen if isinstance(entry, LivekitSignal))
    (close,) = (
        entry
        for entry in seen
        if isinstance(entry, HttpExchange) and entry.purpose == "session-close"
    )
    assert close.at_s >= visit.at_s + visit.duration_s
