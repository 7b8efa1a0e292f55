"""A release as it lies on the server: every file by content, and what is no part of one."""

from __future__ import annotations

import hashlib
import os
import stat
from typing import NamedTuple

MOST_FILES = 50000
_BLOCK = 1024 * 1024
OWN = ".eloquence"
# Never of a release; `_OF_THE_FOLDER` are ours, beside the releases.
_LEFT_OUT = frozenset({".git", "__pycache__", "node_modules", OWN, ".pytest_cache", ".mypy_cache"})
_OF_THE_FOLDER = frozenset({"releases", "shared", "environments", "wheels", "current"})


class Entry(NamedTuple):
    """`target` is where a symbolic link leads; then the hash is of that."""

    path: str
    sha256: str
    size: int
    mode: int
    target: str | None


def hash_of(path: str) -> str:
    """Raises `OSError`."""
    found = hashlib.sha256()
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        while True:
            piece = os.read(handle, _BLOCK)
            if not piece:
                return found.hexdigest()
            found.update(piece)
    finally:
        os.close(handle)


def hash_of_link(target: str) -> str:
    return hashlib.sha256(os.fsencode(target)).hexdigest()


def listing(root: str, *, flat: bool = False) -> list[Entry]:
    """Every file and link below `root`, sorted; `flat`: what `deploy` puts beside them is left out.

    What cannot be read has an empty hash, so that it differs from everything.
    """
    found: list[Entry] = []
    pending = [""]
    while pending and len(found) < MOST_FILES:
        folder = pending.pop()
        try:
            entries = sorted(os.scandir(os.path.join(root, folder)), key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in entries:
            if is_left_out(entry.name) or (flat and not folder and entry.name in _OF_THE_FOLDER):
                continue
            path = os.path.join(folder, entry.name)
            if entry.is_dir(follow_symlinks=False):
                if not os.path.exists(os.path.join(root, path, "pyvenv.cfg")):
                    pending.append(path)
                continue
            described = _entry(root, path)
            if described is not None:
                found.append(described)
    return sorted(found)


def is_left_out(name: str) -> bool:
    return (
        name in _LEFT_OUT
        or (name.startswith(".env") and name not in (".env.example", ".env.template"))
        or name.endswith(".pyc")
        or ".eloquence-" in name
    )


def _entry(root: str, path: str) -> Entry | None:
    whole = os.path.join(root, path)
    try:
        status = os.lstat(whole)
        mode = stat.S_IMODE(status.st_mode)
        if stat.S_ISLNK(status.st_mode):
            target = os.readlink(whole)
            return Entry(path, hash_of_link(target), len(target), mode, target)
        if not stat.S_ISREG(status.st_mode):
            return None
        return Entry(path, hash_of(whole), status.st_size, mode, None)
    except OSError:
        return Entry(path, "", 0, 0, None)
