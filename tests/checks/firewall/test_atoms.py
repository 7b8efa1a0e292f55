"""Comparison in three values: never yes or no where the packet leaves it open."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eloquence_ops.checks.firewall.answer import Feature
from eloquence_ops.checks.firewall.atoms import (
    EVERYTHING,
    Atom,
    Bits,
    Device,
    Hidden,
    Named,
    Possible,
    Reading,
    SomeBit,
    Span,
    Truth,
    Unread,
    merged,
    one_of,
)

EPHEMERAL = Possible((Span(1024, 65535),), Feature.SOURCE_PORT)
SPANS = st.builds(
    lambda low, length: Span(low, low + length), st.integers(0, 40), st.integers(0, 8)
)


def known(value: int) -> Possible:
    return Possible((Span(value, value),), Feature.EXPRESSION)


@pytest.mark.parametrize(
    ("reading", "atoms", "truth"),
    [
        (known(22), [Span(22, 22)], Truth.YES),
        (known(22), [Span(23, 30), Span(1, 22)], Truth.YES),
        (known(22), [], Truth.NO),
        (known(22), [Bits(0xF, 6)], Truth.YES),
        (known(8), [SomeBit(10)], Truth.YES),
        (known(8), [SomeBit(0)], Truth.NO),
        (known(22), [Unread(Feature.EXPRESSION, "?")], Truth.MAYBE),
        (known(22), [Unread(Feature.EXPRESSION, "?"), Span(22, 22)], Truth.YES),
        (EPHEMERAL, [Span(53, 53)], Truth.NO),
        (EPHEMERAL, [Span(1024, 65535)], Truth.YES),
        (EPHEMERAL, [Span(1000, 40000), Span(40001, 65535)], Truth.YES),
        (EPHEMERAL, [Span(1000, 40000), Span(40002, 65535)], Truth.MAYBE),
        (EPHEMERAL, [Bits(1, 1)], Truth.MAYBE),
        (Device("eth0"), [Named("eth0")], Truth.YES),
        (Device("eth0"), [Named("eth", prefix=True)], Truth.YES),
        (Device("eth0"), [Named("eth")], Truth.NO),
        (Device(None), [Named("lo")], Truth.NO),
        (Device(None), [Named("eth0")], Truth.MAYBE),
        (Device(None), [Named("l", prefix=True)], Truth.MAYBE),
        (Device(None), [Named("", prefix=True)], Truth.YES),
        (Hidden(Feature.TIME, "hour"), [Span(0, 5)], Truth.MAYBE),
        (Hidden(Feature.TIME, "hour"), [EVERYTHING], Truth.YES),
    ],
)
def test_a_reading_is_compared_with_all_values_at_once(
    reading: Reading, atoms: list[Atom], truth: Truth
) -> None:
    assert one_of(reading, atoms) is truth


@given(st.lists(SPANS, min_size=1, max_size=3), st.lists(SPANS, max_size=4))
def test_yes_and_no_hold_for_every_possible_value(possible: list[Span], asked: list[Span]) -> None:
    values = {value for span in possible for value in range(span.low, span.high + 1)}
    told = {any(span.holds(value) for span in asked) for value in values}
    truth = one_of(Possible(tuple(possible), Feature.SOURCE_PORT), asked)
    assert (truth is Truth.YES) == (told == {True})
    assert (truth is Truth.NO) == (told == {False})


@given(st.lists(SPANS, max_size=6))
def test_merged_spans_hold_the_same_numbers(spans: list[Span]) -> None:
    fewer = merged(spans)
    for value in range(60):
        assert any(s.holds(value) for s in fewer) == any(s.holds(value) for s in spans)
    assert all(one.high + 1 < other.low for one, other in pairwise(fewer))
