"""doctor with LiveKit's key pair in its settings: what a token that is surely right adds."""

from __future__ import annotations

import asyncio

import pytest

from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.findings import Status
from eloquence_ops.lab.faults import named
from eloquence_ops.lab.real import RealServers, find
from eloquence_ops.lab.services.api import LAB_LIVEKIT_KEY, LAB_LIVEKIT_SECRET
from eloquence_ops.observations import LivekitSignal
from eloquence_ops.run.examine import Result, examine
from tests.lab.faulty import record
from tests.real import require

PAIR = (LAB_LIVEKIT_KEY, LAB_LIVEKIT_SECRET)
OTHER = (LAB_LIVEKIT_KEY, "another-secret-than-that-of-livekit")
STRANGER = ("a-key-of-nobody-here", LAB_LIVEKIT_SECRET)

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def servers() -> RealServers:
    for name in ("livekit-server", "nginx"):
        require(name)
    return asyncio.run(find())


def examined(
    servers: RealServers, *faults: str, pair: tuple[str, str] | None, read_only: bool = False
) -> Result:
    made = record(named(faults), servers=servers, pair=pair, read_only=read_only)
    return examine(asyncio.run(made), catalogue())


def causes(result: Result) -> dict[str, str]:
    return {entry.cause.id: entry.confidence for entry in result.diagnosis.causes}


def ids(result: Result) -> set[str]:
    return {finding.id for finding in result.findings}


@pytest.mark.parametrize(
    ("fault", "pair", "expected"),
    [
        # That LiveKit refuses a signature is no proof of whose secret is the wrong one.
        ("token-wrong-secret", None, {"token-wrong-secret": "likely"}),
        ("token-wrong-secret", PAIR, {"token-wrong-secret": "certain"}),
        ("token-wrong-secret", OTHER, {"token-wrong-secret": "likely"}),
        ("token-wrong-secret", STRANGER, {"token-wrong-secret": "likely"}),
        ("token-unknown-livekit-key", PAIR, {"token-unknown-livekit-key": "certain"}),
        ("token-missing-grant", PAIR, {"token-missing-grant": "certain"}),
        ("api-not-running", PAIR, {"api-not-running": "possible"}),
    ],
)
def test_a_fault_with_and_without_the_pair(
    fault: str, pair: tuple[str, str] | None, expected: dict[str, str], servers: RealServers
) -> None:
    found = causes(examined(servers, fault, pair=pair))
    assert {name: found.get(name) for name in expected} == expected
    assert set(found) <= {*expected, "own-livekit-pair-wrong"}


def test_a_healthy_system_is_healthy_with_the_pair_and_both_rooms_are_seen(
    servers: RealServers,
) -> None:
    result = examined(servers, pair=PAIR)
    assert result.verdict == "healthy"
    assert not [found for found in result.findings if found.status is Status.WARN]
    assert {visit.room for visit in result.seen.every(LivekitSignal)} == {"session", "own"}
    assert {"livekit.own-token.ok", "livekit.room.ok", "livekit.rooms.ok"} <= ids(result)


def test_where_the_api_is_down_livekit_is_examined_with_the_pair(servers: RealServers) -> None:
    with_it = ids(examined(servers, "api-not-running", pair=PAIR))
    without = ids(examined(servers, "api-not-running", pair=None))
    assert {"livekit.room.ok", "livekit.candidates.ok", "livekit.rooms.ok"} <= with_it
    assert {"livekit.own-token.not-asked", "livekit.candidates.not-joined"} <= without


def test_a_pair_that_is_not_livekits_is_said_and_blamed_on_the_settings(
    servers: RealServers,
) -> None:
    assert causes(examined(servers, pair=OTHER)) == {"own-livekit-pair-wrong": "likely"}


def test_a_read_only_run_asks_about_the_token_and_makes_no_room(servers: RealServers) -> None:
    result = examined(servers, pair=PAIR, read_only=True)
    assert {"livekit.own-token.ok", "livekit.room.not-asked", "livekit.rooms.ok"} <= ids(result)
    assert not list(result.seen.every(LivekitSignal))
