"""`check-ports` against a real server: proven over SSH, within its time, and nothing left there."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import COMMAND, environment
from tests.host.examining import PUBLIC, causes, fingerprint
from tests.host.hosts import BootHost
from tests.host.layout import SUDO_PASSWORD
from tests.host.machine import Host
from tests.host.ports import check_ports, dropping, provider_before
from tests.host.test_nothing_is_left import assert_nothing_is_left, state

pytestmark = pytest.mark.real

# Two of two in CI, ten of ten in `make soak`.
AGAIN = [*range(2), *(pytest.param(time, marks=pytest.mark.soak) for time in range(2, 10))]


@pytest.fixture(scope="module")
def shared(boot_host: BootHost) -> Iterator[Host]:
    with boot_host() as booted:
        yield booted


@pytest.fixture
def server(shared: Host) -> Iterator[Host]:
    """Without a firewall, before and after."""
    yield shared
    shared.shell("nft delete table inet ports 2>/dev/null; true")


def of(report: dict[str, Any], check: str) -> dict[str, Any]:
    (found,) = (one for one in report["findings"] if one["check"] == check)
    return dict(found)


@pytest.mark.parametrize(
    ("user", "password", "by"),
    [
        ("ubuntu", "", "raw-socket"),
        ("asks", SUDO_PASSWORD, "raw-socket"),
        ("guest", "", "bound-sockets"),
    ],
)
def test_every_udp_port_is_proven_and_the_document_says_by_what(
    server: Host, tmp_path: Path, user: str, password: str, by: str
) -> None:
    report = check_ports(server, user=user, sudo_password=password)
    found = of(report, "ports.range-udp")
    assert found["id"] == "ports.range-udp.ok"
    assert found["evidence"] | {"tries": 1, "loss": 0} == {
        "udp": "50000-60000",
        "ports": 10_001,
        "proven": 10_001,
        "by": by,
        "proofs": ["50000-60000 answered"],
        "tries": 1,
        "loss": 0,
    }
    assert causes(report) == {}
    assert report["verdict"] == "healthy"


@pytest.mark.parametrize("time", AGAIN)
@pytest.mark.parametrize(("user", "outcome"), [("ubuntu", "stopped"), ("guest", "blocked")])
def test_of_half_that_is_dropped_exactly_that_half_is_told(
    server: Host, user: str, outcome: str, time: int
) -> None:
    dropping(server, "udp dport 55000-60000")
    found = of(check_ports(server, user=user), "ports.range-udp")
    assert found["id"] == f"ports.range-udp.{outcome}"
    assert (found["evidence"]["blocked"], found["evidence"]["proven"]) == ("55000-60000", 5000)


@pytest.mark.parametrize("time", AGAIN)
@pytest.mark.parametrize("user", ["ubuntu", "guest"])
def test_loss_blocks_no_port(server: Host, user: str, time: int) -> None:
    dropping(server, "meta l4proto udp numgen random mod 100 < 5")
    found = of(check_ports(server, user=user), "ports.range-udp")
    assert found["id"] == "ports.range-udp.ok"
    assert found["evidence"]["proven"] == 10_001


def test_where_all_media_are_dropped_the_run_says_broken(server: Host) -> None:
    with provider_before(server, "udp dport 50000-60000", "tcp dport 7881") as far:
        report = check_ports(far)
    assert report["verdict"] == "broken"
    assert of(report, "ports.media-way")["id"] == "ports.media-way.none"
    assert of(report, "ports.range-udp")["id"] == "ports.range-udp.nothing-arrives"
    assert "firewall-before-server" in causes(report)


def test_without_ssh_silence_on_udp_is_unknown_and_refusals_over_tcp_are_no_fault(
    server: Host,
) -> None:
    report = check_ports(server, "--exhaustive", inside=False)
    assert of(report, "ports.range-udp")["status"] == "unknown"
    over_tcp = of(report, "ports.range-tcp")
    assert (over_tcp["status"], over_tcp["evidence"]["closed"]) == ("pass", 10_001)
    assert report["verdict"] == "healthy"


@pytest.mark.parametrize(("user", "password"), [("ubuntu", ""), ("guest", "")])
def test_nothing_is_left_on_the_server(server: Host, user: str, password: str) -> None:
    before = state(server)
    check_ports(server, user=user, sudo_password=password)
    assert_nothing_is_left(server, before, user, sudo=user == "ubuntu")


def _interrupted(client: subprocess.Popen[bytes]) -> None:
    client.send_signal(signal.SIGINT)
    client.wait(30)


def _killed(client: subprocess.Popen[bytes]) -> None:
    client.kill()
    client.wait(30)


# Where in the responder's life these meet it is the machine's choice.
_AFTER_S = (0.8, 1.3)


@pytest.mark.parametrize(
    ("how", "user"), [(_interrupted, "ubuntu"), (_killed, "ubuntu"), (_killed, "guest")]
)
def test_whenever_the_client_ends_the_responder_ends(
    server: Host, how: Callable[[subprocess.Popen[bytes]], None], user: str
) -> None:
    """Every port is silent, so that it goes on for seconds; at some moments, and once when the
    responder is there for certain."""
    dropping(server, "udp dport 50000-60000")
    key = fingerprint(server)
    for after_s in (*_AFTER_S, None):
        with server.resolver() as resolver:
            client = subprocess.Popen(
                [
                    *("ip", "netns", "exec", server.client.name, *COMMAND, "check-ports", *PUBLIC),
                    *("--resolver", resolver, "--ca", str(server.ca_path)),
                    *("--server", f"{user}@{server.address}", "--server-key", key),
                ],
                env=environment(server.boot.folder, {"ELOQUENCE_SSH_KEY": str(server.key_path)}),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            try:
                if after_s is None:
                    server.wait_until(f"pgrep --full '^{_RESPONDER}' >/dev/null")
                else:
                    time.sleep(after_s)
                how(client)
            finally:
                client.kill()
                client.wait(10)
        server.wait_until(f"! pgrep --full '^{_RESPONDER}' >/dev/null", timeout_s=5)
        held = "ss -Huan 'sport >= :50000 and sport <= :60000' | grep -v ESTAB"
        assert server.shell(f"{held}; ss -Hwan | grep -v icmp", check=False).stdout == ""


_RESPONDER = "(sudo -n -- )?python3 -I -S -B -c import sys,base64"
