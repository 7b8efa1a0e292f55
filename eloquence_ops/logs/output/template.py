"""A line as the user lays it out: `{time} {source} {message}`."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Final

from eloquence_ops.errors import UsageError
from eloquence_ops.logs.dress import Shown, quoted
from eloquence_ops.logs.output import Item
from eloquence_ops.logs.output.moments import Clock, iso

NAMES: Final = (
    "at", "date", "time", "source", "level", "message", "fields", "text", "causes",
)  # fmt: skip


class Template:
    """See `Output`. Raises `UsageError` for a layout that names what there is not.

    What happened to the stream is left out; it goes to standard error.
    """

    def __init__(self, layout: str, *, utc: bool) -> None:
        self._layout = layout.replace("\\n", "\n").replace("\\t", "\t")
        self._clock = Clock(utc=utc)
        try:
            named = [part[1] for part in string.Formatter().parse(self._layout)]
        except ValueError as error:
            raise UsageError("logs.template", layout=layout, reason=error) from None
        for name in named:
            if name is not None and name not in NAMES:
                raise UsageError("logs.template-name", name=name, known=", ".join(NAMES))
        try:
            self._layout.format(**dict.fromkeys(NAMES, ""))
        except (ValueError, KeyError, IndexError) as error:
            raise UsageError("logs.template", layout=layout, reason=error) from None

    def text(self, items: Sequence[Item]) -> str:
        return "".join(f"{self._line(item)}\n" for item in items if isinstance(item, Shown))

    def _line(self, shown: Shown) -> str:
        entry = shown.entry
        day, time = self._clock.read(entry.at)
        return self._layout.format(
            at=iso(entry.at),
            date=day,
            time=time,
            source=entry.source,
            level="" if entry.level is None else entry.level.name,
            message=shown.message,
            fields=" ".join(f"{key}={quoted(value)}" for key, value in shown.fields),
            text=shown.text,
            causes=" ".join(shown.causes),
        )
