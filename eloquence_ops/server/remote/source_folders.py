"""The folders of an installation: its Python files, and what was deleted from them.

A deletion leaves one trace, the time of its folder. What it was is told by what should be there,
and by the bytecode that Python keeps of each module beside it.
"""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from eloquence_ops.server.remote.reading import Unreadable, listing

_MOST_FILES = 200
_MOST_FOLDERS = 40
_DEEPEST = 3
_CACHE = "__pycache__"
_BYTECODE = re.compile(r"^(\w+)\.\w+-\d+(?:\.opt-\d)?\.pyc$")
# Whole packages of others, and what tools keep.
_LEFT_OUT = frozenset({_CACHE, "venv", "env", "site-packages", "node_modules"})
# The time of a folder and that of what came into it are taken one after the other.
_AT_ONCE_S = 1.0
_MOST_GONE = 8


class Found(NamedTuple):
    """`folders` and the Python files in them, by their whole paths, bounded in number."""

    folders: list[str]
    files: list[str]


def walk(root: str) -> Found:
    found = Found([], [])
    pending = [(root, 0)]
    while pending and len(found.folders) < _MOST_FOLDERS:
        folder, depth = pending.pop(0)
        try:
            names = listing(folder)
        except Unreadable:
            continue
        found.folders.append(folder)
        paths = [os.path.join(folder, name) for name in names]
        found.files.extend(path for path in paths if path.endswith(".py"))
        if depth < _DEEPEST:
            inner = [path for path in paths if _is_of_the_source(path)]
            pending += [(path, depth + 1) for path in inner]
    del found.files[_MOST_FILES:]
    return found


def _is_of_the_source(path: str) -> bool:
    name = os.path.basename(path)
    return (
        name not in _LEFT_OUT
        and not name.startswith(".")
        and os.path.isdir(path)
        and not os.path.islink(path)
        and not os.path.exists(os.path.join(path, "pyvenv.cfg"))
    )


def deleted(folder: str, needed: list[str]) -> dict[str, object] | None:
    """That something was taken out of `folder`: None where its time is that of something that came
    in, or where nothing is missing. `needed` are names that should be in it. Raises `OSError`."""
    status = os.stat(folder)
    names = os.listdir(folder)
    gone = [name for name in needed if name not in names]
    gone += [name for name in _modules_of_bytecode(folder) if name not in names]
    if not gone or any(_came(os.path.join(folder, name), status.st_mtime) for name in names):
        return None
    return {
        "path": folder,
        "what": "folder",
        "modified_at": int(status.st_mtime),
        "changed_at": int(status.st_ctime),
        "gone": list(dict.fromkeys(gone))[:_MOST_GONE],
    }


def _came(path: str, at: float) -> bool:
    """Whether this entry was made, or moved there, when its folder changed last."""
    try:
        return abs(os.lstat(path).st_ctime - at) <= _AT_ONCE_S
    except OSError:
        return False


def _modules_of_bytecode(folder: str) -> list[str]:
    try:
        names = os.listdir(os.path.join(folder, _CACHE))
    except OSError:
        return []
    matches = map(_BYTECODE.match, sorted(names))
    return [match.group(1) + ".py" for match in matches if match]
