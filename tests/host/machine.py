"""A real Linux host: Debian, with systemd as PID 1, in a network namespace of its own."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from eloquence_ops.endpoints import a_label
from tests.host.boot import Boot, booting
from tests.host.layer import Access, Keys
from tests.host.layout import AGENT_UNIT, API_NAME, API_UNIT, LIVEKIT_NAME, LIVEKIT_UNIT
from tests.host.runs import host_folder
from tests.network.namespaces import ROOT, SERVER_V4, two_hosts
from tests.network.namespaces import Host as Namespace

_CLEAN: Final = (
    *("env", "-i", "--chdir=/", "LANG=C.UTF-8"),
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
)

Done = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Host:
    """The host while it runs, and a client beside it with a cable between them.

    `client` and `server` are network namespaces; `address` exists in those two only.
    """

    client: Namespace
    server: Namespace
    access: Access
    keys: Keys
    boot: Boot

    address = SERVER_V4

    @property
    def ssh_target(self) -> str:
        """Who and where, for `ssh` and for `--server`."""
        return f"ubuntu@{self.address}"

    @property
    def key_path(self) -> Path:
        """The private key of all its users."""
        return self.access.key_path

    @property
    def known_hosts(self) -> Path:
        """A file with the host's own key."""
        return self.access.known_hosts

    @property
    def ca_path(self) -> Path:
        """The root that issued what nginx shows."""
        return self.access.ca_path

    def entering(self, *command: str) -> list[str]:
        """The words that run a command on the host as root, with nothing of this environment."""
        enter = ("nsenter", f"--target={self.boot.leader}", "--mount", "--uts", "--ipc", "--net")
        return [*enter, "--pid", "--cgroup", "--root", "--", *_CLEAN, *command]

    def shell(
        self, command: str, *, check: bool = True, user: str = "root", timeout_s: float = 60
    ) -> Done:
        """A bash command on the host, not by way of its network.

        Raises `AssertionError` with what it said when it fails, unless told not to check.
        """
        words = ["bash", "-c", command] if user == "root" else _as_user(user, command)
        return _run(self.entering(*words), check=check, timeout_s=timeout_s)

    def ssh(
        self, command: str, *, check: bool = True, user: str = "ubuntu", timeout_s: float = 60
    ) -> Done:
        """The same by way of sshd, from the client: a login session, as a person has it."""
        words = [
            *("ip", "netns", "exec", self.client.name, "ssh", "-F", "none", "-o", "BatchMode=yes"),
            *("-o", f"UserKnownHostsFile={self.known_hosts}", "-o", "IdentitiesOnly=yes"),
            *("-i", str(self.key_path), f"{user}@{self.address}", command),
        ]
        return _run(words, check=check, timeout_s=timeout_s)

    def eloquence(self, *arguments: str, timeout_s: float = 120, **environ: str) -> Done:
        """The real command, run by the client; its exit code is the caller's to judge."""
        home = {"HOME": str(self.boot.folder), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
        words = ["ip", "netns", "exec", self.client.name, sys.executable, "-m", "eloquence_ops"]
        return _run([*words, *arguments], check=False, timeout_s=timeout_s, env=home | environ)

    def write(self, path: str, text: str) -> None:
        """A file on the host, as root; one that is there keeps its owner and mode."""
        command = 'mkdir -p "$(dirname "$0")" && cat >"$0"'
        _run(self.entering("bash", "-c", command, path), check=True, timeout_s=30, stdin=text)

    def read(self, path: str) -> str:
        """A file of the host's."""
        return _run(self.entering("cat", path), check=True, timeout_s=30).stdout

    def shows(self, unit: str, *properties: str) -> dict[str, str]:
        """What systemd has loaded and knows of a unit."""
        names = ",".join(properties)
        lines = self.shell(f"systemctl show {unit} --property={names}").stdout.splitlines()
        return {name: value for name, _, value in (line.partition("=") for line in lines)}

    @contextlib.contextmanager
    def resolver(self) -> Iterator[str]:
        """A DNS server beside the client that knows the two names; yields its address."""
        names = ",".join(f"{name}={self.address}" for name in (API_NAME, LIVEKIT_NAME))
        with self.client.services(f"dns=127.0.0.1:53,{names}"):
            yield "127.0.0.1"

    def curl(self, *arguments: str, check: bool = True) -> Done:
        """curl by the client, which knows the two names and trusts what issued them."""
        names = (f"{a_label(name)}:443:{self.address}" for name in (API_NAME, LIVEKIT_NAME))
        words = [
            *("ip", "netns", "exec", self.client.name, "curl", "--silent", "--show-error"),
            *("--noproxy", "*", "--max-time", "10", "--cacert", str(self.ca_path)),
            *(word for name in names for word in ("--resolve", name)),
        ]
        return _run([*words, *arguments], check=check, timeout_s=30)

    def wait_until(self, command: str, *, timeout_s: float = 30) -> str:
        """Until a command succeeds on the host; what it printed then."""
        deadline = time.monotonic() + timeout_s
        while True:
            done = self.shell(command, check=False)
            if done.returncode == 0:
                return done.stdout
            assert time.monotonic() < deadline, f"never came true: {command}\n{done.stderr}"
            time.sleep(0.05)

    def reboot(self) -> None:
        """As `systemctl reboot` does it: what was written stays, what was not enabled is not there.

        Firewall rules stay too: the network namespace is the test's, not the kernel's own.
        """
        self.shell("systemctl --no-block reboot")
        self.boot.wait_until_up()

    def cut_power(self) -> None:
        """And gives it back: nobody is told, and nothing is ended in order."""
        self.shell("systemctl reboot --force --force", check=False)
        self.boot.wait_until_up()

    def wait_until_healthy(self) -> None:
        """Until systemd is content, both services answer, and LiveKit has the coach's worker."""
        self.wait_until(_HEALTHY)


_UNITS: Final = f"{API_UNIT} {LIVEKIT_UNIT} {AGENT_UNIT} nginx.service ssh.service"
_HEALTHY: Final = f"""
test "$(systemctl is-system-running)" = running &&
systemctl --quiet is-active {_UNITS} &&
systemctl --quiet is-enabled {_UNITS} &&
curl --silent --fail --max-time 2 http://127.0.0.1:8083/ &&
curl --silent --fail --max-time 2 http://127.0.0.1:7880/ &&
test "$(systemctl show {AGENT_UNIT} --property=StatusText --value)" = registered
"""


@contextlib.contextmanager
def booted(run: Path, lower: str, access: Access, keys: Keys) -> Iterator[Host]:
    """A host in a clean state, healthy; `lower` is what lies under its overlay.

    `run` is the folder of this run. Nothing of the host is left at the end.

    Raises:
        HostNotStarted: it ended while it started, or took too long.
    """
    with (
        host_folder(run) as folder,
        two_hosts(tag=folder.name) as (client, server),
        booting(folder, lower, server) as boot,
    ):
        host = Host(client, server, access, keys, boot)
        host.wait_until_healthy()
        yield host


def _as_user(user: str, command: str) -> list[str]:
    return ["runuser", "--login", user, "--command", command]


def _run(
    words: list[str],
    *,
    check: bool,
    timeout_s: float,
    stdin: str = "",
    env: dict[str, str] | None = None,
) -> Done:
    done = subprocess.run(
        words,
        check=False,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout_s,
        input=stdin,
        cwd=ROOT,
        env=env,
    )
    if check:
        said = f"{words[-1]}\nexit {done.returncode}\n{done.stdout}{done.stderr}"
        assert done.returncode == 0, said
    return done
