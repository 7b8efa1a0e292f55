"""Peers that are not Debian's: each in a virtual environment of its own, kept in the cache."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path


def from_pypi(name: str, *, package: str = "") -> str:
    """The program of this name: on PATH, in the cache, or fetched into it, saying so.

    `package` is the one that has it, where the two are not called the same.

    Raises `CalledProcessError` where it cannot be fetched.
    """
    if found := shutil.which(name):
        return found
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    package = package or name
    folder = cache / "eloquence-peers" / package
    program = folder / "bin" / name
    if not program.exists():
        print(f"bench: installing {package} in {folder}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        pip = [str(folder / "bin" / "pip"), "--disable-pip-version-check", "install", "--quiet"]
        subprocess.run([*pip, package], check=True)
    return str(program)
