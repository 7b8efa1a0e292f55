"""tail-logs on real hosts: several logs at once, while links break and journald is restarted."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest

from tests.host.examining import fingerprint
from tests.host.hosts import BootHost
from tests.host.links import cut, silence
from tests.host.machine import Host

UNITS: Final = ("writer-one", "writer-two", "writer-three")
LINES_OF_A_UNIT: Final = 17_000  # 51,000 altogether
CUTS: Final = 20
RESTARTS: Final = 6
OTHER_ADDRESS: Final = "198.51.100.2"
_WRITER: Final = """
import os, sys, time
name, least, pause = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
number = 0
while number < least or os.path.exists("/run/go-on"):
    print(f"{name} {number}", flush=True)
    number += 1
    if number % 50 == 0:
        time.sleep(pause)
print(f"{name} end {number}", flush=True)
"""
_UNIT: Final = """
[Service]
Type=exec
ExecStart=/usr/bin/python3 /root/writer.py {name} {count} {pause}
LogRateLimitIntervalSec=0
"""
# Enough room that journald throws nothing away, and no limit of its own.
_JOURNALD: Final = "[Journal]\nRuntimeMaxUse=400M\nSystemMaxUse=400M\nRateLimitIntervalSec=0\n"

Shown = list[dict[str, Any]]


class Tail:
    """`eloquence tail-logs` of the client, its output in a file."""

    def __init__(self, host: Host, *arguments: str, stdin: int = subprocess.DEVNULL) -> None:
        self._host, self._out = host, host.boot.folder / f"tail-{time.monotonic_ns()}"
        environ = {
            "HOME": str(host.boot.folder),
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "ELOQUENCE_SSH_KEY": str(host.key_path),
        }
        words = ["ip", "netns", "exec", host.client.name, sys.executable, "-m", "eloquence_ops"]
        with self._out.open("wb") as out, self._out.with_suffix(".err").open("wb") as err:
            self.process = subprocess.Popen(
                [*words, "tail-logs", "--server-key", fingerprint(host), *arguments],
                stdin=stdin,
                stdout=out,
                stderr=err,
                env=environ,
            )

    def text(self) -> str:
        return self._out.read_text(encoding="utf-8")

    def shown(self) -> Shown:
        return [json.loads(line) for line in self.text().splitlines()]

    def complaint(self) -> str:
        return self._out.with_suffix(".err").read_text(encoding="utf-8")

    def wait_for(self, *texts: str, timeout_s: float = 60) -> None:
        deadline = time.monotonic() + timeout_s
        while not all(text in self.text() for text in texts):
            assert self.process.poll() is None, self.complaint()
            assert time.monotonic() < deadline, self.text()[-3000:]
            time.sleep(0.1)

    def wait_for_event(self, event: str, count: int) -> None:
        deadline = time.monotonic() + 60
        while self.text().count(f'"event": "{event}"') < count:
            assert self.process.poll() is None, self.complaint()
            assert time.monotonic() < deadline, self.text()[-3000:]
            time.sleep(0.1)

    def interrupt(self) -> int:
        self.process.send_signal(2)
        return self.process.wait(20)


@contextlib.contextmanager
def tailing(host: Host, *arguments: str, **rest: Any) -> Iterator[Tail]:
    tail = Tail(host, *arguments, **rest)
    try:
        yield tail
    finally:
        tail.process.kill()
        tail.process.wait(20)


def write_units(host: Host, count: int, pause: float, names: tuple[str, ...] = UNITS) -> None:
    host.write("/root/writer.py", _WRITER)
    host.write("/etc/systemd/journald.conf.d/90-room.conf", _JOURNALD)
    for name in names:
        unit = _UNIT.format(name=name, count=count, pause=pause)
        host.write(f"/etc/systemd/system/{name}.service", unit)
    host.shell("systemctl daemon-reload && systemctl restart systemd-journald")


def messages(shown: Shown, source: str) -> list[str]:
    return [
        entry["message"]
        for entry in shown
        if entry["type"] == "entry" and entry["source"] == source
    ]


def asked_for(names: tuple[str, ...] = UNITS) -> list[str]:
    return [word for name in names for word in ("--unit", f"{name}.service")]


def numbered(shown: Shown, name: str, source: str) -> int:
    """How many lines there are: every one, in order, once; `source` is where they should be."""
    *written, end = (line for line in messages(shown, source) if line.startswith(f"{name} "))
    assert written == [f"{name} {number}" for number in range(len(written))]
    assert end == f"{name} end {len(written)}"
    return len(written)


def test_not_a_line_is_lost_or_comes_twice_while_links_break_and_journald_restarts(
    host: Host,
) -> None:
    write_units(host, LINES_OF_A_UNIT, 0.08)
    chance = random.Random(20)
    restarts = set(chance.sample(range(CUTS), RESTARTS))
    arguments = ("--server", host.ssh_target, *asked_for(), "--lines", "all", "--output", "json")
    host.shell("touch /run/go-on")
    with tailing(host, *arguments) as tail:
        host.shell("systemctl start " + " ".join(UNITS))
        tail.wait_for(*(f'{name} 10"' for name in UNITS))
        for number in range(CUTS):
            time.sleep(chance.uniform(0.1, 1.0))
            if number in restarts:
                host.shell("systemctl restart systemd-journald")
            if number == CUTS // 2:
                with silence(host):
                    tail.wait_for_event("lost", number + 1)
                    time.sleep(8)  # longer than a link may be silent
            else:
                cut(host)
            tail.wait_for_event("resumed", number + 1)
        host.shell("rm /run/go-on")
        tail.wait_for(*(f"{name} end" for name in UNITS), timeout_s=120)
        assert tail.interrupt() == 130
        shown = tail.shown()
    assert sum(numbered(shown, name, name) for name in UNITS) >= 50_000
    events = [entry["event"] for entry in shown if entry["type"] == "note"]
    assert events.count("lost") == events.count("resumed") == CUTS
    assert "gap" not in events
    host.wait_until("! pgrep -f '[j]ournalctl'", timeout_s=30)


@contextlib.contextmanager
def cable(one: Host, other: Host) -> Iterator[None]:
    """`one`'s client reaches `other` as well."""
    name, peer = (f"{kind}{other.server.name[5:]}"[:15] for kind in ("eja", "ejb"))
    words = ("ip", "link", "add", name, "type", "veth", "peer", "name", peer)
    one.client.run(*words, "netns", f"/run/netns/{other.server.name}")
    for host, link, address in (
        (one.client, name, "198.51.100.1/24"),
        (other.server, peer, f"{OTHER_ADDRESS}/24"),
    ):
        host.run("ip", "address", "add", address, "dev", link)
        host.run("ip", "link", "set", link, "up")
    yield


