"""The words and numbers of programs are levels."""

from __future__ import annotations

import pytest

from eloquence_ops.logs.entry import Level
from eloquence_ops.logs.levels import level_of, level_of_number, level_of_status


@pytest.mark.parametrize(
    ("words", "level"),
    [
        ("FINEST FINER trace V Verbose", Level.TRACE),
        ("DEBUG debug FINE CONFIG D", Level.DEBUG),
        ("INFO info Info I SUCCESS", Level.INFO),
        ("notice", Level.NOTICE),
        ("WARN warning Warning W", Level.WARNING),
        ("ERROR error err E SEVERE", Level.ERROR),
        ("CRITICAL crit fatal SHOUT emerg alert F panic dpanic", Level.CRITICAL),
    ],
)
def test_a_word_is_a_level(words: str, level: Level) -> None:
    assert {level_of(word) for word in words.split()} == {level}


@pytest.mark.parametrize("word", ["", "INFORMED", "x", "Infos", "\0"])
def test_another_word_is_none(word: str) -> None:
    assert level_of(word) is None


@pytest.mark.parametrize(
    ("number", "level"),
    [
        (0, Level.CRITICAL),
        (3, Level.ERROR),
        (4, Level.WARNING),
        (5, Level.NOTICE),
        (6, Level.INFO),
        (7, Level.DEBUG),
        (10, Level.TRACE),
        (20, Level.DEBUG),
        (30, Level.INFO),
        (40, Level.WARNING),
        (50, Level.ERROR),
        (60, Level.CRITICAL),
        (8, None),
        (-1, None),
        (101, None),
        (float("nan"), None),
        (float("inf"), None),
    ],
)
def test_a_number_is_syslog_s_or_pino_s(number: float, level: Level | None) -> None:
    assert level_of_number(number) is level


@pytest.mark.parametrize(
    ("status", "level"),
    [
        (101, Level.INFO),
        (399, Level.INFO),
        (400, Level.WARNING),
        (499, Level.WARNING),
        (500, Level.ERROR),
    ],
)
def test_the_server_s_failures_are_errors_and_the_client_s_warnings(
    status: int, level: Level
) -> None:
    assert level_of_status(status) is level
