"""Who has the API's port."""

from __future__ import annotations

from typing import Any

import pytest

from eloquence_ops.checks.server_ports import api_port
from eloquence_ops.findings import Family
from eloquence_ops.observations import HttpExchange, ServerListeners, ServerProcesses
from eloquence_ops.observations.server_sockets import ApiProcess, PublishedPort
from tests.checks.facts import judged, listening, outcome, seen, unit
from tests.checks.server_facts import exchange

DIRECT = "http://203.0.113.10:8083"
ABSENT = {"load_state": "not-found", "active_state": "inactive"}
STOPPED = {"active_state": "inactive"}
CRASH_LOOPING = {"active_state": "activating", "sub_state": "auto-restart"}


def runs_api(listeners: ServerListeners) -> ServerProcesses:
    """The holder is the API, whoever started it."""
    api = tuple(
        ApiProcess(process=process, ports=(8083,), by_hand=True) for process in listeners.processes
    )
    return ServerProcesses(at_s=0.0, api=api, published_by_docker=(), seen=90)


@pytest.mark.parametrize(
    ("addresses", "api", "expected"),
    [
        (("0.0.0.0",), DIRECT, "ok"),
        (("::",), DIRECT, "ok"),
        (("127.0.0.1", "203.0.113.10"), DIRECT, "ok"),
        (("127.0.0.1",), DIRECT, "loopback-only"),
        (("127.0.0.1", "::1"), DIRECT, "loopback-only"),
        (("::ffff:127.0.0.1",), DIRECT, "loopback-only"),
        (("127.0.0.1",), "https://api.éloquence.test", "ok"),
        (("127.0.0.1",), "http://203.0.113.10:80", "ok"),
        ((), DIRECT, "nobody"),
    ],
)
def test_where_it_listens(addresses: tuple[str, ...], api: str, expected: str) -> None:
    assert outcome(api_port, seen(unit(), listening(*addresses), api=api)) == expected


def test_a_port_that_answered_from_outside_is_open_whatever_the_table_says() -> None:
    answered = HttpExchange(
        at_s=0.0,
        purpose="root",
        endpoint=DIRECT,
        family=Family.IPV4,
        address="203.0.113.10",
        method="GET",
        path="/",
        outcome="answered",
        status=200,
    )
    assert outcome(api_port, seen(unit(), listening("127.0.0.1"), answered, api=DIRECT)) == "ok"


@pytest.mark.parametrize(
    "of", ["session-3.scope", "user@1000.service", "tmux-spawn-1.scope", "ssh.service"]
)
def test_the_api_out_of_a_shell_was_started_by_hand(of: str) -> None:
    listeners = listening("0.0.0.0", unit=of, name="python")
    found = judged(api_port, seen(unit(), listeners, runs_api(listeners)))
    assert found is not None
    assert found.outcome == "by-hand"
    assert found.evidence["since"] == "2025-12-29 03:00 UTC"
    assert found.evidence["folder"] == "/home/ubuntu"


@pytest.mark.parametrize("of", ["inventory.service", "session-3.scope"])
def test_another_program_has_taken_the_port_whoever_started_it(of: str) -> None:
    listeners = listening("0.0.0.0", unit=of, name="python3")
    nobody_runs_it = ServerProcesses(at_s=0.0, api=(), published_by_docker=(), seen=90)
    found = judged(api_port, seen(unit(), listeners, nobody_runs_it))
    assert found is not None
    assert (found.outcome, found.evidence["unit"]) == ("taken", of)


@pytest.mark.parametrize(
    ("different", "expected"),
    [
        (ABSENT, "ok"),
        (STOPPED, "ok"),
        (CRASH_LOOPING, "taken"),
    ],
)
def test_the_api_of_another_unit_is_in_the_way_only_of_one_that_wants_to_start(
    different: dict[str, Any], expected: str
) -> None:
    listeners = listening("0.0.0.0", unit="docker-4711.scope")
    run = seen(unit(**different), listeners, runs_api(listeners))
    assert outcome(api_port, run) == expected


@pytest.mark.parametrize("of", ["docker-4711.scope", ""])
def test_the_api_in_a_container_beside_no_unit_is_in_nobodys_way(of: str) -> None:
    """With the network of the host its process is seen, in a cgroup that may be no unit's."""
    listeners = listening("0.0.0.0", unit=of, name="python")
    run = seen(unit(**ABSENT), listeners, runs_api(listeners))
    assert outcome(api_port, run) == "ok"


PUBLISHED = ServerProcesses(
    at_s=0.0,
    api=(),
    published_by_docker=(
        PublishedPort(protocol="tcp", address="0.0.0.0", port=8083, to="172.17.0.2:8083"),
    ),
    seen=90,
)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"status": 405}, "ok"),
        ({"status": 401}, "ok"),
        ({"status": 404, "headers": (("content-type", "text/html"),)}, "taken"),
        ({"status": 200, "headers": (("content-type", "text/html"),)}, "taken"),
        ({"status": 500, "headers": ()}, "other"),
        ({"outcome": "silent"}, "other"),
        ({"endpoint": "http://127.0.0.1:9000"}, "other"),
        (None, "other"),
    ],
)
@pytest.mark.parametrize("different", [ABSENT, STOPPED], ids=["absent", "stopped"])
def test_who_serves_the_port_of_a_unit_at_rest_is_told_by_the_answer(
    different: dict[str, Any], answer: dict[str, Any] | None, expected: str
) -> None:
    listeners = listening("0.0.0.0", unit="docker.service", name="docker-proxy")
    given = {"endpoint": "http://127.0.0.1:8083"} | answer if answer is not None else None
    asked = (exchange("server-api", **given),) if given else ()
    assert outcome(api_port, seen(unit(**different), listeners, PUBLISHED, *asked)) == expected


def test_of_a_port_that_docker_publishes_the_container_is_named_and_not_docker() -> None:
    listeners = listening("0.0.0.0", unit="docker.service", name="docker-proxy")
    found = judged(api_port, seen(unit(**CRASH_LOOPING), listeners, PUBLISHED))
    assert found is not None
    assert (found.outcome, found.evidence["unit"]) == ("taken", "Docker, 172.17.0.2:8083")


def test_whose_a_port_is_stays_unknown_without_root() -> None:
    for address in ("0.0.0.0", "127.0.0.1"):
        run = seen(unit(), listening(address, pid=0), api=DIRECT)
        assert outcome(api_port, run) == "holder-hidden"


def test_without_the_unit_or_the_sockets_there_is_nothing_to_judge() -> None:
    assert outcome(api_port, seen(listening("0.0.0.0"))) is None
    assert outcome(api_port, seen(unit())) is None