def test_two_hosts_units_a_file_and_the_app_are_one_stream_in_order(
    boot_host: BootHost, tmp_path: Path
) -> None:
    with boot_host() as one, boot_host() as other, cable(one, other):
        for host in (one, other):
            write_units(host, 400, 0.05)
        app = tmp_path / "app.log"
        app.write_text("")
        arguments = [
            *("--server", one.ssh_target, "--server", f"ubuntu@{OTHER_ADDRESS}"),
            *asked_for(),
            *("--file", "/var/log/nginx/access.log", "--app-log", str(app)),
            *("--lines", "all", "--output", "json"),
        ]
        with tailing(one, *arguments) as tail:
            time.sleep(3)
            for host in (one, other):
                host.shell("systemctl --no-block start " + " ".join(UNITS))
            with app.open("a") as file:
                for number in range(60):
                    file.write(f"{datetime.now()} flutter step {number}\n")
                    file.flush()
                    if number % 10 == 0:
                        one.curl("https://xn--loquence-90a.test/", check=False)
                        one.shell(f"curl -s -o /dev/null http://127.0.0.1/asked/{number}")
                    time.sleep(0.02)
            tail.wait_for("flutter step 59", "asked/50")
            deadline = time.monotonic() + 60
            while tail.text().count(' end 400"') < 6 and time.monotonic() < deadline:
                time.sleep(0.1)
            assert tail.interrupt() == 130
            shown = [entry for entry in tail.shown() if entry["type"] == "entry"]
    sources = {entry["source"] for entry in shown}
    hosts = {source.partition("/")[0] for source in sources if "/" in source}
    assert len(hosts) == 2
    for host_name in hosts:
        for name in UNITS:
            assert numbered(shown, name, f"{host_name}/{name}") == 400
    assert len([line for line in messages(shown, "app") if "flutter step" in line]) == 60
    (web,) = {s for s in sources if s.endswith("access.log") and s.startswith(one.address)}
    assert sum("asked/" in line for line in messages(shown, web)) == 6
    # By time, within the window; nginx writes whole seconds, so that its lines are left out.
    times = [entry["at"] for entry in shown if "access.log" not in entry["source"]]
    late = sum(later < earlier for earlier, later in itertools.pairwise(times))
    assert late <= len(times) // 100


def test_a_vanished_cursor_is_said(host: Host) -> None:
    write_units(host, 50, 0.0, UNITS[:1])
    arguments = ("--server", host.ssh_target, *asked_for(UNITS[:1]), "--output", "json")
    with tailing(host, *arguments) as tail:
        host.shell(f"systemctl start {UNITS[0]}")
        tail.wait_for(f"{UNITS[0]} end")
        with silence(host):
            tail.wait_for('"event": "lost"')
            host.shell("journalctl --rotate && journalctl --vacuum-size=1 && "
                       "systemctl stop systemd-journald.service && "
                       "rm -rf /run/log/journal/* /var/log/journal/* && "
                       "systemctl start systemd-journald.service")  # fmt: skip
            host.shell(f"systemctl restart {UNITS[0]}")
        tail.wait_for('"event": "gap"')
        assert tail.interrupt() == 130


@pytest.mark.parametrize("user", ["ubuntu", "guest"])
def test_nothing_is_left_on_the_server(host: Host, user: str) -> None:
    def there() -> tuple[str, str]:
        files = host.shell("find / -xdev -newer /tmp/stamp -type f -not -path '/proc/*' "
                           "-not -path '/sys/*' -not -path '/run/*' -not -path '/var/log/*' "
                           "-not -path '/var/lib/systemd/*' -not -name .sudo_as_admin_successful "
                           "2>/dev/null").stdout  # fmt: skip
        return files, host.shell("pgrep -fa '[j]ournalctl|[p]ython3 -I' || true").stdout

    host.shell("touch /tmp/stamp")
    target = f"{user}@{host.address}"
    with tailing(host, "--server", target, "--lines", "3") as tail:
        time.sleep(4)
        if user == "ubuntu":
            tail.wait_for("api")
        tail.process.kill()
        tail.process.wait(20)
    host.wait_until("! pgrep -f '[j]ournalctl|[p]ython3 -I'", timeout_s=40)
    assert there() == ("", "")
