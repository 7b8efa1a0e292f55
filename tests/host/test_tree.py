"""The tree's build says what is missing, and half a tree never gets a name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.host.build import TreeNotBuilt
from tests.host.tree import tree

_LISTED = "for s in bullseye bookworm trixie forky; do echo $s Debian main http://127.0.0.1/; done"


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder before all others on PATH, and a cache of its own."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("platform.freedesktop_os_release", lambda: {"VERSION_CODENAME": "trixie"})
    return folder


def _program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)


def test_without_package_lists_it_says_how_to_get_them(programs: Path) -> None:
    _program(programs / "apt-get", "exit 0")
    with pytest.raises(TreeNotBuilt, match="apt-get update"):
        tree()


def test_a_build_that_fails_says_why_and_leaves_nothing(programs: Path, tmp_path: Path) -> None:
    _program(programs / "apt-get", _LISTED)
    # The second word from the end is the folder that debootstrap is to fill.
    _program(
        programs / "debootstrap",
        'for last; do folder=$before; before=$last; done; mkdir -p "$folder/etc"; '
        'echo "E: no such package"; exit 1',
    )
    with pytest.raises(TreeNotBuilt, match="no such package"):
        tree()
    assert [path.name for path in (tmp_path / "cache/eloquence-peers").iterdir()] == [".host-lock"]
