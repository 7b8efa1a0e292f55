"""Which part of the logs is wanted."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    """`lines` of each log before now (None: all), or from `since`; seconds since 1970, by this
    machine's clock. `follows`: and everything that comes after."""

    lines: int | None
    since: float | None = None
    until: float | None = None
    follows: bool = True
