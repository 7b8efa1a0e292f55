"""What could not be read, and why, fact by fact: unknown is told, never guessed."""

from __future__ import annotations

import sys
from types import TracebackType

from eloquence_ops.server.remote.reading import Unreadable, unreadable

MOST = 60


class Gaps:
    """The unknown facts of one subject.

    `with gaps.around("nft"): …` goes on behind the block when something in it could not be read.
    """

    def __init__(self) -> None:
        self.entries: list[dict[str, str]] = []

    def note(self, fact: str, reason: str, detail: str = "") -> None:
        if len(self.entries) < MOST:
            self.entries.append({"fact": fact, "reason": reason, "detail": detail})

    def around(self, fact: str, *, missing_is_known: bool = False) -> _Around:
        """`missing_is_known`: that there is no such file is told elsewhere already."""
        return _Around(self, fact, missing_is_known)


class _Around:
    def __init__(self, gaps: Gaps, fact: str, missing_is_known: bool) -> None:
        self._gaps = gaps
        self._fact = fact
        self._missing_is_known = missing_is_known

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if error is None:
            return False
        if not isinstance(error, Exception):
            return False
        problem = error if isinstance(error, Unreadable) else _described(error, traceback)
        if not (self._missing_is_known and problem.reason == "not-found"):
            self._gaps.note(self._fact, problem.reason, problem.detail)
        return True


def _described(error: Exception, traceback: TracebackType | None) -> Unreadable:
    """A defect of ours must not take the other facts with it. Its place is told, not its values:
    they may hold anything."""
    if isinstance(error, OSError):
        return unreadable(error)
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    place = "?"
    if traceback is not None:
        name = traceback.tb_frame.f_code.co_filename.rpartition("/")[2]
        place = "{}:{}".format(name, traceback.tb_lineno)
    version = "{}.{}".format(*sys.version_info[:2])
    return Unreadable("defect", "{} at {}, Python {}".format(type(error).__name__, place, version))
