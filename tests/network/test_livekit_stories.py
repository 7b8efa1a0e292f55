"""check-livekit of real livekit-servers at a public address, with the key pair of the settings."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import Iterator

import pytest
from livekit.api import ListRoomsRequest

from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.endpoints import Endpoint
from eloquence_ops.findings import Family, Status
from eloquence_ops.observations import IceTrial, LivekitSignal, RoomLeftOpen
from eloquence_ops.probes.http import HttpClient
from eloquence_ops.probes.road import Road
from eloquence_ops.probes.room_service import KeyPair, Rooms
from eloquence_ops.run.examine import Result, examine
from eloquence_ops.run.recording import read
from eloquence_ops.secrets import Redactor, Secret
from tests.network.livekit_stories import (
    KEY,
    RECORDINGS,
    SECRET,
    SHOWN,
    STORIES,
    World,
    livekit_world,
)
from tests.real import require, require_namespaces

pytestmark = pytest.mark.real

WRONG = "media-wrong-address"
CAUSES: dict[str, dict[str, str]] = {
    "healthy": {},
    **{name: {name: "certain"} for name in SHOWN},
    "turn-unreachable": {"turn-unreachable": "likely"},
    "own-livekit-pair-wrong": {"own-livekit-pair-wrong": "possible"},
    "another-public-address": {WRONG: "likely"},
    "private-address": {WRONG: "certain"},
    "turn-over-udp-only": {"turn-missing": "certain"},
    "turn-of-coturn": {},
    "turn-is-stopped": {"turn-unreachable": "likely"},
    "turn-of-the-settings": {},
    "own-turn-with-a-wrong-password": {"turn-wrong-secret": "certain"},
    "turn-without-its-password": {},
    "unknown-key": {"own-livekit-pair-wrong": "possible"},
    "makes-no-rooms": {},
    "read-only": {},
    "stopped": {"livekit-not-running": "possible"},
}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    require_namespaces()
    for name in ("livekit-server", "nginx", "haproxy", "turnserver", "ss"):
        require(name)
    with livekit_world() as made:
        yield made


def named(result: Result) -> dict[str, str]:
    return {entry.cause.id: entry.confidence for entry in result.diagnosis.causes}


def ids(result: Result) -> set[str]:
    return {finding.id for finding in result.findings}


def rooms_of(world: World) -> list[str]:
    """What LiveKit itself lists, asked on its machine."""
    found: list[str] = []

    async def ask() -> None:
        endpoint = Endpoint("ws", "127.0.0.1", 7880)
        road = Road(endpoint, Family.IPV4, "127.0.0.1", 7880)
        client = HttpClient(
            road, tls=None, redactor=Redactor(), timeout_s=5, started=time.monotonic()
        )
        async with client:
            rooms = Rooms(client, KeyPair(KEY, Secret(SECRET)), Redactor())
            listed = await rooms._service.list_rooms(ListRoomsRequest())
            found.extend(room.name for room in listed.rooms)

    def run() -> None:
        with world.server.entered():
            asyncio.run(ask())

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return found


@pytest.mark.parametrize("name", STORIES)
def test_each_story_comes_to_its_cause_and_leaves_no_room(name: str, world: World) -> None:
    story = STORIES[name]
    with world.livekit(story):
        result = examine(world.examined(story), catalogue())
        assert not story.runs or rooms_of(world) == []
    assert named(result) == CAUSES[name]
    if not CAUSES[name]:
        assert result.verdict == "healthy"
        assert not [found for found in result.findings if found.status is Status.WARN]


def test_a_healthy_livekit_is_seen_whole(world: World) -> None:
    with world.livekit(STORIES["healthy"]):
        result = examine(world.examined(STORIES["healthy"]), catalogue())
    visit = next(result.seen.every(LivekitSignal))
    assert visit.room == "own"
    assert (visit.version, visit.ping_interval_s, visit.ping_timeout_s) == ("1.13.5", 5, 15)
    assert visit.candidates_whole
    assert {(entry.protocol, entry.address) for entry in visit.candidates} == {
        (protocol, address)
        for protocol in ("udp", "tcp")
        for address in ("203.0.113.10", "2001:db8::10")
    }
    trials = {trial.url: trial for trial in result.seen.every(IceTrial)}
    assert {url: trial.outcome for url, trial in trials.items()} == {
        "turn:203.0.113.10:3480?transport=udp": "relayed",
        # Whatever tls_port says: 5349 here.
        "turns:turn.éloquence.test:443?transport=tcp": "relayed",
        "stun:203.0.113.10:3478": "bound",
    }
    assert all(trial.relay.startswith("203.0.113.10:") for trial in trials.values() if trial.relays)
    assert {"livekit.room.ok", "livekit.rooms.ok", "livekit.own-token.ok"} <= ids(result)


def test_udp_that_nobody_answers_is_unknown_and_soon_over(world: World) -> None:
    """LiveKit's TURN is named at an address where no machine is."""
    story = STORIES["another-public-address"]
    with world.livekit(story):
        result = examine(world.examined(story), catalogue())
    assert "livekit.ice-server.silent" in ids(result)
    assert result.recording.duration_s < 4


def test_a_livekit_that_is_killed_in_the_middle_is_no_defect_of_ours(world: World) -> None:
    story = STORIES["healthy"]
    with world.livekit(story) as livekit:
        assert livekit is not None
        killer = threading.Timer(0.12, livekit.send_signal, (signal.SIGKILL,))
        killer.start()
        result = examine(world.examined(story), catalogue())
        killer.join()
    assert not [found for found in result.findings if found.status is Status.ERROR]
    # Whatever it had come to: what could not be taken back is told.
    left = [entry.room for entry in result.seen.every(RoomLeftOpen)]
    assert all(room.startswith("eloquence-doctor-") for room in left)


@pytest.mark.parametrize("name", SHOWN)
def test_a_recording_shows_its_cause(name: str) -> None:
    kept = examine(read(RECORDINGS / f"livekit-{name}.json"), catalogue())
    assert named(kept) == CAUSES[name]
