"""Which Python a unit really runs, and what is installed for it; nothing is started to find out."""

from __future__ import annotations

import glob
import os
import re
from typing import NamedTuple

from eloquence_ops.server.remote.reading import (
    KIB,
    Unreadable,
    listing,
    read_bytes,
    read_text,
    text,
)
from eloquence_ops.server.remote.versions import normalised

_PYTHON = re.compile(r"^(?:python|pypy)(\d+(?:\.\d+)?)?$")
_DISTRIBUTION = re.compile(r"^(.+?)-([^-]+?)(?:-py[\d.]+)?\.(?:dist|egg)-info$")
_ENV_OPTIONS = re.compile(r"^-|^[A-Za-z_]\w*=")
_MOST_FOLLOWED = 4


class Interpreter(NamedTuple):
    """`path` as it is written in the command; `home` its venv, or None for the system's Python."""

    path: str
    home: str | None
    exists: bool


def of_command(words: list[str], folder: str) -> Interpreter | None:
    """The interpreter behind a command; None where it cannot be told without running it."""
    for _ in range(_MOST_FOLLOWED):
        if not words:
            return None
        program = words[0].lstrip("@-:+!")  # systemd's prefixes of ExecStart
        name = os.path.basename(program)
        if name == "env":
            words = [word for word in words[1:] if not _ENV_OPTIONS.match(word)]
            continue
        path = program if "/" in program else _on_path(program)
        if _PYTHON.match(name):
            return _interpreter(path, folder)
        shebang = _shebang(os.path.join(folder, path))
        if not shebang:
            # A console script that is gone stood beside its interpreter.
            beside = os.path.join(os.path.dirname(path), "python")
            in_venv = os.path.exists(os.path.join(os.path.dirname(path), "..", "pyvenv.cfg"))
            return _interpreter(beside, folder) if in_venv else None
        words = shebang
    return None


def _interpreter(path: str, folder: str) -> Interpreter:
    path = os.path.normpath(os.path.join(folder or "/", path))
    home = os.path.dirname(os.path.dirname(path))
    is_venv = os.path.exists(os.path.join(home, "pyvenv.cfg"))
    return Interpreter(path, home if is_venv else None, os.path.exists(path))


def _on_path(program: str) -> str:
    for folder in ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"):
        if os.path.exists(os.path.join(folder, program)):
            return os.path.join(folder, program)
    return "/usr/bin/" + program


def _shebang(path: str) -> list[str]:
    try:
        first = text(_beginning(path)).split("\n")[0]
    except Unreadable:
        return []
    return first[2:].split() if first.startswith("#!") else []


def _beginning(path: str) -> bytes:
    try:
        return read_bytes(path, 64 * KIB)
    except Unreadable as error:
        if error.reason == "too-large":  # a program, not a script
            return b""
        raise


def site_packages(interpreter: Interpreter) -> list[str]:
    """The folders it imports from; the first one that has a package wins."""
    folders = []
    if interpreter.home is not None:
        folders += glob.glob(
            os.path.join(glob.escape(interpreter.home), "lib*/python3*/site-packages")
        )
        configuration = read_text(os.path.join(interpreter.home, "pyvenv.cfg"), 16 * KIB)
        if not re.search(r"(?im)^include-system-site-packages\s*=\s*true", configuration):
            return sorted(set(map(os.path.realpath, folders)))
    version = system_version(interpreter)
    prefixes = ["/usr/local", "/usr"]
    real = os.path.dirname(os.path.dirname(os.path.realpath(interpreter.path)))
    if real not in prefixes:
        prefixes.insert(0, real)
    for prefix in prefixes:
        for kind in ("site-packages", "dist-packages"):
            folders.append("{}/lib/python{}/{}".format(prefix, version, kind))
    folders.append("/usr/lib/python3/dist-packages")
    return [folder for folder in dict.fromkeys(folders) if os.path.isdir(folder)]


def system_version(interpreter: Interpreter) -> str:
    """`3.11`, by the name of the program that the links end at."""
    match = _PYTHON.match(os.path.basename(os.path.realpath(interpreter.path)))
    return match.group(1) or "3" if match else "3"


def installed(folders: list[str]) -> dict[str, str]:
    """Versions by normalised name; their folders carry both (PEP 376). Raises `Unreadable`."""
    found: dict[str, str] = {}
    for folder in folders:
        for match in _distributions(folder):
            found.setdefault(normalised(match.group(1)), match.group(2))
    return found


def distributions(folder: str) -> list[tuple[str, str, float]]:
    """Name, version, and since when it lies there, in seconds since 1970. Raises `Unreadable`."""
    found = []
    for match in _distributions(folder):
        try:
            at = os.stat(os.path.join(folder, match.string)).st_mtime
        except OSError:
            continue  # replaced just now
        found.append((normalised(match.group(1)), match.group(2), at))
    return found


def _distributions(folder: str) -> list[re.Match[str]]:
    return [match for match in map(_DISTRIBUTION.match, listing(folder)) if match]
