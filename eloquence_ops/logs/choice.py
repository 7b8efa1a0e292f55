"""Which entries are shown. Pure."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from typing import Final

from eloquence_ops.logs.entry import Entry, Level
from eloquence_ops.logs.session import SessionFollower
from eloquence_ops.logs.span import Span

_UNSAID: Final = Level.INFO
# A line that tells whole seconds stands up to a second before those that say whose its ids are.
_RECALLED_S: Final = 1.5
_MOST_RECALLED: Final = 500


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
        self._recent: deque[Entry] = deque(maxlen=_MOST_RECALLED)
        self._takes_all = not (level or grep or exclude or session or span.since or span.until)

    def chosen(self, entry: Entry) -> Sequence[Entry]:
        """What is shown now: the entry or nothing, behind those that it shows to be the session's.

        Before secrets are masked: a token says which room a line is about.
        """
        if self._takes_all:
            return (entry,)
        if self._session is None:
            return (entry,) if self._wants(entry) else ()
        known = self._session.known
        if not self._session.belongs(entry.raw, entry.fields):
            if self._session.may_turn_out(entry.raw):
                self._recent.append(entry)
            return ()
        recalled = self._recalled(entry.at) if self._session.known > known else []
        return [one for one in (*recalled, entry) if self._wants(one)]

    def _recalled(self, at: float) -> list[Entry]:
        if self._session is None:
            return []
        found: list[Entry] = []
        others: list[Entry] = []
        for entry in self._recent:
            is_its = self._session.belongs(entry.raw, entry.fields)
            (found if is_its and entry.at >= at - _RECALLED_S else others).append(entry)
        self._recent.clear()
        self._recent.extend(others)
        return found

    def _wants(self, entry: Entry) -> bool:
        span = self._span
        if span.since is not None and entry.at < span.since:
            return False
        if span.until is not None and entry.at > span.until:
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
