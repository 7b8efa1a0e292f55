"""How programs write their lines: one module a format, found by being here.

A module has `FORMAT`, a `Format`. A new format is a new file.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final

from eloquence_ops.logs.entry import Words

GENERAL: Final = 50
"""From this rank on a format also fits lines of stricter ones: it is tried when those failed."""

# Colours only (SGR), as a terminal gets them and as Xcode's console writes them.
_COLOURS: Final = re.compile(r"(?:\x1b|\\\^\[)\[[0-9;]{0,32}m")


@dataclass(frozen=True, slots=True)
class Format:
    """`read` gives what a line says, or None where the line is of another format. It is called for
    every line: it is linear in the line's length, and turns down at the first character if it can.
    `rank`: lower is tried first; below `GENERAL` no two formats fit the same line.
    `starts`: the characters that its lines begin with; empty: any."""

    name: str
    rank: int
    read: Callable[[str], Words | None]
    starts: str = ""


@cache
def formats() -> tuple[Format, ...]:
    """All of them, the strictest first."""
    found = [
        importlib.import_module(f"{__name__}.{module.name}").FORMAT
        for module in pkgutil.iter_modules(__path__)
    ]
    return tuple(sorted(found, key=lambda format_: (format_.rank, format_.name)))


def without_colours(line: str) -> str:
    return _COLOURS.sub("", line) if "\x1b[" in line or "\\^[" in line else line


class Reader:
    """Reads the lines of one source; tries first what fitted last. Anything that no format knows
    is a message as it stands, without its colours."""

    def __init__(self) -> None:
        known = {character for format_ in formats() for character in format_.starts}
        self._by_start = {
            character: [
                format_
                for format_ in formats()
                if not format_.starts or (character and character in format_.starts)
            ]
            for character in ("", *known)
        }
        self._others = self._by_start[""]

    def read(self, line: str) -> Words:
        line = without_colours(line)
        order = self._by_start.get(line[:1], self._others)
        for place, format_ in enumerate(order):
            words = format_.read(line)
            if words is not None:
                if place and format_.rank < GENERAL:
                    order.insert(0, order.pop(place))
                return words
        return Words(line)
