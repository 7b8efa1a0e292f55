"""What comes from several sources goes out in the order of its times."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eloquence_ops.logs.merge import BEGINNING_S, ROOM, WINDOW_S, Merger


@dataclass(frozen=True)
class Item:
    source: str
    at: float
    number: int = 0


def merger(*names: str, follows: bool = False) -> Merger[Item]:
    found: Merger[Item] = Merger(list(names), follows=follows, started=0.0)
    for name in names:
        found.begin(name)
    return found


@given(
    st.lists(st.lists(st.integers(0, 50), max_size=20), min_size=1, max_size=4),
    st.randoms(use_true_random=False),
)
def test_what_ends_comes_out_whole_and_in_order(times: list[list[int]], random: object) -> None:
    names = [f"s{place}" for place in range(len(times))]
    merged = merger(*names)
    left = {
        name: [Item(name, at, number) for number, at in enumerate(sorted(stamps))]
        for name, stamps in zip(names, times, strict=True)
    }
    everything = [item for items in left.values() for item in items]
    out: list[Item] = []
    while any(left.values()):
        name = random.choice([name for name in names if left[name]])  # type: ignore[attr-defined]
        merged.add(name, [left[name].pop(0)], now=0.0)
        out += merged.ready(0.0)
    for name in names:
        merged.end(name)
    out += merged.ready(0.0)
    assert [item.at for item in out] == sorted(item.at for item in everything)
    for name in names:
        assert [item for item in out if item.source == name] == [
            item for item in everything if item.source == name
        ]


def test_nothing_goes_out_while_an_earlier_entry_could_still_come() -> None:
    merged = merger("a", "b")
    merged.add("a", [Item("a", 5.0)], now=0.0)
    assert merged.ready(1000.0) == []
    merged.add("b", [Item("b", 3.0)], now=1000.0)
    assert merged.ready(1000.0) == [Item("b", 3.0)]
    merged.end("b")
    assert merged.ready(1000.0) == [Item("a", 5.0)]


def test_whoever_follows_waits_for_a_silent_source_no_longer_than_the_window() -> None:
    merged = merger("a", "b", follows=True)
    merged.add("a", [Item("a", 5.0)], now=100.0)
    assert merged.ready(100.0 + WINDOW_S / 2) == []
    assert merged.ready(100.0 + WINDOW_S) == [Item("a", 5.0)]


def test_within_the_window_the_earlier_one_goes_first() -> None:
    merged = merger("a", "b", follows=True)
    merged.add("a", [Item("a", 5.0)], now=100.0)
    merged.add("b", [Item("b", 4.0)], now=100.0 + WINDOW_S / 2)
    assert merged.ready(100.0 + WINDOW_S * 2) == [Item("b", 4.0), Item("a", 5.0)]


def test_one_source_alone_waits_for_nobody() -> None:
    merged = merger("a", follows=True)
    merged.add("a", [Item("a", 5.0), Item("a", 6.0)], now=100.0)
    assert merged.ready(100.0) == [Item("a", 5.0), Item("a", 6.0)]


def test_a_source_that_is_not_connected_yet_is_waited_for_but_not_for_ever() -> None:
    merged: Merger[Item] = Merger(["a", "b"], follows=True, started=0.0)
    merged.add("a", [Item("a", 5.0)], now=0.5)
    assert merged.ready(0.5 + 2 * WINDOW_S) == []
    assert merged.ready(BEGINNING_S + WINDOW_S) == [Item("a", 5.0)]


def test_a_clock_that_goes_back_does_not_disorder_its_own_source() -> None:
    merged = merger("a", "b")
    merged.add("a", [Item("a", 9.0, 1), Item("a", 2.0, 2), Item("a", 10.0, 3)], now=0.0)
    merged.add("b", [Item("b", 9.5)], now=0.0)
    merged.end("a")
    merged.end("b")
    assert [item.at for item in merged.ready(0.0)] == [9.0, 2.0, 9.5, 10.0]


def test_a_source_that_floods_leaves_room_for_the_others() -> None:
    merged = merger("flood", "quiet")
    merged.add("flood", [Item("flood", float(at)) for at in range(ROOM)], now=0.0)
    assert not merged.has_room("flood")
    assert merged.has_room("quiet")


@pytest.mark.parametrize("follows", [True, False])
def test_nothing_is_nothing(follows: bool) -> None:
    merged = merger("a", follows=follows)
    assert merged.ready(1e9) == []
    assert merged.is_empty()
