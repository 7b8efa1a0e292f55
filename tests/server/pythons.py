"""The oldest Python that a server may have, where this machine has one."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.real import REQUIRE


def python(version: str) -> str:
    """The path of a real interpreter; without one the test is skipped, or failed in CI."""
    homes = sorted(Path("~/.pyenv/versions").expanduser().glob(f"{version}.*/bin/python"))
    for candidate in (shutil.which(f"python{version}"), *map(str, homes)):
        # Being on PATH is not enough: pyenv puts a shim there that may lead nowhere.
        if candidate and _works(candidate):
            return candidate
    sentence = f"This test needs Python {version}: install it with pyenv or uv."
    if os.environ.get(REQUIRE) == "1":
        pytest.fail(sentence, pytrace=False)
    pytest.skip(sentence)


def _works(candidate: str) -> bool:
    done = subprocess.run([candidate, "-c", ""], capture_output=True, check=False)
    return done.returncode == 0
