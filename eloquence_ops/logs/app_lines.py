"""A line that the app printed, behind what a console or Android's log put before it."""

from __future__ import annotations

from typing import Final

from eloquence_ops.logs.entry import Stamp, Words
from eloquence_ops.logs.formats import (
    bracketed,
    dart_logging,
    json_lines,
    logger_box,
    timestamped,
)
from eloquence_ops.logs.levels import level_of

_FORMATS: Final = (
    logger_box.FORMAT,
    bracketed.FORMAT,
    dart_logging.FORMAT,
    json_lines.FORMAT,
    timestamped.FORMAT,
)
_FLUTTER: Final = "flutter"


def read_app_line(line: str) -> Words:
    first = line[:1]
    for format_ in _FORMATS:
        if first and first in format_.starts and (words := format_.read(line)) is not None:
            return words
    return Words(line)


def read_logcat_line(tag: str, pid: str, letter: str, message: str, stamp: Stamp | None) -> Words:
    """`letter`: Android's level, I for all that Dart prints: where the app's own is written too,
    that one is true. Android's moment is kept where there is one, for it has a date."""
    level, speaker = level_of(letter), f"{tag}/{pid}"
    if tag != _FLUTTER:
        return Words(message, level, stamp, (("tag", tag),), speaker)
    words = read_app_line(message)
    return Words(words.message, words.level or level, stamp or words.stamp, words.fields, speaker)
