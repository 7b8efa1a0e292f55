"""What a run of the tests has on this machine while it lasts, and the end of what a dead run left.

A run has a folder, locked while its process lives; in it every host has one, and its network
namespaces and cgroups carry that folder's name, the tag. The host's processes end with the run
(launch.sh), and their mounts with them; the three others are left behind by a run that was killed,
and the next run removes them.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.network.namespaces import delete_hosts

# Only root can write here, so nobody else can put a folder there for us to trust.
RUNS: Final = Path("/run/eloquence-hosts")
_CGROUP: Final = Path("/sys/fs/cgroup")
_ENDING_S: Final = 10.0
_hosts = itertools.count(1)


@contextlib.contextmanager
def run_folder() -> Iterator[Path]:
    """A folder for this run, gone at the end with every host in it."""
    RUNS.mkdir(mode=0o700, exist_ok=True)
    folder = RUNS / f"{os.getpid():x}"
    with contextlib.ExitStack() as stack:
        # No run tidies while another one is between making its folder and locking it.
        with _locked(RUNS / ".lock"):
            _tidy()
            folder.mkdir(mode=0o700)
            stack.callback(_end_run, folder)
            stack.enter_context(_locked(folder / "lock"))
        yield folder


@contextlib.contextmanager
def host_folder(run: Path) -> Iterator[Path]:
    """A folder for one host, whose name is its tag; all that has the tag is gone at the end."""
    folder = run / f"{run.name}h{next(_hosts)}"
    folder.mkdir()
    try:
        yield folder
    finally:
        _end_host(folder)


@contextlib.contextmanager
def _locked(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Raises `BlockingIOError` when somebody holds it and `wait` is false."""
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield


def _tidy() -> None:
    """The end of all that belongs to runs whose process has gone."""
    for folder in (path for path in RUNS.iterdir() if path.is_dir()):
        with contextlib.suppress(BlockingIOError), _locked(folder / "lock", wait=False):
            _end_run(folder)


def _end_run(folder: Path) -> None:
    for host in folder.glob(f"{folder.name}h*"):
        _end_host(host)
    shutil.rmtree(folder, ignore_errors=True)


def _end_host(folder: Path) -> None:
    for group in groups_of(folder.name):
        _end_group(group)
    delete_hosts(folder.name)
    shutil.rmtree(folder, ignore_errors=True)


def make_groups(tag: str) -> list[Path]:
    """A cgroup of the host's own in each hierarchy that systemd needs there.

    Below where this process is, so that its own limits hold for the host too. `systemd-nspawn`
    divides it further; without one of its own two hosts would share theirs.
    """
    groups = [parent / _name(tag) for parent in _own_groups()]
    for group in groups:
        group.mkdir()
        # Version 2 hands a controller down only where it is told to, and may refuse.
        for above in (group.parent, group):
            with contextlib.suppress(OSError):
                (above / "cgroup.subtree_control").write_text("+memory +pids")
    return groups


def groups_of(tag: str) -> list[Path]:
    """The cgroups of the host with this tag, wherever its run was itself."""
    name = _name(tag)
    return [Path(above, name) for above, inside, _ in os.walk(_CGROUP) if name in inside]


def _name(tag: str) -> str:
    return f"eloquence-host-{tag}"


def _own_groups() -> list[Path]:
    """Where this process is: systemd's hierarchies, and memory's in version 1 (proc(5))."""
    groups = []
    for line in Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines():
        _, controllers, path = line.split(":", 2)
        folder = {"": "unified", "name=systemd": "systemd", "memory": "memory"}.get(controllers)
        if folder is None:
            continue
        root = _CGROUP / folder
        if folder == "unified" and not root.is_dir():
            root = _CGROUP
        groups.append(root / path.lstrip("/"))
    return [group for group in groups if group.is_dir()]


def _end_group(group: Path) -> None:
    """Its processes, then the cgroup itself, innermost first."""
    deadline = time.monotonic() + _ENDING_S
    while group.is_dir() and time.monotonic() < deadline:
        _kill(group)
        for folder, _, _ in os.walk(group, topdown=False):
            with contextlib.suppress(OSError):
                Path(folder).rmdir()
        if group.is_dir():
            time.sleep(0.02)


def _kill(group: Path) -> None:
    # Not `rglob`: it fails where a cgroup goes while it looks.
    for folder, _, _ in os.walk(group):
        with contextlib.suppress(OSError):
            procs = Path(folder, "cgroup.procs").read_text(encoding="ascii")
            for pid in map(int, procs.split()):
                if pid:  # 0: of another pid namespace than ours and the host's
                    os.kill(pid, signal.SIGKILL)
