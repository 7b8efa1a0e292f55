"""Requirements against what is installed: what requirements.txt uses of PEP 440 and PEP 508."""

from __future__ import annotations

import re
from typing import NamedTuple

_REQUIREMENT = re.compile(
    r"^([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[([^\]]*)\])?\s*\(?([^;()@]*)\)?\s*(;.*)?$"
)
_CLAUSE = re.compile(r"^(===|==|~=|!=|<=|>=|<|>)\s*([^\s,]+)$")
_VERSION = re.compile(
    r"(?i)^v?(?:\d+!)?(\d+(?:\.\d+)*)"
    r"(?:[-_.]?(a|b|rc|c|alpha|beta|pre|preview)[-_.]?(\d*))?"
    r"((?:[-_.]?post[-_.]?\d*)|-\d+)?(?:[-_.]?(dev)[-_.]?(\d*))?(?:\+.*)?$"
)
_PRE = {"a": 1, "alpha": 1, "b": 2, "beta": 2, "c": 3, "rc": 3, "pre": 3, "preview": 3}


class Requirement(NamedTuple):
    """`clauses` are (operator, version) pairs; `has_marker`: it holds on some systems only."""

    name: str
    clauses: list[tuple[str, str]]
    has_marker: bool

    @property
    def wanted(self) -> str:
        return ",".join(operator + version for operator, version in self.clauses)


def parse_requirements(text: str) -> tuple[list[Requirement], list[int]]:
    """What requirements.txt asks for, and the lines (from 1) that ask for something else: an
    option, another file, a URL."""
    found, other = [], []
    for number, raw in enumerate(text.replace("\\\n", " ").split("\n"), start=1):
        line = re.sub(r"(^|\s)#.*", "", raw).strip()
        line = re.sub(r"\s--hash=\S+", "", line).strip()
        if not line:
            continue
        requirement = parse_requirement(line)
        if requirement is None:
            other.append(number)
        else:
            found.append(requirement)
    return found, other


def parse_requirement(line: str) -> Requirement | None:
    match = _REQUIREMENT.match(line)
    if match is None:
        return None
    clauses = []
    for part in (match.group(3) or "").split(","):
        if part.strip():
            clause = _CLAUSE.match(part.strip())
            if clause is None:
                return None
            clauses.append((clause.group(1), clause.group(2)))
    return Requirement(normalised(match.group(1)), clauses, bool(match.group(4)))


def normalised(name: str) -> str:
    """PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


def ordered(version: str) -> tuple[tuple[int, ...], tuple[int, int]] | None:
    """A version in a form that can be compared; None where it is none of PEP 440."""
    match = _VERSION.match(version)
    if match is None:
        return None
    release = [int(part) for part in match.group(1).split(".")]
    while len(release) > 1 and release[-1] == 0:
        release.pop()
    if match.group(2):
        stage = (_PRE[match.group(2).lower()] - 4, int(match.group(3) or 0))
    elif match.group(5):
        stage = (-4, int(match.group(6) or 0))
    elif match.group(4):
        stage = (1, int(re.sub(r"\D", "", match.group(4)) or 0))
    else:
        stage = (0, 0)
    return tuple(release), stage


def satisfies(version: str, clauses: list[tuple[str, str]]) -> bool | None:
    """Whether an installed version is what was asked for; None where that cannot be told."""
    verdicts = [_satisfies(version, operator, wanted) for operator, wanted in clauses]
    if False in verdicts:
        return False
    return None if None in verdicts else True


def _satisfies(version: str, operator: str, wanted: str) -> bool | None:
    if operator == "===":
        return version == wanted
    if wanted.endswith(".*") and operator in ("==", "!="):
        return _starts_with(version, wanted[:-2], operator == "==")
    have, want = ordered(version), ordered(wanted)
    if have is None or want is None:
        return None
    if operator == "~=":
        prefix = wanted.rpartition(".")[0]
        return have >= want and bool(_starts_with(version, prefix, True))
    if operator in ("==", "!="):
        return (have == want) == (operator == "==")
    return {"<": have < want, "<=": have <= want, ">": have > want, ">=": have >= want}[operator]


def _starts_with(version: str, prefix: str, wanted: bool) -> bool | None:
    have = _VERSION.match(version)
    if have is None or not re.match(r"^\d+(\.\d+)*$", prefix):
        return None
    release = [int(part) for part in have.group(1).split(".")]
    parts = [int(part) for part in prefix.split(".")]
    padded = release + [0] * (len(parts) - len(release))
    return (padded[: len(parts)] == parts) == wanted
