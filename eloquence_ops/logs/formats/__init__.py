"""How programs write their lines: one module a format, found by being here.

A module has `FORMAT`, a `Format`. A new format is a new file.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from eloquence_ops.logs.entry import Words


@dataclass(frozen=True, slots=True)
class Format:
    """`read` gives what a line says, or None where the line is of another format. It is called for
    every line: it is linear in the line's length, and turns down at the first character if it can.
    `rank`: lower is tried first, so the strictest formats have the lowest."""

    name: str
    rank: int
    read: Callable[[str], Words | None]


@cache
def formats() -> tuple[Format, ...]:
    """All of them, the strictest first."""
    found = [
        importlib.import_module(f"{__name__}.{module.name}").FORMAT
        for module in pkgutil.iter_modules(__path__)
    ]
    return tuple(sorted(found, key=lambda format_: (format_.rank, format_.name)))


class Reader:
    """Reads the lines of one source; tries first what fitted last. Anything that no format knows
    is a message as it stands."""

    def __init__(self) -> None:
        self._order = list(formats())

    def read(self, line: str) -> Words:
        for place, format_ in enumerate(self._order):
            words = format_.read(line)
            if words is not None:
                if place:
                    self._order.insert(0, self._order.pop(place))
                return words
        return Words(line)
