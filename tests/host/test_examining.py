"""A host as just installed is healthy, whoever looks and from wherever."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.host.examining import causes, doctor, finding, problems
from tests.host.hosts import BootHost
from tests.host.layout import AGENT_UNIT, SUDO_PASSWORD
from tests.host.machine import Host

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def untouched(boot_host: BootHost) -> Iterator[Host]:
    """One host for all tests that change nothing on it."""
    with boot_host() as host:
        yield host


def test_seen_from_outside_alone_it_is_healthy(untouched: Host) -> None:
    report = doctor(untouched, inside=False)
    assert (report["verdict"], problems(report)) == ("healthy", {})
    assert not report["vantages"]["server"]


@pytest.mark.parametrize(
    ("user", "sudo_password", "read"),
    [
        ("ubuntu", "", "ok"),
        ("asks", SUDO_PASSWORD, "ok"),
        ("asks", "another", "sudo-refused"),
        ("asks", "", "without-root"),
        ("guest", "", "without-root"),
    ],
)
def test_seen_from_inside_too_it_is_healthy_whoever_logs_in(
    untouched: Host, user: str, sudo_password: str, read: str
) -> None:
    report = doctor(untouched, user=user, sudo_password=sudo_password)
    assert (report["verdict"], problems(report)) == ("healthy", {})
    assert finding(report, "server.facts")["id"] == f"server.facts.{read}"


def test_without_its_worker_no_coach_comes(host: Host) -> None:
    host.shell(f"systemctl stop {AGENT_UNIT}")
    assert causes(doctor(host, inside=False)) == {"agent-absent": "likely"}
