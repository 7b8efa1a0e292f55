"""Which causes a line points to, by the runbook's symptoms. Pure."""

from __future__ import annotations

import re
from functools import lru_cache

from eloquence_ops.catalogue.model import Catalogue
from eloquence_ops.logs.entry import Entry, Level

_LONGEST = 4000
_REMEMBERED = 4096


class Signs:
    """The symptoms that may be seen in a log, the most specific first."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._symptoms = [
            (_any_of(symptom.matches), symptom.causes)
            for symptom in catalogue.symptoms
            if symptom.in_logs and symptom.causes
        ]
        # The same line again and again is what a fault looks like.
        self._read = lru_cache(_REMEMBERED)(self._search)

    def of(self, entry: Entry, text: str) -> tuple[str, ...]:
        """The causes, the likeliest first; `text` is the entry as it is shown."""
        if entry.level is not None and entry.level < Level.INFO:
            return ()
        return self._read(entry.raw[:_LONGEST]) or self._read(text[:_LONGEST])

    def _search(self, text: str) -> tuple[str, ...]:
        for pattern, causes in self._symptoms:
            if pattern.search(text):
                return causes
        return ()


def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE)
