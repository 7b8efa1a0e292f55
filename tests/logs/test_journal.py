"""journald's entries, in every form that journalctl writes them."""

from __future__ import annotations

import json

import pytest

from eloquence_ops.logs.entry import Level
from eloquence_ops.logs.journal import Record, beginning, read, words

PLACE = {"__CURSOR": "s=1;i=2", "__REALTIME_TIMESTAMP": "1764531467123456"}


def entry(**fields: object) -> Record | None:
    return read(json.dumps(PLACE | fields).encode())


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("plain", "plain"),
        ([27, 91, 51, 49, 109, 114], "\x1b[31mr"),
        ([195, 169, 255], "é\\xff"),
        (["first", "second"], "first second"),
        ([[104, 105], "there"], "hi there"),
        (None, ""),
        (17, ""),
        ([1e9, -5, 70], ""),
    ],
)
def test_a_message_in_every_form(message: object, shown: str) -> None:
    found = entry(MESSAGE=message, PRIORITY="6")
    assert found is not None
    assert found.message == shown
    assert found.at == 1764531467.123456
    assert found.cursor == "s=1;i=2"


@pytest.mark.parametrize(
    ("priority", "level"),
    [
        ("0", Level.CRITICAL),
        ("3", Level.ERROR),
        ("4", Level.WARNING),
        ("5", Level.NOTICE),
        ("6", None),  # what systemd gives to whatever a service prints
        ("7", Level.DEBUG),
        ("8", None),
        ("", None),
        (None, None),
        (["3", "4"], None),
    ],
)
def test_a_priority_is_a_level(priority: object, level: Level | None) -> None:
    found = entry(MESSAGE="m", PRIORITY=priority)
    assert found is not None
    assert found.level == level


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"-- No entries --",
        b"[]",
        b"{}",
        b"[" * 100_000,
        json.dumps({**PLACE, "__REALTIME_TIMESTAMP": "9" * 40}).encode(),
        json.dumps({**PLACE, "__REALTIME_TIMESTAMP": "x"}).encode(),
        json.dumps({**PLACE, "__CURSOR": None}).encode(),
    ],
)
def test_what_is_no_entry_is_none(line: bytes) -> None:
    assert read(line) is None


def test_two_processes_of_a_unit_are_told_apart() -> None:
    one, other = (entry(MESSAGE="m", _PID=pid, SYSLOG_IDENTIFIER="uvicorn") for pid in ("7", "8"))
    assert one is not None
    assert other is not None
    assert one.speaker != other.speaker


def test_the_arguments_choose_the_units_and_the_span() -> None:
    chosen = words(["eloquence-api.service", "livekit.service"])
    assert "--unit=eloquence-api.service" in chosen
    assert "--all" in chosen
    assert beginning(10, None, None) == ["--lines=10"]
    assert beginning(None, 5.5, 9) == ["--since=@5.500000", "--until=@9.000000", "--lines=all"]
