"""The app's source: whether its folder could be read, and how much of it."""

from __future__ import annotations

from typing import Literal

from eloquence_ops.findings import Vantage
from eloquence_ops.observations.base import Observation


class AppSource(Observation):
    """What came of reading the app's folder. Which folder it was is not kept.

    `files` were read; `names` is how many names stand in their addresses. `cut`: there is more than
    is read. `closed`: files and folders that could not be opened.
    """

    kind: Literal["app.source"] = "app.source"
    vantage: Vantage = Vantage.CODE
    outcome: Literal["read", "not-found", "no-folder", "unreadable"]
    files: int = 0
    names: int = 0
    cut: bool = False
    closed: int = 0
