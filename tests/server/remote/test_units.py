"""What systemd says of the units."""

from __future__ import annotations

import pytest

from eloquence_ops.server.remote import units
from eloquence_ops.server.remote.units import Unit
from tests.server.remote import recorded


@pytest.fixture(scope="module")
def shown() -> dict[str, Unit]:
    return {unit.id: unit for unit in units.parse(recorded.text("systemctl-show.txt"))}


def test_every_unit_of_one_answer_is_read_in_order() -> None:
    parsed = units.parse(recorded.text("systemctl-show.txt"))
    assert [unit.id for unit in parsed] == [
        "eloquence-api.service",
        "livekit.service",
        "nginx.service",
        "caddy.service",
        "haproxy.service",
        "api-noattr.service",
    ]


def test_a_running_unit(shown: dict[str, Unit]) -> None:
    told = units.described(shown["eloquence-api.service"], "eloquence-api.service")
    assert (told["active_state"], told["sub_state"]) == ("active", "running")
    assert (told["main_pid"], told["ended"], told["exit_status"]) == (244, "", None)
    assert told["user"] == "ubuntu"
    assert told["needs_daemon_reload"] is True
    assert told["drop_ins"] == ["/etc/systemd/system/eloquence-api.service.d/restart.conf"]
    assert told["environment_files"] == [
        {"path": "/home/ubuntu/eloquence_backend_py/.env.local", "optional": False}
    ]
    assert told["active_since"] == 1795172073


def test_a_unit_that_failed(shown: dict[str, Unit]) -> None:
    told = units.described(shown["api-noattr.service"], "api-noattr.service")
    assert (told["active_state"], told["result"]) == ("failed", "exit-code")
    assert (told["restarts"], told["ended"], told["exit_status"]) == (5, "exited", 3)
    assert told["main_pid"] is None


def test_livekit_with_a_wrong_key_is_stopped_and_not_failed(shown: dict[str, Unit]) -> None:
    told = units.described(shown["livekit.service"], "livekit.service")
    assert (told["active_state"], told["result"]) == ("inactive", "success")
    assert told["unit_file_state"] == "disabled"
    assert told["active_since"] is None


def test_the_words_of_a_command_with_semicolons_in_it(shown: dict[str, Unit]) -> None:
    words = ["/usr/sbin/nginx", "-g", "daemon", "on;", "master_process", "on;"]
    assert shown["nginx.service"].arguments == words


def test_a_unit_that_is_not_there() -> None:
    (unit,) = units.parse("Id=gone.service\nLoadState=not-found\nActiveState=inactive\n")
    assert not unit.is_loaded
    assert unit.arguments == []


def test_several_commands_and_environment_files_are_lines_of_one_property() -> None:
    (unit,) = units.parse(
        "Id=a.service\n"
        "EnvironmentFiles=/a b/.env (ignore_errors=no)\n"
        "EnvironmentFiles=/c (ignore_errors=yes)\n"
    )
    assert unit.environment_files == [("/a b/.env", False), ("/c", True)]


@pytest.mark.parametrize(
    ("stamp", "seconds"),
    [
        ("Fri 2026-11-20 10:54:33 UTC", 1795172073),
        ("", None),
        ("n/a", None),
        ("Fri 2026-11-20 10:54:33 CET", None),
    ],
)
def test_a_moment(stamp: str, seconds: int | None) -> None:
    assert units.seconds(stamp) == seconds


def test_values_of_the_environment_are_not_told() -> None:
    (unit,) = units.parse("Id=a.service\nEnvironment=LANGUAGE=fr\n")
    assert unit.variables == [("LANGUAGE", "fr")]
    assert "LANGUAGE" not in str(units.described(unit, "a.service"))
