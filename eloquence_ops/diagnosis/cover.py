"""Minimum set covers, exactly. Pure combinatorics: no word of the domain in here."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import TypeVar

Item = TypeVar("Item", bound=Hashable)
Name = TypeVar("Name", bound=Hashable)


def components(
    sets: Mapping[Name, frozenset[Item]],
) -> Iterator[tuple[frozenset[Item], dict[Name, frozenset[Item]]]]:
    """The parts of the problem that share no item: each has its covers for itself.

    Without this, independent ties would multiply the number of covers.
    """
    remaining = dict(sets)
    while remaining:
        name, items = remaining.popitem()
        part, universe = {name: items}, set(items)
        grew = True
        while grew:
            touching = [other for other, members in remaining.items() if members & universe]
            grew = bool(touching)
            for other in touching:
                part[other] = remaining.pop(other)
                universe |= part[other]
        yield frozenset(universe), part


def minimum_covers(
    universe: frozenset[Item], sets: Mapping[Name, frozenset[Item]]
) -> set[frozenset[Name]]:
    """Every cover of `universe` with the fewest sets. Each item must be in at least one set."""
    if not universe:
        return {frozenset()}
    holders = {item: [name for name in sets if item in sets[name]] for item in universe}
    for size in range(1, len(sets) + 1):
        if found := set(_covers(universe, sets, holders, size, frozenset())):
            return found
    return set()


def _covers(
    left: frozenset[Item],
    sets: Mapping[Name, frozenset[Item]],
    holders: Mapping[Item, list[Name]],
    size: int,
    chosen: frozenset[Name],
) -> Iterator[frozenset[Name]]:
    if not left:
        yield chosen
        return
    if size == 0:
        return
    # The item with the fewest holders branches least.
    hardest = min(left, key=lambda item: len(holders[item]))
    for name in holders[hardest]:
        yield from _covers(left - sets[name], sets, holders, size - 1, chosen | {name})
