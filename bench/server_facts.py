"""The server's facts in one round trip beside the same facts by one command each, as people do it.

On the tests' host, a real Debian with systemd, with 0 and 50 ms of added round trip. By hand: the
commands of the guides and of anybody who looks for the same; once over one connection that all of
them share (OpenSSH's ControlMaster), once with a connection for each; and as facts of pyinfra,
which has to be on PATH (`pipx install pyinfra`).
"""

from __future__ import annotations

import contextlib
import json
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench.delay import longer_way
from bench.timing import run, show, side_by_side
from tests.host.examining import fingerprint
from tests.host.hosts import hosts
from tests.host.layout import API_UNIT, LIVEKIT_UNIT, REMOTE_DIR
from tests.host.machine import Host
from tests.real import require_host

_ROUNDS: Final = 5
_UNITS: Final = f"{API_UNIT} {LIVEKIT_UNIT} nginx.service"
BY_HAND: Final = (
    f"systemctl show {_UNITS}",
    *(f"sudo journalctl -b -u {unit} -n 200 --no-pager -o json" for unit in _UNITS.split()),
    "sudo journalctl -b -k -n 1500 --no-pager -o json",
    "sudo ss -Hlntup",
    "ps -eo pid,user,args",
    "sudo nft list ruleset",
    "sudo iptables-save",
    "sudo ip6tables-save",
    f"ls -la {REMOTE_DIR} {REMOTE_DIR}/adapters",
    f"cut -d= -f1 {REMOTE_DIR}/.env.local",
    f"{REMOTE_DIR}/.venv/bin/pip list",
    "sudo grep -v secret /etc/livekit.yaml",
    "sudo nginx -T",
    "sudo openssl x509 -in /etc/ssl/eloquence/chain.pem -noout -subject -dates",
    "sudo tail -n 5000 /var/log/nginx/access.log",
    "sudo tail -n 500 /var/log/nginx/error.log",
    f"df -B1 / {REMOTE_DIR} /var/log /tmp",
    f"df -i / {REMOTE_DIR} /var/log /tmp",
    "free -b; cat /proc/loadavg",
    "date +%s.%N; timedatectl",
    "tail -n 200 /var/log/dpkg.log",
)


_PYINFRA_FACTS: Final = """\
from pyinfra import host
from pyinfra.facts.server import Command

for command in {commands}:
    host.get_fact(Command, command=command + " || true")
"""


def _pyinfra() -> str:
    return shutil.which("pyinfra") or sys.exit("bench: install pyinfra first")


@dataclass(frozen=True)
class Way:
    """To the host: as `ubuntu`, by a port of the client's own."""

    host: Host
    port: int
    folder: Path
    seconds: dict[str, list[float]] = field(default_factory=dict)
    """Of each run: as a whole, its two parts that wait on the server most, and these together,
    which is what the facts take without the requests sent from there."""

    def check_server(self) -> None:
        """The whole command, which also sends four requests from there."""
        recording = self.folder / "recording.json"
        self.host.eloquence(
            *("check-server", "--server", f"ubuntu@127.0.0.1:{self.port}"),
            *("--server-key", fingerprint(self.host), "--record", str(recording)),
            ELOQUENCE_SSH_KEY=str(self.host.key_path),
        )
        made = json.loads(recording.read_text(encoding="utf-8"))
        self.seconds.setdefault("the run", []).append(made["duration_s"])
        took = {entry["kind"]: entry["duration_s"] for entry in made["observations"]}
        for kind in ("server.reach", "server.facts"):
            self.seconds.setdefault(kind, []).append(took[kind])
        alone = took["server.reach"] + took["server.facts"]
        self.seconds.setdefault("the facts alone", []).append(alone)

    def one_connection(self) -> None:
        """Opened, used for every command, closed."""
        control = ("-o", f"ControlPath={self.folder}/control")
        self._ssh(*control, "-o", "ControlMaster=yes", "-o", "ControlPersist=60", "true")
        for command in BY_HAND:
            self._ssh(*control, command)
        self._ssh(*control, "-O", "exit")

    def a_connection_each(self) -> None:
        for command in BY_HAND:
            self._ssh(command)

    def pyinfra(self) -> None:
        """One connection, each command a fact."""
        deploy, inventory = self.folder / "facts.py", self.folder / "inventory.py"
        deploy.write_text(_PYINFRA_FACTS.format(commands=list(BY_HAND)), encoding="utf-8")
        at = {
            "ssh_port": self.port,
            "ssh_user": "ubuntu",
            "ssh_key": str(self.host.key_path),
            "ssh_known_hosts_file": str(self.folder / "known_hosts"),
            "ssh_strict_host_key_checking": "accept-new",
        }
        inventory.write_text(f"hosts = [('127.0.0.1', {at})]\n", encoding="utf-8")
        inside = ["ip", "netns", "exec", self.host.client.name]
        run([*inside, _pyinfra(), "-y", str(inventory), str(deploy)])

    def _ssh(self, *words: str) -> None:
        options = (
            *("-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes"),
            *("-o", f"UserKnownHostsFile={self.host.known_hosts}"),
            *("-o", f"HostKeyAlias={self.host.address}"),
            *("-i", str(self.host.key_path), "-p", str(self.port)),
        )
        *more, last = words
        place = ("ubuntu@127.0.0.1",)
        tail = (*more, last, *place) if last == "exit" else (*more, *place, last)
        run(["ip", "netns", "exec", self.host.client.name, "ssh", *options, *tail])


def main() -> None:
    """Goals for the facts alone: at most 1.5 s, and at most 0.6 s more with 50 ms of round trip."""
    _pyinfra()
    with hosts(Path(require_host())) as boot_host, boot_host() as host:
        for round_trip_ms in (0, 50):
            with _way(host, round_trip_ms / 1000) as way:
                _compare(way, round_trip_ms)


@contextlib.contextmanager
def _way(host: Host, round_trip_s: float) -> Iterator[Way]:
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        # The relay's thread is made there, and stays there.
        with host.client.entered():
            port = stack.enter_context(longer_way(22, round_trip_s, host.address))
        yield Way(host, port, Path(folder))


def _compare(way: Way, round_trip_ms: int) -> None:
    ours, peer = "eloquence check-server", "ssh, one connection, 1 command each"
    figures = side_by_side(
        {
            ours: way.check_server,
            peer: way.one_connection,
            "ssh, a connection for each command": way.a_connection_each,
            "pyinfra, each command a fact": way.pyinfra,
        },
        rounds=_ROUNDS,
    )
    title = f"{len(BY_HAND)} commands' facts, {round_trip_ms} ms of added round trip"
    show(f"{title} (whole processes)", figures, ours, peer)
    for name, found in way.seconds.items():
        print(f"  of ours: {name:<25} {statistics.median(found[1:]) * 1000:8.1f} ms")
