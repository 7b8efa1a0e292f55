"""deploy from every state a server may be in: it serves afterwards, and there is a way back."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.host.deploying import (
    QUICK,
    current_digests,
    deploy,
    deployed,
    digests,
    document,
    eloquence,
    serves,
    stray,
    version_of,
)
from tests.host.examining import directly
from tests.host.layout import AGENT_UNIT, API_UNIT, REMOTE_DIR
from tests.host.machine import Host
from tests.host.sources import signed_sessions, source, version
from tests.host.states import ENV_LOCAL, bare, hand_started

pytestmark = pytest.mark.real

_HIGHEST_EXPOSURE = 2.0
_LOGINS = "journalctl _COMM=sshd --boot --output=cat --no-pager"


@pytest.fixture
def first(tmp_path: Path) -> Path:
    return source(tmp_path / "first", signed_sessions, version("1"))


@pytest.fixture
def second(tmp_path: Path) -> Path:
    return source(tmp_path / "second", signed_sessions, version("2"))


def test_a_bare_server_serves_after_one_command_and_a_second_one_changes_nothing(
    host: Host, first: Path, tmp_path: Path
) -> None:
    bare(host)
    env_file = tmp_path / "env"
    env_file.write_text(host.read(ENV_LOCAL), encoding="utf-8")
    with host.resolver() as resolver:
        look = (*directly(host), "--resolver", resolver, "--watch", "1")
        deployed(host, first, *look, "--env-file", str(env_file))
    assert (version_of(host), serves(host), stray(host)) == ("1", True, [])
    assert current_digests(host) == digests(first)
    settings = host.shell(f"stat -Lc '%U %a' {REMOTE_DIR}/.env.local").stdout
    assert settings == "ubuntu 600\n"
    _units_are_sound(host)
    host.write("/etc/ssh/sshd_config.d/verbose.conf", "LogLevel VERBOSE\n")
    host.shell("systemctl restart ssh && touch /tmp/stamp")
    before = host.shell(_LOGINS).stdout

    again = deployed(host, first, *QUICK)

    assert again["plan"]["nothing"] is True
    log = host.shell(_LOGINS).stdout.removeprefix(before)
    assert log.count("Accepted publickey") == 1
    assert 1 <= log.count("Starting session: command") <= 3
    written = host.shell(
        f"find {REMOTE_DIR} /etc/systemd /var/lib/eloquence-deploy -newer /tmp/stamp"
    )
    assert written.stdout == ""

    host.reboot()
    host.wait_until("curl --silent --fail --max-time 5 http://127.0.0.1:8083/")
    assert version_of(host) == "1"


def _units_are_sound(host: Host) -> None:
    unit, socket = API_UNIT, API_UNIT.replace(".service", ".socket")
    assert host.shell(f"systemd-analyze verify {unit} {socket} 2>&1").stdout == ""
    shown = host.shell(f"systemd-analyze security --no-pager {unit}").stdout
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", shown)
    assert found, shown
    assert float(found.group(1)) <= _HIGHEST_EXPOSURE
    assert host.shows(socket, "ActiveState", "NeedDaemonReload") == {
        "ActiveState": "active",
        "NeedDaemonReload": "no",
    }


def test_a_flat_installation_becomes_the_first_release(
    host: Host, first: Path, second: Path
) -> None:
    original = host.read(f"/etc/systemd/system/{API_UNIT}")
    deployed(host, first, *QUICK)
    assert (version_of(host), serves(host), stray(host)) == ("1", True, [])
    assert current_digests(host) == digests(first)
    # Who else lives in the folder goes on living there.
    host.shell(f"systemctl restart {AGENT_UNIT}")
    host.wait_until_healthy()
    deployed(host, second, *QUICK)
    listed = document(eloquence(host, "releases", "--output", "json"))["releases"]
    assert len(listed) == 3
    assert all(release["good_at"] for release in listed)
    (adopted,) = (release["id"] for release in listed if release["id"].endswith("-adopted"))

    back = eloquence(host, "rollback", *QUICK, "--output", "json")
    assert back.returncode == 0, back.stdout + back.stderr
    assert (version_of(host), serves(host), stray(host)) == ("1", True, [])
    back = eloquence(host, "rollback", adopted, *QUICK, "--output", "json")
    assert back.returncode == 0, back.stdout + back.stderr
    assert (version_of(host), serves(host), stray(host)) == ("", True, [])
    assert host.read(f"/etc/systemd/system/{API_UNIT}") == original
    host.wait_until_healthy()

    deployed(host, second, *QUICK)
    assert (version_of(host), serves(host), stray(host)) == ("2", True, [])


def test_what_was_made_by_hand_and_did_not_serve_is_kept_all_the_same(
    host: Host, first: Path, second: Path
) -> None:
    host.shell(f"systemctl stop {API_UNIT}; echo precious >{REMOTE_DIR}/notes.db")
    for release in (first, second):
        deployed(host, release, *QUICK, "--keep", "1")
    assert (version_of(host), stray(host)) == ("2", [])
    kept = host.shell(f"cat {REMOTE_DIR}/releases/*-adopted/notes.db").stdout
    assert kept == "precious\n"


def test_a_hand_started_api_is_named_and_taken_over_only_when_told(host: Host, first: Path) -> None:
    pid = hand_started(host)
    refused = deploy(host, first, *QUICK)
    assert refused.returncode == 3, refused.stdout + refused.stderr
    assert str(pid) in refused.stdout + refused.stderr
    assert host.shell(f"cat /proc/{pid}/comm").stdout
    assert version_of(host) == ""

    deployed(host, first, *QUICK, "--take-over")
    assert (version_of(host), serves(host), stray(host)) == ("1", True, [])
    host.shell(f"! kill -0 {pid}")

    back = eloquence(host, "rollback", *QUICK)
    assert back.returncode == 0, back.stdout + back.stderr
    assert (version_of(host), serves(host), stray(host)) == ("", True, [])
