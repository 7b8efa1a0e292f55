"""The test host is what it says: a server as the guide leaves it, and each time anew."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from eloquence_ops.endpoints import a_label
from tests.host.hosts import BootHost
from tests.host.layout import API_NAME, LIVEKIT_NAME, REMOTE_DIR, SUDO_PASSWORD
from tests.host.machine import Host

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def untouched(boot_host: BootHost) -> Iterator[Host]:
    """One host for all tests that change nothing on it."""
    with boot_host() as host:
        yield host


def test_both_services_answer_a_client_through_nginx(untouched: Host) -> None:
    for url in (
        f"http://{untouched.address}:8083/",
        f"https://{a_label(API_NAME)}/",
        f"https://{a_label(LIVEKIT_NAME)}/",
    ):
        untouched.curl("--fail", url)


def test_a_session_of_its_api_opens_a_room_of_its_livekit(untouched: Host) -> None:
    opened = untouched.curl(
        *("--fail", f"https://{a_label(API_NAME)}/api/sessions"),
        *("--header", f"X-API-Key: {untouched.keys.api_key}"),
        *("--json", '{"user_id": "u", "scenario_id": null}'),
    )
    session = json.loads(opened.stdout)
    assert set(session) == {"session_id", "room_name", "token", "url"}
    assert session["url"] == f"wss://{a_label(LIVEKIT_NAME)}"
    livekit = session["url"].replace("wss://", "https://")
    untouched.curl("--fail", f"{livekit}/rtc/validate?access_token={session['token']}")
    ended = untouched.curl(
        *("--fail", "--request", "DELETE", "--header", f"X-API-Key: {untouched.keys.api_key}"),
        f"https://{a_label(API_NAME)}/api/sessions/{session['session_id']}",
    )
    assert json.loads(ended.stdout)["status"] == "ended"


def test_only_the_api_can_be_had_past_nginx(untouched: Host) -> None:
    untouched.curl("--fail", f"http://{untouched.address}:8083/")
    assert untouched.curl(f"http://{untouched.address}:7880/", check=False).returncode == 7


def test_it_is_a_machine_of_its_own(untouched: Host) -> None:
    assert untouched.shell("cat /proc/1/comm").stdout == "systemd\n"
    assert untouched.shell("systemctl --failed --quiet --no-legend").stdout == ""
    assert "Started livekit.service" in untouched.shell("journalctl -u livekit").stdout
    assert untouched.shell("ip -brief address").stdout.count(untouched.address) == 1


@pytest.mark.parametrize(
    ("user", "command", "succeeds"),
    [
        ("ubuntu", "sudo --non-interactive id --user", True),
        ("guest", "sudo --non-interactive id --user", False),
        ("guest", "id --user", True),
        ("asks", "sudo --non-interactive id --user", False),
        ("asks", f"echo {SUDO_PASSWORD} | sudo --stdin --prompt='' id --user", True),
        ("ubuntu", "journalctl --quiet --unit=ssh | grep -q .", True),
        ("guest", "journalctl --quiet --unit=ssh 2>/dev/null | grep -q .", False),
    ],
)
def test_each_user_may_what_it_should(
    untouched: Host, user: str, command: str, succeeds: bool
) -> None:
    assert (untouched.ssh(command, user=user, check=False).returncode == 0) is succeeds


def test_a_test_itself_can_be_where_the_client_is(untouched: Host) -> None:
    own = Path("/proc/thread-self/ns/net").readlink()
    with (
        untouched.client.entered(),
        socket.create_connection((untouched.address, 22), timeout=5) as ssh,
    ):
        assert ssh.recv(64).startswith(b"SSH-2.0-")
    assert Path("/proc/thread-self/ns/net").readlink() == own


def test_a_reboot_keeps_what_was_written_and_starts_what_is_enabled(host: Host) -> None:
    host.shell("touch /root/kept /run/lost; systemctl disable --quiet livekit")
    host.reboot()
    host.shell("test -e /root/kept && ! test -e /run/lost")
    host.shell("systemctl is-active eloquence-api && ! systemctl is-active livekit")


def test_the_next_host_knows_nothing_of_what_was_done_to_the_last(boot_host: BootHost) -> None:
    with boot_host() as host:
        host.shell(
            f"touch /root/left {REMOTE_DIR}/left; ufw --force enable; systemctl stop livekit"
        )
    with boot_host() as host:
        host.shell(f"! test -e /root/left && ! test -e {REMOTE_DIR}/left")
        assert "inactive" in host.shell("ufw status").stdout
        host.curl("--fail", f"https://{a_label(LIVEKIT_NAME)}/")


def test_two_hosts_at_once_do_not_see_each_other(boot_host: BootHost) -> None:
    with boot_host() as one, boot_host() as other:
        one.shell("systemctl stop livekit")
        other.curl("--fail", f"https://{a_label(LIVEKIT_NAME)}/")
        assert one.curl("--fail", f"https://{a_label(LIVEKIT_NAME)}/", check=False).returncode == 22


def test_its_mounts_are_not_this_machines(untouched: Host) -> None:
    assert shutil.which("findmnt")
    seen = subprocess.run(["findmnt", "-rn", "-o", "TARGET"], check=True, capture_output=True)
    assert "eloquence-hosts" not in seen.stdout.decode()
