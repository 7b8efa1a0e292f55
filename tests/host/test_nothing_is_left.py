"""Looking at a server changes nothing on it."""

from __future__ import annotations

import re

import pytest

from tests.host.examining import doctor
from tests.host.layout import SUDO_PASSWORD
from tests.host.machine import Host

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


@pytest.mark.parametrize(
    ("user", "password"), [("ubuntu", ""), ("asks", SUDO_PASSWORD), ("asks", ""), ("guest", "")]
)
def test_the_same_files_and_the_same_processes_before_and_after(
    host: Host, user: str, password: str
) -> None:
    # Once, so that caches of the services are as full as they get; Debian's sudo notes in the home
    # of a user that it has been used.
    doctor(host, inside=False)
    host.ssh(f"echo '{password}' | sudo -S true; ls -A > /dev/null", user=user, check=False)
    files, processes = _files(host), _processes(host)
    report = doctor(host, user=user, sudo_password=password)
    assert report["vantages"]["server"]
    host.wait_until("! ps -eo args --no-headers | grep -E '^(python3 -I|sshd:.*@)'")
    assert set(_files(host)) ^ set(files) == set()
    assert _processes(host) == processes


def _files(host: Host) -> list[str]:
    found = host.shell(_FILES).stdout.splitlines()
    assert len(found) > 1000
    return found


def _processes(host: Host) -> list[str]:
    found = host.shell(_PROCESSES).stdout.splitlines()
    assert any("systemd-journald" in line for line in found)
    return sorted(line for line in found if not _PASSING.match(line))
