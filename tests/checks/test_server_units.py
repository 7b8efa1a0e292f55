"""How a unit stands, by what systemd says of it and by who listens."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from eloquence_ops.checks.server_ports import api_port
from eloquence_ops.checks.server_units import (
    api_enabled,
    api_loaded,
    api_unit,
    livekit_enabled,
    livekit_unit,
)
from eloquence_ops.observations import AnyObservation, LiveKitConfig
from eloquence_ops.observations.server_livekit import Setting
from tests.checks.facts import (
    LIVEKIT_UNIT,
    NOW,
    journal,
    judged,
    listening,
    outcome,
    seen,
    unit,
)
from tests.checks.server_facts import exchange

AUTO_RESTART = {"active_state": "activating", "sub_state": "auto-restart", "result": "exit-code"}
FAILED = {"active_state": "failed", "sub_state": "failed", "result": "exit-code"}
STOPPED: dict[str, Any] = {"active_state": "inactive", "sub_state": "dead", "main_pid": None}
ABSENT = STOPPED | {"load_state": "not-found", "unit_file_state": "", "started_at": None}


def ago(seconds: float) -> dict[str, Any]:
    return {"started_at": NOW - timedelta(seconds=seconds)}


NOBODY = listening()
SERVED = listening("0.0.0.0")


@pytest.mark.parametrize(
    ("different", "listeners", "expected"),
    [
        ({}, SERVED, "ok"),
        (STOPPED, NOBODY, "stopped"),
        (STOPPED | {"unit_file_state": "disabled"}, NOBODY, "stopped"),
        (STOPPED | {"unit_file_state": "disabled", "started_at": None}, NOBODY, "not-started"),
        (STOPPED | {"unit_file_state": "masked", "started_at": None}, NOBODY, "not-started"),
        (STOPPED | {"started_at": None}, NOBODY, "stopped"),
        (STOPPED, SERVED, "elsewhere"),
        (ABSENT, NOBODY, "absent"),
        (ABSENT, SERVED, "absent"),
        (AUTO_RESTART, NOBODY, "crash-looping"),
        (FAILED, NOBODY, "failed"),
        (FAILED | {"restarts": 5}, NOBODY, "crash-looping"),
        (FAILED | {"start_limit_hit": True}, NOBODY, "crash-looping"),
        (ago(3), NOBODY, "starting"),
        (ago(60), NOBODY, "not-listening"),
        (ago(3) | {"restarts": 2}, NOBODY, "crash-looping"),
        ({"active_state": "activating", "sub_state": "start"} | ago(60), NOBODY, "not-listening"),
        (ago(3), SERVED, "ok"),
        (ago(3) | {"restarts": 1}, SERVED, "ok"),
        (ago(3) | {"restarts": 3}, SERVED, "crash-looping"),
        ({"restarts": 40}, SERVED, "ok"),
        ({"active_state": "deactivating", "sub_state": "stop-sigterm"}, NOBODY, "changing"),
    ],
)
def test_the_apis_unit(different: dict[str, Any], listeners: AnyObservation, expected: str) -> None:
    assert outcome(api_unit, seen(unit(**different), listeners)) == expected


@pytest.mark.parametrize(
    ("different", "result"),
    [
        (AUTO_RESTART | {"ended": "exited", "exit_status": 1}, "exit-code 1"),
        (AUTO_RESTART | {"result": "resources", "ended": "exited", "exit_status": 1}, "resources"),
        (AUTO_RESTART | {"result": "signal", "ended": "killed", "exit_status": 9}, "signal 9"),
        # What it says while it runs again is of no end.
        (ago(1) | {"restarts": 2, "result": "success"}, "active"),
    ],
)
def test_how_a_unit_ended_is_told_in_systemds_words(different: dict[str, Any], result: str) -> None:
    found = judged(api_unit, seen(unit(**different), NOBODY))
    assert found is not None
    assert found.evidence["result"] == result


def test_that_systemd_gave_up_is_known_from_the_journal_too() -> None:
    gave_up = journal(("start-limit", "Start request repeated too quickly."))
    assert outcome(api_unit, seen(unit(**FAILED), gave_up, NOBODY)) == "crash-looping"


@pytest.mark.parametrize(
    ("pid", "of", "age", "expected"),
    [
        (99, "inventory.service", 3, "crash-looping"),
        (99, "docker-4711.scope", 300, "ok"),
        (0, "", 3, "starting"),
        (0, "", 300, "ok"),
    ],
)
def test_a_unit_that_was_restarted_just_now_beside_another_that_has_its_port(
    pid: int, of: str, age: float, expected: str
) -> None:
    """Caught between two ends: without root it may as well be the unit itself that listens."""
    run = seen(unit(**ago(age), restarts=1), listening("0.0.0.0", pid=pid, unit=of))
    assert outcome(api_unit, run) == expected


def test_without_the_table_of_sockets_a_unit_that_runs_is_not_said_to_hang() -> None:
    assert outcome(api_unit, seen(unit(**ago(60)))) == "ok"


def test_a_unit_that_was_not_read_is_not_judged() -> None:
    for judge in (api_unit, livekit_unit, api_enabled, api_loaded):
        assert outcome(judge, seen(SERVED)) is None


@pytest.mark.parametrize(
    ("command", "port"),
    [
        ("/v/bin/uvicorn api:app --port 9000", 9000),
        ("/v/bin/uvicorn api:app --port=9000 --workers 2", 9000),
        ("/v/bin/gunicorn -k uvicorn.workers.UvicornWorker -b 0.0.0.0:9000 api:app", 9000),
        ("/v/bin/gunicorn --bind [::]:9000 api:app", 9000),
        ("/v/bin/uvicorn api:app", 8000),
        ("/v/bin/python -m uvicorn api:app", 8000),
        ("/v/bin/python api.py", 8083),
        ("", 8083),
    ],
)
def test_the_port_is_the_one_of_the_units_command(command: str, port: int) -> None:
    there = seen(unit(command=command, **ago(60)), listening("0.0.0.0", port=port))
    assert outcome(api_unit, there) == "ok"
    other = listening("0.0.0.0", port=port + 1, unit="other.service")
    beside = seen(unit(command=command, **ago(60)), other)
    assert outcome(api_unit, beside) == "not-listening"


LEFT_OPEN = (
    {"command": "/v/bin/uvicorn api:app --fd 3"},
    {"command": "/v/bin/uvicorn api:app --uds /run/api.sock"},
    {"command": "/v/bin/uvicorn api:app --host 0.0.0.0 --port ${PORT}"},
    {"command": "/v/bin/gunicorn -c gunicorn.conf.py api:app"},
    {"command": "/v/bin/gunicorn --config=gunicorn.conf.py api:app"},
    {"command": "/v/bin/gunicorn --bind unix:/run/api.sock api:app"},
    {"command": "/v/bin/python api.py", "sockets": ("eloquence-api.socket",)},
)


@pytest.mark.parametrize("different", LEFT_OPEN, ids=str)
def test_where_the_command_leaves_the_port_open_the_one_that_is_held_counts(
    different: dict[str, Any],
) -> None:
    api = unit(**different, **ago(60))
    assert outcome(api_unit, seen(api, listening("0.0.0.0", port=8083))) == "ok"
    # By another, by somebody, by nobody: whether the unit listens is not known.
    for others in (
        listening("0.0.0.0", port=8000, unit="other.service"),
        listening("0.0.0.0", port=8000, pid=0),
        NOBODY,
    ):
        assert outcome(api_unit, seen(api, others)) == "place-unknown"
        assert outcome(api_port, seen(api, others)) == "place-unknown"


def test_a_unit_that_waits_for_its_socket_is_not_called_stopped() -> None:
    waiting = unit(**STOPPED, sockets=("eloquence-api.socket",))
    assert outcome(api_unit, seen(waiting, NOBODY)) == "place-unknown"


@pytest.mark.parametrize(
    ("listeners", "expected"),
    [
        (listening("0.0.0.0", port=8083, pid=0), "place-unknown"),
        (listening("0.0.0.0", port=8000, pid=0), "ok"),
        (listening("0.0.0.0", port=8083, unit="other.service"), "not-listening"),
    ],
)
def test_the_default_of_a_program_counts_where_nothing_hidden_may_be_the_units(
    listeners: AnyObservation, expected: str
) -> None:
    """An environment variable may name another port, and without root nobody sees whose it is."""
    different = {"command": "/v/bin/uvicorn api:app"} | ago(60)
    assert outcome(api_unit, seen(unit(**different), listeners)) == expected
    root = unit(**(different | {"user": ""}))
    if expected == "place-unknown":
        assert outcome(api_unit, seen(root, listeners)) == "not-listening"


@pytest.mark.parametrize(("port", "expected"), [(9000, "ok"), (9001, "not-listening")])
def test_a_service_that_answered_a_moment_later_was_only_starting(port: int, expected: str) -> None:
    api = unit(command="/v/bin/uvicorn api:app --port 9000", **ago(60))
    answered = exchange("server-api", endpoint=f"http://127.0.0.1:{port}")
    assert outcome(api_unit, seen(api, NOBODY, answered)) == expected


def test_livekit_that_refused_its_configuration_was_not_stopped_by_anybody() -> None:
    stopped = unit(LIVEKIT_UNIT, **STOPPED)
    refusal = ("config-unknown-field", "field prot not found in type config.Config")
    run = seen(stopped, journal(refusal, name=LIVEKIT_UNIT), NOBODY)
    assert outcome(livekit_unit, run) == "ended"
    before = seen(stopped, journal(refusal, name=LIVEKIT_UNIT, of_last_run=False), NOBODY)
    assert outcome(livekit_unit, before) == "stopped"


@pytest.mark.parametrize(
    ("listeners", "expected"),
    [
        ((NOBODY,), "not-installed"),
        ((listening("127.0.0.1", port=7880),), "absent"),
        ((), "absent"),
    ],
)
def test_livekit_without_a_unit_is_missing_only_where_nothing_listens(
    listeners: tuple[AnyObservation, ...], expected: str
) -> None:
    assert outcome(livekit_unit, seen(unit(LIVEKIT_UNIT, **ABSENT), *listeners)) == expected


def test_livekits_port_is_the_one_of_its_configuration() -> None:
    config = LiveKitConfig(
        at_s=0.0, path="/etc/livekit.yaml", exists=True, settings=(Setting(name="port", value=17),)
    )
    run = seen(unit(LIVEKIT_UNIT, **ago(60)), config, listening("127.0.0.1", port=17))
    assert outcome(livekit_unit, run) == "ok"


@pytest.mark.parametrize(
    ("settings", "listeners", "expected"),
    [
        # Another file is in force than the one on disk.
        ((Setting(name="port", value=17),), listening("::", port=7990, unit=LIVEKIT_UNIT), "ok"),
        (None, listening("::", port=7990, unit=LIVEKIT_UNIT), "ok"),
        (None, listening("::", port=7990, pid=0), "place-unknown"),
        ((), listening("::", port=7990, pid=0), "not-listening"),
    ],
)
def test_livekits_port_where_its_file_does_not_tell(
    settings: tuple[Setting, ...] | None, listeners: AnyObservation, expected: str
) -> None:
    config = LiveKitConfig(at_s=0.0, path="/etc/livekit.yaml", exists=True, settings=settings)
    run = seen(unit(LIVEKIT_UNIT, **ago(60)), config, listeners)
    assert outcome(livekit_unit, run) == expected


@pytest.mark.parametrize(
    ("different", "expected"),
    [
        ({}, "ok"),
        ({"unit_file_state": "static"}, "ok"),
        ({"unit_file_state": "generated"}, "ok"),
        ({"unit_file_state": "disabled"}, "not-enabled"),
        ({"unit_file_state": "enabled-runtime"}, "not-enabled"),
        ({"unit_file_state": "masked"}, "not-enabled"),
        ({"unit_file_state": "disabled", "sockets": ("eloquence-api.socket",)}, "ok"),
        (ABSENT, "no-unit"),
    ],
)
def test_what_starts_at_boot(different: dict[str, Any], expected: str) -> None:
    assert outcome(api_enabled, seen(unit(**different), SERVED)) == expected
    of_livekit = seen(unit(LIVEKIT_UNIT, **different), SERVED)
    assert outcome(livekit_enabled, of_livekit) == expected


def test_a_unit_that_systemd_has_not_read_again() -> None:
    assert outcome(api_loaded, seen(unit(), SERVED)) == "ok"
    assert outcome(api_loaded, seen(unit(needs_daemon_reload=True), SERVED)) == "changed"
