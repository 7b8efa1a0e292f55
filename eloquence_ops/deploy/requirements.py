"""What a release needs installed: which file says so, and what would change of what is there. Pure.

The server's pip or uv resolves; here only what is pinned can be told beforehand.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

FILE: Final = "requirements.txt"
_INCLUDED: Final = re.compile(r"(?:-r|-c|--requirement|--constraint)[=\s]*(.+)")
_DEEPEST: Final = 8

ReadText = Callable[[str], str | None]
"""A file of the source as text; None where there is none."""


@dataclass(frozen=True)
class Requirements:
    """`lines` without comments, those of included files in their place. `digest` is of `lines`:
    nobody wants packages to change because a comment did."""

    path: str
    lines: tuple[str, ...]

    @property
    def digest(self) -> str:
        return hashlib.sha256("\n".join(self.lines).encode(errors="surrogateescape")).hexdigest()


@dataclass(frozen=True, slots=True)
class PackageChange:
    """None: not there before, or not known here because it is resolved on the server."""

    name: str
    before: str | None
    after: str | None


def of_source(read: ReadText) -> Requirements | None:
    text = read(FILE)
    if text is None:
        return None
    return Requirements(FILE, tuple(_lines(FILE, text, read, 0)))


def _lines(path: str, text: str, read: ReadText, depth: int) -> Iterator[str]:
    joined = text.replace("\r\n", "\n").replace("\\\n", " ")
    for raw in joined.split("\n"):
        line = " ".join(re.sub(r"(^|\s)#.*$", "", raw).split())
        if not line:
            continue
        found = _INCLUDED.fullmatch(line)
        included = (
            posixpath.normpath(posixpath.join(posixpath.dirname(path), found[1])) if found else None
        )
        inside = read(included) if included and depth < _DEEPEST else None
        if included is not None and inside is not None:
            yield f"# {line}"
            yield from _lines(included, inside, read, depth + 1)
        else:
            yield line


def _beside(path: str, name: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), name))


def changes(
    wanted: Requirements, installed: Sequence[tuple[str, str]]
) -> tuple[PackageChange, ...]:
    """What is asked for by name and is not as asked for; in the order of the names."""
    there = {canonicalize_name(name): version for name, version in installed}
    found: dict[str, PackageChange] = {}
    for line in wanted.lines:
        requirement = _parsed(line)
        if requirement is None:
            continue
        name = canonicalize_name(requirement.name)
        before = there.get(name)
        exact = [each.version for each in requirement.specifier if each.operator == "=="]
        after = exact[0] if len(exact) == 1 and not exact[0].endswith(".*") else None
        if before is None or not requirement.specifier.contains(before, prereleases=True):
            found[name] = PackageChange(name, before, after)
    return tuple(found[name] for name in sorted(found))


def _parsed(line: str) -> Requirement | None:
    try:
        requirement = Requirement(re.sub(r"\s--\S+.*$", "", line))
    except InvalidRequirement:  # an option, an address, a folder
        return None
    if requirement.marker is not None:
        return None  # it depends on the server's interpreter
    return requirement
