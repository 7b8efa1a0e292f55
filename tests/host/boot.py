"""systemd-nspawn and the host's PID 1: how they start, say that they are up, and end."""

from __future__ import annotations

import contextlib
import os
import queue
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.host.layer import HOSTNAME
from tests.host.runs import make_groups
from tests.network.namespaces import Host as Namespace

_STARTING_S: Final = 60.0
_ENDING_S: Final = 15.0


class HostNotStarted(RuntimeError):
    """The host did not come up; the message has the end of what it said."""


@dataclass
class Boot:
    """A host's processes. `leader` is the pid, here, of its PID 1."""

    folder: Path
    process: subprocess.Popen[bytes]
    notified: queue.SimpleQueue[str] = field(repr=False)
    leader: int = 0

    def wait_until_up(self) -> None:
        """Until systemd says that it has started, for the first time or again.

        Raises `HostNotStarted`.
        """
        leader, deadline = 0, time.monotonic() + _STARTING_S
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                said = self.notified.get(timeout=0.2)
            except queue.Empty:
                continue
            for line in said.splitlines():
                name, _, value = line.partition("=")
                if name == "X_NSPAWN_LEADER_PID":
                    leader = int(value)
                if line == "READY=1" and leader:
                    self.leader = leader
                    return
        console = (self.folder / "console.log").read_text(encoding="utf-8", errors="replace")
        raise HostNotStarted(f"The test host did not start:\n{console[-2000:]}")


@contextlib.contextmanager
def booting(folder: Path, lower: str, server: Namespace) -> Iterator[Boot]:
    """A host that is up, with `server` for its network and its mounts in `folder`."""
    with _notifications(folder / "notify") as notified, _process(folder, lower, server) as process:
        boot = Boot(folder, process, notified)
        boot.wait_until_up()
        yield boot


@contextlib.contextmanager
def _notifications(path: Path) -> Iterator[queue.SimpleQueue[str]]:
    """Where nspawn tells the host's PID 1 and that it is up: sd_notify(3).

    Read as long as the host lives: its systemd tells how every job goes on, and waits where nobody
    takes that, in the middle of whatever it does.
    """
    told: queue.SimpleQueue[str] = queue.SimpleQueue()

    def read() -> None:
        while message := notified.recv(4096):
            told.put(message.decode(errors="replace"))

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
        notified.bind(str(path))
        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        try:
            yield told
        finally:
            notified.shutdown(socket.SHUT_RD)
            reader.join(5)


@contextlib.contextmanager
def _process(folder: Path, lower: str, server: Namespace) -> Iterator[subprocess.Popen[bytes]]:
    groups = ":".join(map(str, make_groups(folder.name)))
    launch = (str(Path(__file__).parent / "launch.sh"), str(folder), lower, groups, "--")
    with (folder / "console.log").open("wb") as console:
        process = subprocess.Popen(
            [
                *("setpriv", "--pdeathsig", "TERM"),
                *("unshare", "--mount", "--propagation=private"),
                *launch,
                *_nspawn(folder, server),
            ],
            env={"PATH": os.environ["PATH"], "NOTIFY_SOCKET": str(folder / "notify")},
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=subprocess.STDOUT,
            # Ctrl-C in a terminal is for the tests; they end the host themselves.
            start_new_session=True,
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_ENDING_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(_ENDING_S)


def _nspawn(folder: Path, server: Namespace) -> tuple[str, ...]:
    """It needs no machined and no systemd outside, and uses no settings of this machine."""
    return (
        *("systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--settings=no"),
        *(f"--directory={folder}/root", f"--machine={HOSTNAME}", "--kill-signal=SIGRTMIN+3"),
        *(
            "--capability=CAP_NET_ADMIN,CAP_SYSLOG",
            f"--network-namespace-path=/run/netns/{server.name}",
        ),
        *("--link-journal=no", "--resolv-conf=off", "--timezone=off", "--console=pipe"),
        *("--notify-ready=yes", "/usr/local/sbin/first-process"),
    )
