"""Whose release it is and from which commit. git is asked, and changes nothing."""

from __future__ import annotations

import contextlib
import getpass
import os
import re
import socket
import subprocess
from pathlib import Path
from typing import Final

from eloquence_ops.server import children

_GIT_S: Final = 5.0
# `status` would otherwise write the index; a repository's own settings could run programs.
_GIT: Final = (
    *("git", "--no-optional-locks", "-c", "core.fsmonitor=false"),
    *("-c", "core.hooksPath=/dev/null", "-c", "core.pager=cat"),
)


def who() -> str:
    """`user@host` of whoever runs this."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user has no name
        user = str(os.getuid()) if hasattr(os, "getuid") else "?"
    return f"{user}@{socket.gethostname()}"


def commit(folder: Path) -> str | None:
    """The commit that `folder` is at, with `-dirty` where it differs; None outside of git."""
    head = _git(folder, "rev-parse", "--verify", "HEAD")
    if head is None or not re.fullmatch(r"[0-9a-f]{40,64}", head.strip()):
        return None
    changes = _git(folder, "status", "--porcelain", "--untracked-files=normal", "--", ".")
    # Not known is not clean.
    return head.strip() if changes == "" else f"{head.strip()}-dirty"


def _git(folder: Path, *words: str) -> str | None:
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(
            [*_GIT, "-C", str(folder), *words],
            check=False,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_GIT_S,
            env={**children.environment(os.environ), "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"},
        )
        if done.returncode == 0:
            return done.stdout[: 1024 * 1024].decode(errors="replace")
    return None
