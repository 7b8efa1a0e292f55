"""The one program that is sent to a server: the modules of `eloquence_ops.server.remote`, joined.

It is given to `python3 -` on standard input, so that nothing is left there, its parameters in front
(they hold no secret), and answers between two lines with a nonce of this run: whatever a login
shell prints around them is no answer.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from eloquence_ops.settings import Target

COMMAND: Final = ("python3", "-I", "-S", "-B", "-")
"""Isolated from the folder, environment and packages of whoever logs in; writes no caches."""

PACKAGE: Final = "eloquence_ops.server.remote"
ENTRY: Final = f"{PACKAGE}.answering"
# How these modules import one another, and in no other way.
_IMPORTS: Final = re.compile(
    r"^\s*from (eloquence_ops[\w.]*) import (\([^)]*\)|[^\n]*)", re.MULTILINE
)
_NAMES: Final = re.compile(r"\w+")
DEADLINE_S: Final = 10.0
"""After this it answers what it has."""
LARGEST_ANSWER: Final = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Program:
    """`source` goes to the standard input of `COMMAND`; `nonce` marks its answer."""

    source: bytes
    nonce: str


def program(target: Target, *, deadline_s: float = DEADLINE_S) -> Program:
    """What to send, to learn the facts of `target`'s server."""
    nonce = secrets.token_hex(8)
    parameters: dict[str, str | float] = {
        "nonce": nonce,
        "deadline_s": deadline_s,
        "api_unit": target.api_unit,
        "livekit_unit": target.livekit_unit,
        "remote_dir": target.remote_dir,
        "asgi_app": target.asgi_app,
    }
    return Program(bundle(parameters), nonce)


def bundle(parameters: Mapping[str, str | float]) -> bytes:
    """ASCII: the text of the loader, and one call of it with all modules compressed."""
    # A JSON text as a literal of Python reads the same in both.
    words = json.dumps(json.dumps(parameters))
    return bundled((PACKAGE,), ENTRY, f'run("{{modules}}", json.loads({words}))\n')


def bundled(packages: tuple[str, ...], entry: str, call: str) -> bytes:
    """ASCII: the text of the loader, and `call` with, in `{modules}`, those of `packages` that the
    module `entry` needs: what is sent costs time on a long way."""
    loader = (files(PACKAGE) / "loading.py").read_text(encoding="utf-8")
    return f"{loader}\n\n{call.replace('{modules}', _modules(packages, entry))}".encode("ascii")


@cache
def _modules(packages: tuple[str, ...], entry: str) -> str:
    every: dict[str, str] = {}
    for package in packages:
        every.update(sources(package))
    found = needed(every, entry)
    return base64.b64encode(zlib.compress(json.dumps(found).encode(), 9)).decode("ascii")


def needed(every: Mapping[str, str], entry: str) -> dict[str, str]:
    """Of `every` module's text by name, those that `entry` imports, directly or not."""
    found: dict[str, str] = {}
    waiting = [entry]
    while waiting:
        name = waiting.pop()
        if name in found or name not in every:
            continue
        found[name] = every[name]
        waiting.append(name.rpartition(".")[0])
        for package, names in _IMPORTS.findall(every[name]):
            waiting += [package, *(f"{package}.{each}" for each in _NAMES.findall(names))]
    return found


def sources(package: str = PACKAGE) -> dict[str, str]:
    """The text of every module that is carried, by its full name; the packages above are empty."""
    parents = package.split(".")
    found = {".".join(parents[: at + 1]): "" for at in range(len(parents))}
    for entry in files(package).iterdir():
        stem, dot, ending = entry.name.rpartition(".")
        if dot and ending == "py" and stem not in ("__init__", "loading"):
            found[f"{package}.{stem}"] = entry.read_text(encoding="utf-8")
    return found
