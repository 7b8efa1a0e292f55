"""Processes on this machine: what they are given of our environment, and their end."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Mapping
from typing import Final

_OURS: Final = "ELOQUENCE_"


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Without our variables, some of which are secrets: /proc shows them to others."""
    return {name: value for name, value in environ.items() if not name.startswith(_OURS)}


def end_group(leader: int) -> None:
    """Ends a process that leads a group, and all in it, at once."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
