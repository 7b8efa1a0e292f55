"""One login and one command: for all the facts, and for a whole deploy."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.host.deploying import QUICK, deployed
from tests.host.examining import fingerprint
from tests.host.machine import Host
from tests.host.sources import source

pytestmark = pytest.mark.real


@pytest.mark.parametrize("user", ["ubuntu", "guest"])
def test_sshd_sees_one_login_and_one_command(host: Host, user: str) -> None:
    """Whatever way there is to root: it is found out and gone in the same command."""
    _tell_more(host)
    done = host.eloquence(
        *("check-server", "--server", f"{user}@{host.address}"),
        *("--server-key", fingerprint(host), "--output", "json"),
        ELOQUENCE_SSH_KEY=str(host.key_path),
    )
    (facts,) = (
        entry for entry in json.loads(done.stdout)["findings"] if entry["check"] == "server.facts"
    )
    assert facts["status"] == "pass" if user == "ubuntu" else facts["id"].endswith("without-root")
    _once(host)


def test_a_deploy_goes_on_in_the_program_that_looked_at_the_server(
    host: Host, tmp_path: Path
) -> None:
    _tell_more(host)
    found = deployed(host, source(tmp_path / "source"), *QUICK)
    assert found["outcome"] == "deployed"
    _once(host)


def _tell_more(host: Host) -> None:
    host.write("/etc/ssh/sshd_config.d/verbose.conf", "LogLevel VERBOSE\n")
    host.shell("systemctl restart ssh")


def _once(host: Host) -> None:
    log = host.shell("journalctl _COMM=sshd --boot --output=cat --no-pager").stdout
    assert log.count("Connection from") == 1
    assert log.count("Accepted publickey") == 1
    assert log.count("Starting session: command") == 1
    assert "Starting session: shell" not in log
