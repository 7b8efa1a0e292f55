"""Which lines belong to the one before: one module a kind of trace, found by being here.

A module has `TRACE`, a `Trace`. A new kind is a new file.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from eloquence_ops.logs.entry import Level


@dataclass(frozen=True, slots=True)
class Trace:
    """`step(state, message)`: `state` is what the last step returned for the line before; returns
    the new state where `message` belongs to the entry that is open, else None. `opens(message)`
    gives the state after a line with which a trace begins that belongs to itself only
    (`begins_entry` true) or to the line before it (false: a `Traceback (most recent call last):`
    under uvicorn's `ERROR:    Exception in ASGI application`).

    `starts`: the characters that an opening line begins with, as few as possible: only for these is
    a line looked at closely. `level`: what the entry is raised to. `tidied`: the entry's lines
    without what only drew it.
    """

    name: str
    starts: str
    opens: Callable[[str], str | None]
    begins_entry: bool
    step: Callable[[str, str], str | None]
    level: Level | None = Level.ERROR
    tidied: Callable[[Sequence[str]], Sequence[str]] | None = None


@cache
def traces() -> tuple[Trace, ...]:
    found = [
        importlib.import_module(f"{__name__}.{module.name}").TRACE
        for module in pkgutil.iter_modules(__path__)
    ]
    return tuple(sorted(found, key=lambda trace: trace.name))
