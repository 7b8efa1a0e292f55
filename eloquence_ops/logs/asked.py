"""What is typed to choose entries, read. All of it raises `UsageError`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from eloquence_ops.errors import UsageError
from eloquence_ops.logs import times
from eloquence_ops.logs.entry import Level
from eloquence_ops.logs.span import Span

_DEFAULT_LINES: Final = 10


def span_of(
    now: datetime, since: str | None, until: str | None, lines: str | None, follow: bool | None
) -> Span:
    """`follow`: None where nobody said; then what has an end is not followed."""
    begin = times.parse(since, now) if since else None
    end = times.parse(until, now) if until else None
    if begin is not None and end is not None and end < begin:
        raise UsageError("logs.until-before-since", since=since, until=until)
    if end is not None and follow:
        raise UsageError("logs.until-and-follow")
    bounded = begin is not None or end is not None
    follows = follow if follow is not None else end is None
    return Span(_lines(lines, None if bounded else _DEFAULT_LINES), begin, end, follows)


def _lines(text: str | None, default: int | None) -> int | None:
    """None is all of them."""
    if text is None:
        return default
    if text == "all":
        return None
    if not re.fullmatch(r"\d{1,9}", text):
        raise UsageError("logs.lines", value=text)
    return int(text)


def level(text: str) -> Level:
    names = {known.name.lower(): known for known in Level} | {"warn": Level.WARNING}
    if text.lower() not in names:
        raise UsageError("logs.level", value=text, known=", ".join(names))
    return names[text.lower()]


def patterns(texts: Sequence[str]) -> tuple[re.Pattern[str], ...]:
    found = []
    for text in texts:
        try:
            found.append(re.compile(text))
        except (re.error, RecursionError, OverflowError) as error:
            raise UsageError("logs.pattern", pattern=text, reason=error) from None
    return tuple(found)
