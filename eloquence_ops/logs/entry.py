"""What the stream is made of: lines as they came, and entries as they are shown.

Named tuples where there is one for each line: a frozen dataclass takes four times as long to make.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from eloquence_ops.errors import EloquenceError


class Level(IntEnum):
    """How serious an entry is. A syslog priority, Python's levels and Dart's all map onto these."""

    TRACE = 5
    DEBUG = 10
    INFO = 20
    NOTICE = 25
    WARNING = 30
    ERROR = 40
    CRITICAL = 50


Fields = tuple[tuple[str, str], ...]
"""`key=value` of a structured line, in its own order, values as text."""


class Stamp(NamedTuple):
    """A moment as a line writes it. What the line leaves out is None.

    `of_day_s`: seconds since midnight. `east_s`: the zone, in seconds east of Greenwich. A moment
    in seconds since 1970 is written as the UTC day that it falls on.
    """

    of_day_s: float
    year: int | None = None
    month: int | None = None
    day: int | None = None
    east_s: int | None = None


class Words(NamedTuple):
    """What one line says, read by a format: the message without what was taken out of it.

    `speaker` tells the writers of one source apart (a logcat tag with its pid): lines of two are
    never one entry.
    """

    message: str
    level: Level | None = None
    stamp: Stamp | None = None
    fields: Fields = ()
    speaker: str = ""


class Line(NamedTuple):
    """One line of one source. `at` is in seconds since 1970, by the clock of `source`'s machine."""

    source: str
    at: float
    words: Words
    raw: str


class Entry(NamedTuple):
    """One or more lines that belong together (a traceback is one entry); `message` may hold line
    ends. `at` is by this machine's clock."""

    source: str
    at: float
    level: Level | None
    message: str
    fields: Fields
    raw: str


@dataclass(frozen=True, slots=True)
class Note:
    """Something that happened to the stream itself, a lost link or a gap; not a line of any log.

    `phrase_id` in phrases.toml (section `logs`) is filled in with `values` and, as `said`, with the
    sentence of `refusal`.
    """

    source: str
    at: float
    phrase_id: str
    values: tuple[tuple[str, str], ...] = ()
    refusal: EloquenceError | None = None
