"""What of a source is left out, by its own ignore files and by ours. Pure.

`.gitignore` and `.eloquenceignore` are read as git reads them, in every folder: the deeper file
decides before the higher one, in a folder `.eloquenceignore` before `.gitignore`, in a file the
last pattern that matches. What is private is left out whatever they say.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from pathspec import GitIgnoreSpec

IGNORE_FILES: Final = (".gitignore", ".eloquenceignore")
"""In the order in which their patterns are read."""

Reason = Literal["ignored", "private", "reserved", "made"]
"""`private`: settings and keys; `reserved`: a name of ours; `made`: by a tool, from the rest."""

_MADE_FOLDERS: Final = frozenset(
    {
        *("__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis"),
        *(".tox", ".nox", ".ipynb_checkpoints", ".venv", "venv", ".eggs", "node_modules"),
        *(".git", ".hg", ".svn", ".import_linter_cache", ".coverage", ".DS_Store"),
    }
)
_MADE_FILES: Final = (".pyc", ".pyo", ".swp")
# `id_rsa`, `id_ed25519-deploy`; `id_tokens.py` is a module.
_KEY: Final = re.compile(r"(?:.*\.(?:pem|key|p12|pfx|ppk)|id_[\w-]+(?:\.pub)?)", re.IGNORECASE)
_KEY_SUFFIXED: Final = re.compile(r"id_[\w-]+\.(?!pub$)", re.IGNORECASE)
_RELEASE_FOLDER: Final = ".eloquence"
PRIVATE_KEY: Final = re.compile(rb"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----")
"""How a private key begins, whatever its file is called."""


@dataclass(frozen=True)
class Patterns:
    """The patterns of one folder, which is relative to the source; `""` is the source itself."""

    folder: str
    spec: GitIgnoreSpec


def patterns(folder: str, texts: Sequence[str]) -> Patterns:
    """`texts`: what the ignore files of `folder` hold, in the order of `IGNORE_FILES`."""
    return Patterns(folder, GitIgnoreSpec.from_lines([line for t in texts for line in _lines(t)]))


def _lines(text: str) -> list[str]:
    return text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")


def reason(path: str, known: Sequence[Patterns], *, is_folder: bool) -> Reason | None:
    """Why `path` is left out, if it is; `known` are the patterns of all folders above it, from the
    source down. What is in a folder that was left out is not asked for."""
    name = path.rpartition("/")[2]
    if path == _RELEASE_FOLDER:
        return "reserved"
    if name in _MADE_FOLDERS or (not is_folder and name.endswith(_MADE_FILES)):
        return "made"
    if _is_private(name):
        return "private"
    for entry in reversed(known):
        below = path[len(entry.folder) + 1 :] if entry.folder else path
        told = entry.spec.check_file(f"{below}/" if is_folder else below).include
        if told is not None:
            return "ignored" if told else None
    return None


def _is_private(name: str) -> bool:
    if name.lower().startswith(".env"):
        return name.lower() != ".env.example"
    return bool(_KEY.fullmatch(name)) and not _KEY_SUFFIXED.match(name)
