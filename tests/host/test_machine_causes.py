"""Faults of the server as a machine, made for real: doctor names exactly theirs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from eloquence_ops.run.recording import read
from tests.host.examining import (
    NO_RELAY,
    causes,
    doctor,
    finding,
    from_outside,
    held_possible,
    problems,
    without_a_way,
)
from tests.host.faults import FAULTS
from tests.host.hosts import BootHost
from tests.host.machine import Host
from tests.host.shown import make
from tests.host.tree import tree

pytestmark = pytest.mark.real


ONLY_INSIDE: Final = {
    "disk-full-for-api": "server-disk-full",
    "disk-full-for-logs": "server-disk-full",
    "disk-nearly-full": "server-disk-filling",
    "disk-read-only": "server-disk-read-only",
    "memory-short": "server-memory-short",
    "files-nearly-used-up": "server-file-limit",
    "old-apps-call": "app-legacy-endpoints",
    "certificate-not-reloaded": "cert-not-reloaded",
    "certificate-key-mismatch": "cert-key-mismatch",
}
OUTSIDE_TOO: Final = ("api-killed-for-memory", "disk-full-for-start", "api-clock-ahead")


@pytest.mark.parametrize("fault", ONLY_INSIDE)
def test_what_only_the_server_knows(host: Host, fault: str, tmp_path: Path) -> None:
    """From outside all is well, for the time being."""
    make(host, fault)
    record = tmp_path / "run.json"
    assert causes(doctor(host, "--record", str(record))) == {ONLY_INSIDE[fault]: "certain"}
    outside = from_outside(read(record))
    assert {entry.cause.id for entry in outside.diagnosis.causes} <= {NO_RELAY}
    assert {finding.id for finding in outside.problems} <= {"livekit.turn.missing"}


def test_an_api_killed_for_memory_is_a_stopped_one_from_outside(host: Host, tmp_path: Path) -> None:
    make(host, "api-killed-for-memory")
    inside = doctor(host)
    assert causes(inside) == {"server-out-of-memory": "certain"}
    assert "Killed process" in problems(inside)["server.api-memory.killed"]
    outside = without_a_way(host, "server-out-of-memory", tmp_path)
    assert {"api-not-running", "proxy-wrong-upstream"} <= held_possible(outside)


def test_an_api_that_ends_for_want_of_room_is_explained_by_the_disk(
    host: Host, tmp_path: Path
) -> None:
    make(host, "disk-full-for-start")
    inside = doctor(host)
    assert causes(inside) == {"server-disk-full": "certain"}
    assert {"server.disk.full", "server.api-start.disk-full"} <= problems(inside).keys()
    without_a_way(host, "server-disk-full", tmp_path)


def test_the_apis_clock_and_livekits_apart(host: Host) -> None:
    make(host, "api-clock-ahead")
    inside = doctor(host)
    assert causes(inside) == {"clock-skew": "certain"}
    # The server's own clock is right: it is the API that dates its tokens by another.
    assert finding(inside, "server.clock")["status"] == "pass"
    assert causes(doctor(host, inside=False)) == {"clock-skew": "certain"}


def test_a_proxy_that_does_not_come_back_with_another_key_is_the_keys_fault_alone(
    host: Host,
) -> None:
    FAULTS["certificate-key-mismatch"](host)
    assert host.shell("systemctl restart nginx", check=False).returncode != 0
    inside = doctor(host)
    assert causes(inside) == {"cert-key-mismatch": "certain"}
    assert inside["unexplained"] == []
    assert "SSL_CTX_use_PrivateKey" in problems(inside)["server.proxy-unit.key-refused"]
    commands = [step["run"] for entry in inside["causes"] for step in entry["remedies"]]
    assert any("/etc/ssl/eloquence/key.pem" in command for command in commands)


@pytest.fixture(scope="module")
def untouched(boot_host: BootHost) -> Iterator[Host]:
    with boot_host() as host:
        yield host


def test_this_machines_clock_is_never_taken_for_the_servers(untouched: Host) -> None:
    """A quarter of an hour ahead, and nobody says which of the two clocks is kept."""
    library = next(tree().glob("usr/lib/*/faketime/libfaketime.so.1"))
    ahead = {
        "LD_PRELOAD": str(library),
        "FAKETIME": "+15m",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    outside = doctor(untouched, inside=False, environ=ahead)
    inside = doctor(untouched, environ=ahead)
    for report in (outside, inside):
        assert causes(report) == {"own-clock-wrong": "possible"}
        assert held_possible(report) == {"own-clock-wrong", "clock-skew"}
    measured = finding(inside, "server.clock")
    assert measured["id"] == "server.clock.apart"
    assert measured["evidence"]["direction"] == "behind"
    assert 880 < measured["evidence"]["seconds"] < 920


def test_without_root_what_is_hidden_is_unknown_and_nothing_is_made_up(host: Host) -> None:
    FAULTS["api-killed-for-memory"](host)
    report = doctor(host, user="guest")
    assert "server-out-of-memory" not in causes(report)
    assert finding(report, "server.api-memory")["status"] == "unknown"
