"""Looking at a server changes nothing on it."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.cli.command import COMMAND, environment
from tests.host.examining import doctor, fingerprint
from tests.host.layout import SUDO_PASSWORD
from tests.host.machine import Host
from tests.real import require

pytestmark = pytest.mark.real

# What others write because somebody came: sshd and sudo into the journal and their records of
# logins, systemd for the session, nspawn in /run/host, nginx and LiveKit for the requests.
_BY_OTHERS = (
    r"/var/log/(journal|nginx|private)/|/var/log/(wtmp|btmp|lastlog|auth\.log|syslog)$|"
    r"/var/lib/(systemd|sudo)/|/run/(host|log|systemd|user|utmp|sudo|dbus|motd|udev)|"
    r"/tmp/systemd-private|/var/tmp/systemd-private|/(run|tmp) "
)
_FILES = (
    "find / -xdev \\( -path /proc -o -path /sys -o -path /dev \\) -prune -o "
    f"-printf '%p %y %m %u %s %T@ %C@\\n' 2>/dev/null | grep -vE '^({_BY_OTHERS})' | sort; "
    "find /run /tmp -printf '%p %y %m %u %s %T@ %C@\\n' 2>/dev/null "
    f"| grep -vE '^({_BY_OTHERS})' | sort"
)
_PROCESSES = "ps -eo user:20,args --no-headers"
# What looks itself, and the user manager that a login leaves for some seconds more.
_PASSING = re.compile(
    r"^\S+ +(?:(?:bash -c )?ps -eo |(?:/usr)?/lib/systemd/systemd --user$|\(sd-pam\)$)"
)


# Debian's sudo itself notes so, once, for a user who may become root. The overlay that the host is
# on then copies that home, which touches the folder above.
_BY_SUDO = ("/home ", "/home/{user} ", "/home/{user}/.sudo_as_admin_successful ")


@dataclass(frozen=True)
class State:
    """What is on the host: every file with its owner, mode, size and times; every process."""

    files: frozenset[str]
    processes: tuple[str, ...]


def state(host: Host) -> State:
    return State(frozenset(_files(host)), tuple(_processes(host)))


def assert_nothing_is_left(host: Host, before: State, user: str, *, sudo: bool) -> None:
    host.wait_until("! ps -eo args --no-headers | grep -E '^(python3 -I|sudo |sshd:.*@)'")
    after = state(host)
    allowed = tuple(place.format(user=user) for place in _BY_SUDO) if sudo else ()
    different = sorted(before.files ^ after.files)
    assert [line for line in different if not line.startswith(allowed or ("\0",))] == []
    assert after.processes == before.processes


@pytest.mark.parametrize(
    ("user", "password"), [("ubuntu", ""), ("asks", SUDO_PASSWORD), ("asks", ""), ("guest", "")]
)
def test_the_same_files_and_the_same_processes_before_and_after(
    host: Host, user: str, password: str
) -> None:
    before = state(host)
    report = doctor(host, user=user, sudo_password=password)
    assert report["vantages"]["server"]
    assert_nothing_is_left(host, before, user, sudo=user == "ubuntu" or bool(password))


Interruption = Callable[[Host, "subprocess.Popen[bytes]"], None]


def _interrupted(_host: Host, client: subprocess.Popen[bytes]) -> None:
    client.send_signal(signal.SIGINT)
    assert client.wait(30) == 130


def _killed(_host: Host, client: subprocess.Popen[bytes]) -> None:
    client.kill()
    client.wait(30)


def _cut_off(host: Host, client: subprocess.Popen[bytes]) -> None:
    """Nothing goes out any more, until the client has given up."""
    _in_clients_network(host, f"add table inet cut {{ chain out {{ {_DROPPING} }}; }}")
    assert client.wait(90) in (1, 3)
    _in_clients_network(host, "delete table inet cut")


_DROPPING = "type filter hook output priority 0; tcp dport 22 drop;"


def _in_clients_network(host: Host, rules: str) -> None:
    words = ["ip", "netns", "exec", host.client.name, require("nft"), rules]
    subprocess.run(words, check=True, timeout=20)


@pytest.mark.parametrize("how", [_interrupted, _killed, _cut_off], ids=lambda how: how.__name__)
def test_of_a_run_that_was_interrupted_neither(host: Host, how: Interruption) -> None:
    """In the middle of the facts: one of their commands takes long."""
    host.write("/usr/local/sbin/nft", "#!/bin/sh\nexec sleep 77\n")
    host.shell("chmod 755 /usr/local/sbin/nft")
    before = state(host)
    client = subprocess.Popen(
        [
            *("ip", "netns", "exec", host.client.name, *COMMAND, "check-server"),
            *("--server", f"ubuntu@{host.address}", "--server-key", fingerprint(host)),
        ],
        env=environment(host.boot.folder, {"ELOQUENCE_SSH_KEY": str(host.key_path)}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        host.wait_until("pgrep --full 'sleep 77'")
        how(host, client)
    finally:
        client.kill()
        client.wait(10)
    host.wait_until("! pgrep --full '^sleep 77'")
    assert_nothing_is_left(host, before, "ubuntu", sudo=True)


def _files(host: Host) -> list[str]:
    found = host.shell(_FILES).stdout.splitlines()
    assert len(found) > 1000
    return found


def _processes(host: Host) -> list[str]:
    found = host.shell(_PROCESSES).stdout.splitlines()
    assert any("systemd-journald" in line for line in found)
    return sorted(line for line in found if not _PASSING.match(line))
