"""A file of a gigabyte, and disks with no room: what it takes is bounded, or said beforehand."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.host.deploying import QUICK, deployed, deploying, digests, stray, version_of
from tests.host.hosts import BootHost
from tests.host.layout import REMOTE_DIR
from tests.host.machine import Host
from tests.host.sources import signed_sessions, source, version
from tests.host.states import on_a_disk_of_its_own

pytestmark = [pytest.mark.real, pytest.mark.soak]

_MIB = 2**20
_GIGABYTE = 2**30
_MOST_OF_THE_CLIENT = 200 * _MIB
_MOST_ON_THE_SERVER = 100 * _MIB
_MEASURING = """
while [ -e /run/measuring ]; do
  for folder in /proc/[0-9]*; do
    tr '\\0' ' ' 2>/dev/null <$folder/cmdline | grep -q -- '^[^ ]*python3[^ ]* -I -S -B' &&
      awk -v pid=${folder#/proc/} '/VmHWM/ {print pid, $2}' $folder/status 2>/dev/null
  done
  sleep 0.1
done
"""


@pytest.fixture(scope="module")
def host(boot_host: BootHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    good = source(tmp_path_factory.mktemp("source") / "good", signed_sessions, version("good"))
    with boot_host() as booted:
        on_a_disk_of_its_own(booted, "3g")
        deployed(booted, good, *QUICK)
        yield booted


@contextlib.contextmanager
def _measured(host: Host) -> Iterator[dict[str, int]]:
    """The peak of each process of ours on the server, in bytes by pid; whole after the block."""
    peaks: dict[str, int] = {}
    host.shell("touch /run/measuring")
    words = host.entering("bash", "-c", _MEASURING)
    measuring = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    try:
        yield peaks
    finally:
        host.shell("rm /run/measuring")
        said, _ = measuring.communicate(timeout=30)
        for line in said.splitlines():
            pid, kilobytes = line.split()
            peaks[pid] = max(peaks.get(pid, 0), int(kilobytes) * 1024)


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(_GIGABYTE)


def _incompressible(path: Path) -> None:
    with path.open("wb") as file:
        for _ in range(_GIGABYTE // _MIB):
            file.write(os.urandom(_MIB))


@pytest.mark.parametrize("write", [_sparse, _incompressible])
def test_a_gigabyte_arrives_and_memory_is_bounded(
    host: Host, tmp_path: Path, write: Callable[[Path], None]
) -> None:
    name = write.__name__
    large = source(tmp_path / "large", signed_sessions, version(name))
    write(large / "model.bin")
    with _measured(host) as peaks, deploying(host, "deploy", str(large), *QUICK) as client:
        done = client.wait(240)
    assert done.returncode == 0, done.stdout + done.stderr
    of_client = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    assert of_client < _MOST_OF_THE_CLIENT
    assert len(peaks) >= 3
    assert max(peaks.values()) < _MOST_ON_THE_SERVER, peaks
    (digest,) = host.shell(f"sha256sum <{REMOTE_DIR}/current/model.bin").stdout.split()[:1]
    assert digest == digests(large)["model.bin"]
    assert (version_of(host), stray(host)) == (name, [])
    # The next test has room again.
    small = source(tmp_path / "small", signed_sessions, version("small"))
    for number in range(2):
        (small / "number.py").write_text(f"N = {number}\n", encoding="ascii")
        deployed(host, small, *QUICK, "--keep", "1")
