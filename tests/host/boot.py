"""systemd-nspawn and the host's PID 1: how they start, say that they are up, and end."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.host.layer import HOSTNAME
from tests.host.runs import make_groups
from tests.network.namespaces import Host as Namespace

_STARTING_S: Final = 60.0
_ENDING_S: Final = 15.0


class HostNotStarted(RuntimeError):
    """The host did not come up; the message has the end of what it said."""


class Boot:
    """A host's processes. `leader` is the pid, here, of its PID 1."""

    def __init__(
        self, folder: Path, process: subprocess.Popen[bytes], notified: socket.socket
    ) -> None:
        self.folder, self.process = folder, process
        self.leader = 0
        self._notified = notified
        self._changed = threading.Condition()
        self._boots = self._waited_for = 0
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        """systemd tells it after every daemon-reload too, and waits while nobody takes it: read on,
        or the host's PID 1 stands still after a dozen of them."""
        starting = 0
        while data := _received(self._notified):
            for line in data.decode().splitlines():
                name, _, value = line.partition("=")
                if name == "X_NSPAWN_LEADER_PID":
                    starting = int(value)
                if line == "READY=1" and starting:
                    with self._changed:
                        self.leader, starting = starting, 0
                        self._boots += 1
                        self._changed.notify_all()

    def wait_until_up(self) -> None:
        """Until systemd says that it has started, for the first time or again.

        Raises `HostNotStarted`.
        """
        deadline = time.monotonic() + _STARTING_S
        with self._changed:
            while time.monotonic() < deadline and self.process.poll() is None:
                if self._boots > self._waited_for:
                    self._waited_for += 1
                    return
                self._changed.wait(0.2)
        console = (self.folder / "console.log").read_text(encoding="utf-8", errors="replace")
        raise HostNotStarted(f"The test host did not start:\n{console[-2000:]}")


def _received(notified: socket.socket) -> bytes:
    """The next message; nothing once the socket is closed."""
    try:
        return notified.recv(4096)
    except OSError:
        return b""


@contextlib.contextmanager
def booting(folder: Path, lower: str, server: Namespace) -> Iterator[Boot]:
    """A host that is up, with `server` for its network and its mounts in `folder`."""
    with _notifications(folder / "notify") as notified, _process(folder, lower, server) as process:
        boot = Boot(folder, process, notified)
        boot.wait_until_up()
        yield boot


@contextlib.contextmanager
def _notifications(path: Path) -> Iterator[socket.socket]:
    """Where nspawn tells the host's PID 1 and that it is up: sd_notify(3)."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
        notified.bind(str(path))
        try:
            yield notified
        finally:
            with contextlib.suppress(OSError):  # ends whoever still reads
                notified.shutdown(socket.SHUT_RDWR)


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
