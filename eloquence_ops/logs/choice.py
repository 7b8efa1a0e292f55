"""Which entries are shown. Pure."""

from __future__ import annotations

import re
from typing import Final

from eloquence_ops.logs.entry import Entry, Level
from eloquence_ops.logs.session import SessionFollower
from eloquence_ops.logs.span import Span

_UNSAID: Final = Level.INFO


class Chooser:
    """Which entries are shown. `session` follows one; it learns, so each entry is asked once."""

    def __init__(
        self,
        span: Span,
        *,
        level: Level | None = None,
        grep: tuple[re.Pattern[str], ...] = (),
        exclude: tuple[re.Pattern[str], ...] = (),
        session: SessionFollower | None = None,
    ) -> None:
        self._span, self._level = span, level
        self._grep, self._exclude, self._session = grep, exclude, session
        self._takes_all = not (level or grep or exclude or session or span.since or span.until)

    def wants(self, entry: Entry) -> bool:
        """Before its secrets are masked: a token says which room a line is about."""
        if self._takes_all:
            return True
        span = self._span
        if span.since is not None and entry.at < span.since:
            return False
        if span.until is not None and entry.at > span.until:
            return False
        if self._session is not None and not self._session.belongs(entry.raw, entry.fields):
            return False
        level = _UNSAID if entry.level is None else entry.level
        return self._level is None or level >= self._level

    def wants_text(self, text: str) -> bool:
        """Of the text as it is shown: `message key=value`."""
        if self._takes_all:
            return True
        if self._grep and not any(pattern.search(text) for pattern in self._grep):
            return False
        return not any(pattern.search(text) for pattern in self._exclude)
