"""The messages alone, as `cat` would: for another program to read."""

from __future__ import annotations

from collections.abc import Sequence

from eloquence_ops.logs.dress import Shown
from eloquence_ops.logs.output import Item


class Raw:
    """See `Output`. What happened to the stream is left out; it goes to standard error."""

    def text(self, items: Sequence[Item]) -> str:
        return "".join(f"{item.text}\n" for item in items if isinstance(item, Shown))
