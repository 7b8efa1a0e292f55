"""`check-media` with a real livekit-server, a real coturn and a real firewall between two hosts."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from livekit.api import AccessToken, VideoGrants

from eloquence_ops.lab.services.api import LAB_LIVEKIT_KEY
from eloquence_ops.observations import MediaSetup, MediaWay
from eloquence_ops.observations.media import MediaFigures
from eloquence_ops.probes.media.child import Peer
from eloquence_ops.run.board import Board
from eloquence_ops.run.media_probes import Exchange
from eloquence_ops.run.plan import Plan
from eloquence_ops.secrets import Redactor
from eloquence_ops.settings import Target
from tests.media.scenarios import RECORDINGS, SCENARIOS, causes, judged
from tests.media.stage import KEY, LIVEKIT, PAIR, TCP, TURN, UDP, Stage, stage
from tests.network.namespaces import ROOT, SERVER_V4
from tests.network.real_stack import real_stack

pytestmark = pytest.mark.real

# The rest wait for what never comes, or are below; all are judged from their recordings as well.
_IN_CI = ("agent-silent", "media-agent-absent", "media-call")


@pytest.fixture(scope="module")
def plain() -> Iterator[Stage]:
    """Without a TURN server."""
    with stage() as on:
        yield on


@pytest.fixture(scope="module")
def relaying() -> Iterator[Stage]:
    """LiveKit hands coturn out, with the right password."""
    with stage(turn="right", tag="mediaturn") as on:
        yield on


def _comes_to_its_recording(name: str, on: Stage, folder: Path) -> None:
    record = folder / "run.json"
    code = SCENARIOS[name].check(on, record)
    live, kept = judged(record), judged(RECORDINGS / f"{name}.json")
    assert causes(live) == causes(kept) == [SCENARIOS[name].cause][: len(causes(kept))]
    assert live.verdict == kept.verdict
    assert code == kept.exit_code(strict=False)
    assert on.own_rooms() == {}
    assert on.left_over() == []


@pytest.mark.parametrize("name", _IN_CI)
def test_a_live_run_comes_to_what_its_recording_says(
    name: str, plain: Stage, tmp_path: Path
) -> None:
    _comes_to_its_recording(name, plain, tmp_path)


@pytest.mark.soak
@pytest.mark.parametrize(
    "name", [name for name, one in SCENARIOS.items() if not one.turn and name not in _IN_CI]
)
def test_so_does_each_that_waits(name: str, plain: Stage, tmp_path: Path) -> None:
    _comes_to_its_recording(name, plain, tmp_path)


@pytest.mark.soak
def test_so_does_one_with_another_password_for_turn(tmp_path: Path) -> None:
    name = "media-relay-broken"
    with stage(turn=SCENARIOS[name].turn, tag="mediapass") as on:
        _comes_to_its_recording(name, on, tmp_path)


def _ways(record: Path) -> dict[str, MediaFigures]:
    """Those over which the melody was heard."""
    ways = judged(record).seen.every(MediaWay)
    return {way.way: way.figures for way in ways if way.outcome == "heard"}


def test_the_melody_is_heard_over_udp_over_tcp_and_through_coturn(
    relaying: Stage, tmp_path: Path
) -> None:
    _comes_to_its_recording("media-healthy", relaying, tmp_path)
    ways = _ways(tmp_path / "run.json")
    assert set(ways) == {"free", "tcp", "relay"}
    assert (ways["free"].protocol, ways["free"].relay) == ("udp", "")
    assert ways["free"].remote == f"host udp {SERVER_V4}:{UDP}"
    assert ways["tcp"].remote == f"host tcp {SERVER_V4}:{TCP}"
    assert ways["relay"].local.startswith(f"relay udp {SERVER_V4}:3")
    assert ways["relay"].turn == f"turn:{SERVER_V4}:{TURN}?transport=udp"
    for figures in ways.values():
        assert figures.round_trip_ms is not None
        assert figures.jitter_ms is not None
        assert figures.received > 50


def test_a_relay_that_takes_udp_only_is_no_second_fault_where_udp_is_dropped(
    relaying: Stage, tmp_path: Path
) -> None:
    record = tmp_path / "run.json"
    _comes_to_its_recording("media-udp-blocked", relaying, tmp_path)
    found = {finding.id for finding in judged(record).findings}
    assert {"media.path.tcp-only", "media.tcp.ok", "media.relay.needs-udp"} <= found
    setup = judged(record).seen.one(MediaSetup)
    assert setup is not None
    assert setup.turn


def test_another_key_pair_is_told_from_sound_that_does_not_pass(
    plain: Stage, tmp_path: Path
) -> None:
    """LiveKit's answer holds the whole token: `Stage.check` looks for one in all that comes out."""
    other = PAIR | {"ELOQUENCE_LIVEKIT_API_SECRET": "not the secret of this LiveKit, but as long"}
    record = tmp_path / "run.json"
    assert plain.check(record, "--livekit", LIVEKIT, **other) == 3
    found = {finding.id: finding for finding in judged(record).findings}
    assert found["media.path.refused"].evidence["status"] == 401
    assert "***" in str(found["media.path.refused"].evidence["excerpt"])


