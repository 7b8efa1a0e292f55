"""How far another clock is from ours."""

from __future__ import annotations

import pytest

from eloquence_ops.logs.clock import ClockDifference, StampedDifference


@pytest.mark.parametrize(
    ("sent", "answer", "received", "seconds"),
    [
        (100.0, 100.05, 100.1, 0.0),  # in between: both are believed
        (100.0, 107.05, 100.1, 7.0),
        (100.0, 40.05, 100.1, -60.0),
        (100.0, 100.5, 101.2, 0.0),  # too slow an answer to say
    ],
)
def test_of_a_server_that_answers(
    sent: float, answer: float, received: float, seconds: float
) -> None:
    clock = ClockDifference()
    clock.learn(sent, answer, received)
    assert clock.seconds == pytest.approx(seconds)


def test_a_quicker_answer_knows_better() -> None:
    clock = ClockDifference()
    clock.learn(100.0, 108.0, 102.0)
    assert clock.seconds == pytest.approx(7.0)
    assert clock.learn(110.0, 117.52, 110.02)
    assert clock.seconds == pytest.approx(7.51)
    assert not clock.learn(120.0, 150.0, 121.0)
    assert clock.seconds == pytest.approx(7.51)


def test_of_lines_that_come_with_their_stamps() -> None:
    difference = StampedDifference(began=1000.0)
    # An hour's worth of what the device had; it says nothing about its clock.
    assert difference.learn(stamped=-2600.0, came=1000.1) == 0.0
    assert difference.learn(stamped=900.0, came=1000.2) == 0.0
    # Live: half a minute behind, give or take the way.
    assert difference.learn(stamped=975.0, came=1005.4) == pytest.approx(30.4)
    assert difference.learn(stamped=976.0, came=1006.1) == pytest.approx(30.1)
    assert difference.learn(stamped=977.0, came=1012.0) == pytest.approx(30.1)


def test_a_stamp_in_the_future_is_a_clock_that_is_ahead_at_once() -> None:
    difference = StampedDifference(began=1000.0)
    assert difference.learn(stamped=1100.0, came=1000.1) == pytest.approx(-99.9)


def test_a_slow_way_is_no_wrong_clock() -> None:
    difference = StampedDifference(began=1000.0)
    assert difference.learn(stamped=1009.0, came=1010.5) == 0.0
