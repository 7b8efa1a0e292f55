"""However a run of the tests ends, its hosts end with it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.host.runs import RUNS
from tests.network.namespaces import ROOT, wait_for
from tests.real import require_host

pytestmark = pytest.mark.real

_A_LONG_TEST = """
import pathlib, time

def test_that_takes_long(host):
    pathlib.Path({ready!r}).write_text(str(host.boot.leader))
    time.sleep(600)
"""


@pytest.fixture
def run(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another run of tests, in the middle of one that has a host."""
    require_host()
    ready, test = tmp_path / "ready", tmp_path / "test_long.py"
    test.write_text(_A_LONG_TEST.format(ready=str(ready)), encoding="utf-8")
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "pytest", "--quiet", "-p", "tests.host.fixtures"),
            *("--rootdir", str(tmp_path), "-c", "/dev/null", str(test)),
        ],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(ready, 90)
        yield process
    finally:
        process.kill()
        process.wait()
        _another_run()


def _another_run() -> None:
    begun = "from tests.host.runs import run_folder\nwith run_folder(): pass"
    subprocess.run([sys.executable, "-c", begun], cwd=ROOT, check=True, timeout=60)


def _processes(pid: int) -> list[str]:
    """Whatever names the run's folder in its command: nspawn, its launcher, and their like."""
    found = []
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = line.read_bytes().decode(errors="replace")
        except OSError:
            continue
        if f"{RUNS}/{pid:x}/" in words:
            found.append(words)
    return found


def _mounts(pid: int) -> list[str]:
    """In any mount namespace of any process."""
    seen = set()
    for mounts in Path("/proc").glob("[0-9]*/mounts"):
        try:
            seen.update(mounts.read_text(encoding="utf-8").splitlines())
        except OSError:
            continue
    return [line for line in seen if f"{RUNS}/{pid:x}/" in line]


def _left(pid: int) -> dict[str, list[str]]:
    names = subprocess.run(["ip", "netns", "list"], check=True, capture_output=True, text=True)
    groups = subprocess.run(
        ["find", "/sys/fs/cgroup", "-name", f"eloquence-host-{pid:x}h*"],
        check=False,
        capture_output=True,
        text=True,
    )
    return {
        "folders": [str(path) for path in RUNS.glob(f"{pid:x}")],
        "namespaces": [line for line in names.stdout.splitlines() if f"-{pid:x}h" in line],
        "cgroups": groups.stdout.splitlines(),
        "processes": _processes(pid),
        "mounts": _mounts(pid),
    }


_NOTHING: dict[str, list[str]] = {
    "folders": [],
    "namespaces": [],
    "cgroups": [],
    "processes": [],
    "mounts": [],
}


def test_a_run_in_the_middle_has_all_of_these(run: subprocess.Popen[bytes]) -> None:
    assert all(_left(run.pid).values())


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_nothing(
    run: subprocess.Popen[bytes], how: signal.Signals
) -> None:
    run.send_signal(how)
    run.wait(30)
    assert _left(run.pid) == _NOTHING


def test_a_killed_run_ends_its_host_and_the_next_one_removes_the_rest(
    run: subprocess.Popen[bytes],
) -> None:
    run.kill()
    run.wait(30)
    assert _soon(lambda: _processes(run.pid) == [] and _mounts(run.pid) == [])
    _another_run()
    assert _left(run.pid) == _NOTHING


def test_a_run_leaves_those_alone_that_still_go_on(run: subprocess.Popen[bytes]) -> None:
    _another_run()
    assert all(_left(run.pid).values())


def _soon(true: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(0.05)
    return true()
