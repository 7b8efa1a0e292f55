"""Recordings of real runs, judged again.

Each was made by `tests/network/scenarios.py`, those of a host by `tests/host/recordings.py`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.diagnosis.model import Alternative
from eloquence_ops.run.examine import Result, examine
from eloquence_ops.run.recording import read
from tests.host.recordings import SHOWING
from tests.network.scenarios import SHOWN_BY_STORIES

FOLDER = Path(__file__).parent


def replayed(name: str) -> Result:
    return examine(read(FOLDER / f"{name}.json"), catalogue())


def named(result: Result) -> dict[str, str]:
    return {entry.cause.id: entry.confidence for entry in result.diagnosis.causes}


def alternatives(result: Result) -> list[str]:
    return [other.cause.id for other in stated(result) if not other.is_lookalike]


def stated(result: Result) -> list[Alternative]:
    return [other for entry in result.diagnosis.causes for other in entry.alternatives]


def test_a_machine_without_ipv6_is_blamed_itself() -> None:
    result = replayed("own-network-no-ipv6")
    assert named(result) == {"own-network": "certain"}
    assert result.verdict == "broken"


def test_a_network_that_lets_only_its_proxy_out_is_not_the_servers_fault() -> None:
    result = replayed("own-proxy-required")
    assert named(result) == {"own-proxy-required": "certain"}
    assert result.diagnosis.masked > 5


def test_a_server_from_which_nothing_comes_back() -> None:
    result = replayed("server-unreachable")
    assert named(result) == {"server-unreachable": "possible"}
    assert alternatives(result) == ["firewall-before-server", "firewall-on-server"]
    assert "livekit.reachable.host-silent" in {found.id for found in result.problems}


def test_one_port_that_is_dropped_while_another_answers() -> None:
    result = replayed("firewall-before-server")
    assert named(result) == {"firewall-before-server": "possible"}
    assert alternatives(result) == ["firewall-on-server"]
    assert {found.subject.name for found in result.problems} == {"http://203.0.113.10:8083"}


def test_a_name_that_leads_to_the_machine_from_before_the_move() -> None:
    result = replayed("dns-points-elsewhere")
    assert named(result) == {"dns-points-elsewhere": "certain"}
    assert result.verdict == "degraded"


def test_a_name_that_only_the_apps_source_writes_with_its_accent_is_the_apps_to_mend() -> None:
    result = replayed("app-unicode-host")
    assert named(result) == {"app-unicode-host": "certain"}
    assert [(found.id, found.vantage) for found in result.problems] == [
        ("dns.app-name.unicode", "code")
    ]
    assert result.verdict == "broken"


def test_a_published_ipv6_address_that_nothing_listens_on_is_a_warning() -> None:
    result = replayed("dns-ipv6-broken")
    assert named(result) == {
        "dns-ipv6-broken": "likely",
        "api-key-in-clear": "certain",
        "turn-missing": "certain",
    }
    assert result.verdict == "degraded"


def test_a_renewal_that_left_one_of_two_machines_out_is_one_fault() -> None:
    result = replayed("cert-differs-by-address")
    assert named(result) == {"cert-differs-by-address": "certain"}
    assert result.verdict == "broken"


def test_a_closed_port_80_is_why_a_renewal_is_overdue() -> None:
    result = replayed("cert-renewal-blocked")
    assert named(result) == {"cert-renewal-blocked": "certain"}
    assert result.verdict == "degraded"


@pytest.mark.parametrize("cause", SHOWN_BY_STORIES)
def test_a_recording_of_real_name_servers_shows_its_cause(cause: str) -> None:
    assert named(replayed(cause)) == {cause: "certain"}


def test_the_real_livekit_behind_the_real_nginx_is_healthy() -> None:
    result = replayed("real-stack-healthy")
    assert result.problems == ()
    assert result.verdict == "healthy"


def test_the_real_nginx_before_a_stopped_livekit() -> None:
    result = replayed("real-stack-livekit-down")
    assert set(named(result)) == {"livekit-not-running"}
    assert alternatives(result) == ["livekit-breaks-off", "proxy-wrong-upstream"]
    # From inside each of them has findings of its own.
    assert {other.cause.id for other in stated(result) if other.is_lookalike} == {
        "livekit-config-wrong",
        "livekit-crash-looping",
        "livekit-hanging",
        "livekit-not-installed",
        "server-out-of-memory",
        "unit-not-enabled",
    }


def test_the_real_livekit_without_a_coach() -> None:
    result = replayed("real-stack-agent-absent")
    assert named(result) == {"agent-absent": "likely"}
    assert result.verdict == "degraded"


def test_every_recording_of_a_host_is_one_that_can_be_renewed() -> None:
    assert {file.stem for file in FOLDER.glob("host-*.json")} == {
        f"host-{name}" for name in SHOWING
    }


@pytest.mark.parametrize("cause", SHOWING)
def test_a_recording_of_a_host_shows_its_cause_and_nothing_else(cause: str) -> None:
    assert named(replayed(f"host-{cause}")) == {cause: "certain"}


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.json")), ids=lambda file: file.stem)
def test_no_recording_holds_a_secret(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert "lab-api-key" not in text
    assert "eyJ" not in text


def test_a_root_that_only_this_machine_knows_is_a_warning_for_the_app() -> None:
    result = replayed("real-stack-root-unknown-to-android")
    assert named(result) == {"cert-unknown-to-android": "certain"}
    assert result.verdict == "degraded"
