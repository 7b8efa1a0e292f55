"""One login and one command for all the facts, on a real host as on any."""

from __future__ import annotations

import json

import pytest

from tests.host.examining import fingerprint
from tests.host.machine import Host

pytestmark = pytest.mark.real


@pytest.mark.parametrize("user", ["ubuntu", "guest"])
def test_sshd_sees_one_login_and_one_command(host: Host, user: str) -> None:
    """Whatever way there is to root: it is found out and gone in the same command."""
    host.write("/etc/ssh/sshd_config.d/verbose.conf", "LogLevel VERBOSE\n")
    host.shell("systemctl restart ssh")
    done = host.eloquence(
        *("check-server", "--server", f"{user}@{host.address}"),
        *("--server-key", fingerprint(host), "--output", "json"),
        ELOQUENCE_SSH_KEY=str(host.key_path),
    )
    (facts,) = (
        entry for entry in json.loads(done.stdout)["findings"] if entry["check"] == "server.facts"
    )
    assert facts["status"] == "pass" if user == "ubuntu" else facts["id"].endswith("without-root")
    log = host.shell("journalctl _COMM=sshd --boot --output=cat --no-pager").stdout
    assert log.count("Connection from") == 1
    assert log.count("Accepted publickey") == 1
    assert log.count("Starting session: command") == 1
    assert "Starting session: shell" not in log
