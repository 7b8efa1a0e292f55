"""check-livekit of real livekit-servers at a public address, with the key pair of the settings."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from livekit.api import ListRoomsRequest

from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.endpoints import Endpoint
from eloquence_ops.findings import Family, Status
from eloquence_ops.observations import IceTrial, LivekitSignal, RoomLeftOpen
from eloquence_ops.probes.http import HttpClient
from eloquence_ops.probes.road import Road
from eloquence_ops.probes.room_service import KeyPair, Rooms
from eloquence_ops.run.carry_out import Execution
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
    in_thread,
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

    async def ask() -> list[str]:
        endpoint = Endpoint("ws", "127.0.0.1", 7880)
        road = Road(endpoint, Family.IPV4, "127.0.0.1", 7880)
        client = HttpClient(
            road, tls=None, redactor=Redactor(), timeout_s=5, started=time.monotonic()
        )
        async with client:
            rooms = Rooms(client, KeyPair(KEY, Secret(SECRET)), Redactor())
            listed = await rooms._service.list_rooms(ListRoomsRequest())
            return [room.name for room in listed.rooms]

    return in_thread(world.server, lambda: asyncio.run(ask()))


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


@pytest.mark.parametrize(
    ("during", "after_s"),
    [
        ("livekit.own-token", 0.0),
        ("livekit.rooms", 0.0),
        *(("livekit.own-room", after_s) for after_s in (0.0, 0.01, 0.03)),
        ("livekit.ice", 0.0),
    ],
)
def test_whenever_it_is_interrupted_no_room_and_no_connection_of_ours_stays(
    during: str, after_s: float, world: World
) -> None:
    story = STORIES["healthy"]
    kept: list[asyncio.Future[None]] = []

    async def interrupt(execution: Execution) -> None:
        while during not in execution.running:  # noqa: ASYNC110  # a run tells nobody
            await asyncio.sleep(0.001)
        await asyncio.sleep(after_s)
        execution.interrupt()

    def watch(execution: Execution) -> None:
        kept.append(asyncio.ensure_future(interrupt(execution)))

    with world.livekit(story):
        result = examine(world.examined(story, watch), catalogue())
        assert rooms_of(world) == []
        assert connections_of(world) == []
    if not after_s:  # later it may be over
        assert result.recording.interrupted
        assert result.exit_code(strict=False) == 130
    assert not list(result.seen.every(RoomLeftOpen))


def connections_of(world: World) -> list[str]:
    """TCP connections that are still open on the machine that examines."""
    return world.client.run("ss", "-Htn", "state", "established").split("\n")[:-1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_itself_leaves_nothing_after_a_signal(
    number: signal.Signals, world: World, tmp_path: Path
) -> None:
    """A TURN server that stays silent holds the run while its room is there."""
    story = STORIES["another-public-address"]
    with world.livekit(story):
        process = subprocess.Popen(
            [
                *("ip", "netns", "exec", world.client.name),
                *(sys.executable, "-m", "eloquence_ops", "check-livekit"),
                *("--livekit", "wss://livekit.éloquence.test", "--resolver", "203.0.113.10"),
                *("--ca", str(world.authority.root_path), "--timeout", "60"),
            ],
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(tmp_path),
                "LANG": "C.UTF-8",
                "ELOQUENCE_LIVEKIT_API_KEY": KEY,
                "ELOQUENCE_LIVEKIT_API_SECRET": SECRET,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        deadline = time.monotonic() + 20
        while not any(name.startswith("eloquence-doctor-") for name in rooms_of(world)):
            assert time.monotonic() < deadline, process.communicate()
        process.send_signal(number)
        shown, complaint = process.communicate(timeout=20)
        assert rooms_of(world) == []
    assert (process.returncode, complaint) == (130, b"")
    assert SECRET.encode() not in shown


@pytest.mark.parametrize("name", SHOWN)
def test_a_recording_shows_its_cause(name: str) -> None:
    kept = examine(read(RECORDINGS / f"livekit-{name}.json"), catalogue())
    assert named(kept) == CAUSES[name]
