"""Ports as ranges."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eloquence_ops.port_spans import Span, each, packed, sample, spans, told, unpacked

PORTS = st.integers(1, 65535)


def test_ports_with_the_same_state_are_one_span() -> None:
    found = spans({3: "open", 1: "open", 2: "open", 5: "closed", 9: "open"})
    assert found == (Span(1, 3, 3, "open"), Span(5, 5, 1, "closed"), Span(9, 9, 1, "open"))


def test_a_sample_is_a_range_that_counts_what_was_asked() -> None:
    assert spans({50000: "closed", 50050: "closed"}) == (Span(50000, 50050, 2, "closed"),)
    assert each({80: "open", 443: "open"}) == (Span(80, 80, 1, "open"), Span(443, 443, 1, "open"))


@given(st.dictionaries(PORTS, st.sampled_from("abc"), max_size=40))
def test_no_port_is_lost_and_neighbours_differ(states: dict[int, str]) -> None:
    found = spans(states)
    assert sum(one.count for one in found) == len(states)
    assert all(one.state != other.state for one, other in itertools.pairwise(found))
    for port, state in states.items():
        assert any(one.first <= port <= one.last and one.state == state for one in found)


@given(PORTS, PORTS, st.integers(2, 300))
def test_a_sample_is_spread_over_the_range(one: int, other: int, most: int) -> None:
    first, last = sorted((one, other))
    chosen = sample(first, last, most)
    assert len(chosen) == len(set(chosen)) <= most
    assert (chosen[0], chosen[-1]) == (first, last)
    # Nothing of this size is missed.
    widest = max((b - a for a, b in itertools.pairwise(chosen)), default=0)
    assert widest <= (last - first) / (most - 1) + 1


@given(st.sets(PORTS, max_size=60))
def test_what_was_packed_comes_out_again(ports: set[int]) -> None:
    assert unpacked(packed(ports)) == ports


@pytest.mark.parametrize(
    "wire", [None, {}, [1], [[1]], [[1, 2, 3]], [[0, 5]], [["1", 2]], [[True, 2]], [[1, 70000]]]
)
def test_anything_else_from_a_wire_is_refused(wire: object) -> None:
    with pytest.raises(ValueError, match="range"):
        unpacked(wire)


def test_ports_are_told_as_ranges_and_too_many_are_counted() -> None:
    assert told([50000, 50001, 50002, 55000]) == "50000-50002, 55000"
    assert told(range(1, 100, 2), most=2) == "1, 3 … (+48)"
