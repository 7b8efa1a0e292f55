"""However `check-media` ends, no room of ours, no session, no process and no socket is left."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from eloquence_ops.observations import MediaCall, MediaWay
from tests.media.scenarios import judged
from tests.media.stage import API, KEY, LIVEKIT, PAIR, Stage, stage
from tests.network.namespaces import ROOT

pytestmark = pytest.mark.real

_PEER = b"eloquence_ops.probes.media.peer"
_ARGUMENTS = ("check-media", "--api", API, "--livekit", LIVEKIT)


@pytest.fixture(scope="module")
def on() -> Iterator[Stage]:
    with stage(tag="mediaends") as staged, staged.backend("silent"):
        yield staged


def _peers(on: Stage) -> list[int]:
    """The processes with the native library, in the client's namespace."""
    found = []
    for pid in on.server_side("ip", "netns", "pids", on.client.name).split():
        words = Path("/proc", pid, "cmdline").read_bytes() if Path("/proc", pid).exists() else b""
        found += [int(pid)] if _PEER in words else []
    return found


def _until(what: Callable[[], object], seconds: float = 25) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _started(on: Stage, home: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        on.command(*_ARGUMENTS, "--record", str(home / "run.json")),
        env=on.environment(home, **PAIR, **KEY),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _nothing_is_left(on: Stage) -> None:
    _until(lambda: not on.left_over(), 5)
    assert on.own_rooms() == {}
    assert on.open_sessions() == []


_MOMENTS: dict[str, Callable[[Stage], object]] = {
    "a room of ours is made": lambda on: on.own_rooms(),
    "the library is loaded": _peers,
    "somebody is in it": lambda on: any(on.own_rooms().values()),
}


@pytest.mark.parametrize(
    ("moment", "number"),
    [*((moment, signal.SIGINT) for moment in _MOMENTS), ("somebody is in it", signal.SIGTERM)],
)
def test_after_an_interrupt(moment: str, number: signal.Signals, on: Stage, tmp_path: Path) -> None:
    process = _started(on, tmp_path)
    _until(lambda: _MOMENTS[moment](on))
    process.send_signal(number)
    at = time.monotonic()
    told, errors = process.communicate(timeout=20)
    assert time.monotonic() - at < 8
    assert process.returncode == 130
    assert errors == ""
    assert "Traceback" not in told
    _nothing_is_left(on)


def test_a_library_that_crashes_is_no_finding_of_the_server(on: Stage, tmp_path: Path) -> None:
    process = _started(on, tmp_path)
    _until(lambda: len(_peers(on)) == 2)
    for pid in _peers(on):
        os.kill(pid, signal.SIGSEGV)
    told, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (3, "")
    result = judged(tmp_path / "run.json")
    # Where the machine is busy, the first may be through before the second has begun.
    assert {way.outcome for way in result.seen.every(MediaWay)} <= {"crashed", "heard"}
    assert [call.detail for call in result.seen.every(MediaCall)] == ["SIGSEGV"]
    assert result.problems == ()
    assert "Traceback" not in told
    _nothing_is_left(on)


def test_a_server_that_stops_in_the_middle(tmp_path: Path) -> None:
    """Not even SIGTERM, for which LiveKit would wait: gone between one packet and the next."""
    with stage(tag="mediastop") as on, on.backend("silent"):
        process = _started(on, tmp_path)
        _until(lambda: _MOMENTS["somebody is in it"](on))
        on.livekit.kill()
        told, errors = process.communicate(timeout=60)
        result = judged(tmp_path / "run.json")
        assert "media.call.cut-short" in {finding.id for finding in result.findings}
        # A way that is blocked looks the same, and is not to be blamed.
        assert result.problems == ()
        assert (process.returncode, errors) == (3, "")
        assert "Traceback" not in told
        _until(lambda: not on.left_over(), 5)
        assert on.open_sessions() == []


# These leave sessions open, as nothing can be done about: they are the last.


def test_after_we_were_killed(on: Stage, tmp_path: Path) -> None:
    """The processes with the library end by themselves."""
    process = _started(on, tmp_path)
    _until(lambda: len(_peers(on)) == 2)
    process.kill()
    process.communicate(timeout=5)
    _until(lambda: not on.left_over(), 5)


@pytest.mark.soak
def test_after_we_were_killed_livekits_own_patience_ends_our_room(
    on: Stage, tmp_path: Path
) -> None:
    process = _started(on, tmp_path)
    _until(lambda: _MOMENTS["somebody is in it"](on))
    process.kill()
    process.communicate(timeout=5)
    _until(lambda: not on.own_rooms(), 90)