def test_without_a_key_pair_and_without_an_api_nothing_is_made(
    plain: Stage, tmp_path: Path
) -> None:
    record = tmp_path / "run.json"
    assert plain.check(record, "--livekit", LIVEKIT, **KEY) == 3
    found = {finding.id: finding for finding in judged(record).findings}
    assert found["media.path.not-tried"].evidence["reason"] == "no-pair"
    assert plain.own_rooms() == {}


def test_behind_a_proxy_with_tls_the_signalling_takes_the_road_of_every_other_probe(
    tmp_path: Path,
) -> None:
    """A private root, a name that only our resolver knows, another port: nothing of it is known to
    the library."""
    record = tmp_path / "run.json"
    command = [sys.executable, "-m", "eloquence_ops", "check-media", "--record", str(record)]
    with real_stack(agent=False) as stack:
        subprocess.run(
            [*command, *stack.arguments, "--timeout", "4"],
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), **PAIR, **stack.environ},
            cwd=ROOT,
            check=False,
            capture_output=True,
            timeout=90,
        )
    found = {finding.id for finding in judged(record).findings}
    assert {"media.path.ok", "media.reconnect.ok", "media.tcp.ok", "livekit.upgrade.ok"} <= found


def test_what_the_library_says_of_a_refused_token_is_redacted(plain: Stage, tmp_path: Path) -> None:
    """It quotes LiveKit, which quotes the whole token."""
    grants = VideoGrants(room_join=True, room="nowhere")
    token = AccessToken(LAB_LIVEKIT_KEY, "not the secret of this LiveKit, but as long")
    job = {
        "kind": "call",
        "url": LIVEKIT,
        "token": token.with_identity("nobody").with_grants(grants).to_jwt(),
        "timeout_s": 5,
        "answer_s": 1,
    }

    async def raw() -> list[dict[str, Any]]:
        peer = Peer(job, os.environ)
        try:
            return [report async for report in peer.reports()]
        finally:
            await peer.end()

    with plain.client.entered():
        (report,) = asyncio.run(raw())
    assert job["token"] in report["detail"]
    plan = Plan(Target("t"), frozenset(), {}, Redactor())
    told = asyncio.run(Exchange(plan, "livekit").in_our_words(report, Board()))
    assert told["outcome"] == "ended"
    assert "invalid token: ***" in told["detail"]
    assert "eyJ" not in told["detail"]


def test_without_the_extra_doctor_leaves_sound_out_and_check_media_says_what_to_install(
    plain: Stage, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(_NO_LIBRARY, encoding="utf-8")
    environ = plain.environment(tmp_path, **PAIR, PYTHONPATH=str(tmp_path))

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            plain.command(*arguments, "--livekit", LIVEKIT),
            env=environ,
            cwd=ROOT,
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )

    told = run("check-media")
    assert (told.returncode, told.stdout) == (2, "")
    assert "pip install 'eloquence-ops[media]'" in told.stderr
    assert "demande l'extra" in run("check-media", "--lang", "fr").stderr
    skipped = json.loads(run("doctor", "--only", "media", "--output", "json").stdout)
    found = {finding["id"]: finding for finding in skipped["findings"]}
    assert found["media.path.not-tried"]["status"] == "skipped"
    assert found["media.path.not-tried"]["evidence"] == {"reason": "no-extra"}
    assert plain.own_rooms() == {}


# As if `livekit` had not been installed; livekit-api and livekit-protocol are.
_NO_LIBRARY = """
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name == "livekit.rtc":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Hidden())
"""
