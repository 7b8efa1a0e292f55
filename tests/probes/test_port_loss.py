"""When silence is a firewall's, and not loss."""

from __future__ import annotations

import random

import pytest

from eloquence_ops.probes.ports.loss import LEAST_S, MOST_S, Tally, tries_needed

LATER = LEAST_S + 0.1


@pytest.mark.parametrize(("loss", "least", "most"), [(0, 3, 4), (0.05, 6, 7), (0.2, 11, 13)])
def test_the_more_is_lost_the_more_often_a_silent_port_is_asked(
    loss: float, least: int, most: int
) -> None:
    assert least <= tries_needed(loss, 100, 10_001) <= most


def test_nothing_is_asked_again_where_everything_answered() -> None:
    tally = Tally(frozenset(range(100)))
    tally.passed(range(100), overflowed=False)
    tally.answered |= set(range(100))
    assert tally.is_settled(0.0)
    assert set(tally.states().values()) == {"answered"}


def test_one_bad_moment_blocks_nothing() -> None:
    tally = Tally(frozenset(range(100)))
    for _ in range(20):
        tally.passed(tally.missing, overflowed=False)
        tally.answered |= set(range(50))
    assert not tally.is_settled(0.5)
    assert tally.is_settled(LATER)


def test_a_pass_in_which_a_buffer_of_ours_overflowed_is_no_try() -> None:
    tally = Tally(frozenset(range(100)))
    tally.answered.add(0)
    for _ in range(10):
        tally.passed(tally.missing, overflowed=True)
    assert tally.tries == 0
    assert not tally.is_settled(LATER)
    assert set(tally.states().values()) == {"answered", "not-tried"}
    assert tally.is_settled(MOST_S)


def test_where_each_port_was_lost_is_told() -> None:
    tally = Tally(frozenset(range(5)), tries=9)
    tally.answered, tally.heard, tally.arrived = {0}, {0, 1}, {0, 1, 2}
    tally.unsent = {4}
    assert tally.states() == {
        0: "answered",
        1: "heard",
        2: "stopped",
        3: "lost-before",
        4: "local",
    }


@pytest.mark.parametrize("loss", [0.0, 0.05, 0.15, 0.3])
def test_chance_alone_calls_no_port_blocked_in_a_hundred_runs(loss: float) -> None:
    chance, wrong = random.Random(1), 0
    for _ in range(100):
        tally = Tally(frozenset(range(500)))
        while not tally.is_settled(LATER):
            missing = tally.missing
            tally.passed(missing, overflowed=False)
            tally.answered |= {port for port in missing if chance.random() >= loss}
        wrong += sum(state != "answered" for state in tally.states().values())
    assert wrong == 0
