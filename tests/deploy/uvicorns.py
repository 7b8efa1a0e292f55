"""The launcher's uvicorn in each release that it must work with, in environments of their own.

They are made once, by pip, outside the repository: in `eloquence-peers` of the user's cache.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.real import give_up

OLDEST: Final = "0.22.0"
"""The oldest that is supported: see docs/deploy.md."""
BETWEEN: Final = ("0.23.2", "0.30.6")
NEWEST: Final = ""


def python_with(release: str, *, faster: bool) -> str:
    """An interpreter that has this uvicorn; `faster`: with uvloop and httptools too."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "eloquence-peers"
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    home = cache / f"uvicorn-{release or 'newest'}-{'faster' if faster else 'plain'}-{version}"
    if not (home / "whole").exists():
        _make(home, f"uvicorn=={release}" if release else "uvicorn", faster=faster)
    return str(home / "bin/python")


def _make(home: Path, wanted: str, *, faster: bool) -> None:
    shutil.rmtree(home, ignore_errors=True)
    home.parent.mkdir(parents=True, exist_ok=True)
    packages = [wanted, *(("uvloop", "httptools") if faster else ())]
    for words in (
        [sys.executable, "-m", "venv", str(home)],
        [str(home / "bin/python"), "-m", "pip", "install", "--quiet", *packages],
    ):
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            give_up(f"No environment with {wanted} could be made: {done.stderr[-500:]}")
    (home / "whole").touch()
