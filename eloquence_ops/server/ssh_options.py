"""What OpenSSH's configuration says for one host, as `ssh -G` prints it; ssh_config(5).

Written anew because paramiko's reader has no Include, knows one way to write a pattern too many,
and stops at the first line it does not know. The tests hold it beside the real `ssh -G`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from eloquence_ops.language import Language
from eloquence_ops.phrases import phrase

_FIRST_WINS: Final = frozenset(
    {"hostname", "port", "user", "hostkeyalias", "identityagent", "identitiesonly"}
)
_LISTS: Final = frozenset({"userknownhostsfile", "globalknownhostsfile"})
# Each of the two rules out the other: the first in the file holds.
_PROXIES: Final = frozenset({"proxyjump", "proxycommand"})
# What would lead elsewhere and is not followed here.
_NOT_FOLLOWED: Final = {
    "canonicalizehostname": "no",
    "certificatefile": "none",
    "pkcs11provider": "none",
    "proxyusefdpass": "no",
    "revokedhostkeys": "none",
}
_DEEPEST_INCLUDE: Final = 16
_LARGEST_BYTES: Final = 1024 * 1024

_LINE: Final = re.compile(r"\s*([A-Za-z0-9]+)(?:\s*=\s*|\s+)(.*)")
_WORD: Final = re.compile(r""" \s* (?: \#.* | ( (?: "(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*'
                               | \\["'\\\ ] | [^\s"'] )+ ) )""", re.VERBOSE)  # fmt: skip
_QUOTED: Final = re.compile(r""""((?:\\.|[^"\\])*)"|'((?:\\.|[^'\\])*)'|\\(["'\\ ])""")


@dataclass(frozen=True, slots=True)
class Source:
    """One file; a relative Include in it is looked for in `base`."""

    path: Path
    base: Path


@dataclass(frozen=True, slots=True)
class Note:
    """Something in the configuration that is not followed; a phrase and what it is filled with."""

    phrase_id: str
    where: str
    keyword: str

    def sentence(self, language: Language) -> str:
        return phrase(self.phrase_id, language, where=self.where, keyword=self.keyword)


@dataclass
class Options:
    """`values` by keyword in lower case, as they were written; absent ones are ssh's defaults."""

    values: dict[str, list[str]] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)

    def one(self, keyword: str) -> str | None:
        return self.values[keyword][0] if self.values.get(keyword) else None


def options_for(
    host: str,
    sources: Sequence[Source],
    *,
    given: Mapping[str, str],
    local_user: str,
    home: Path,
) -> Options:
    """What the files say for `host` as it was typed. `given` is what came with it: user, port."""
    reader = _Reader(host, local_user, home)
    reader.options.values.update({keyword: [value] for keyword, value in given.items()})
    for final in (False, True):
        reader.final = final
        for source in sources:
            reader.read(source, depth=0)
        if not reader.wants_final:
            break
    return reader.options


def matches(text: str, patterns: str) -> bool:
    """A pattern list, ssh_config(5): `*` and `?` are wild, a leading `!` rules out."""
    found = False
    for pattern in patterns.split(","):
        plain = pattern.removeprefix("!")
        expression = re.escape(plain).replace(r"\*", ".*").replace(r"\?", ".")
        if re.fullmatch(expression, text, re.DOTALL):
            if pattern.startswith("!"):
                return False
            found = True
    return found


class _Reader:
    """Files are read from top to bottom; the first value of a keyword holds."""

    def __init__(self, host: str, local_user: str, home: Path) -> None:
        self._host, self._local_user, self._home = host, local_user, home
        self.options = Options()
        self.final = False
        self.wants_final = False

    def read(self, source: Source, depth: int) -> None:
        try:
            with source.path.open("rb") as file:
                text = file.read(_LARGEST_BYTES).decode("utf-8", errors="surrogateescape")
        except OSError:
            if depth == 0 and not source.path.exists():
                return  # most people have none
            self._note("sshconfig.unreadable", source.path, 0, "Include")
            return
        active = True
        for number, line in enumerate(text.splitlines(), 1):
            found = _LINE.fullmatch(line)
            if found is None:
                continue
            keyword, rest = found[1].lower(), found[2].strip()
            arguments = list(_split(rest))
            if keyword == "host":
                active = any_host(self._host, arguments)
            elif keyword == "match":
                active = self._match(arguments, source.path, number)
            elif active and keyword == "include":
                self._include(arguments, source, number, depth)
            elif active and arguments:
                self._set(keyword, arguments, rest, source.path, number)

    def _include(self, names: list[str], source: Source, number: int, depth: int) -> None:
        if depth >= _DEEPEST_INCLUDE:
            self._note("sshconfig.too-deep", source.path, number, "Include")
            return
        for name in names:
            pattern = self._home / name[2:] if name.startswith("~/") else source.base / name
            # A name without wildcards that does not exist is no error to ssh either.
            for path in sorted(Path(pattern.anchor).glob(str(pattern.relative_to(pattern.anchor)))):
                self.read(Source(path, source.base), depth + 1)

    def _set(self, keyword: str, arguments: list[str], rest: str, path: Path, number: int) -> None:
        values = self.options.values
        if keyword == "identityfile":
            files = values.setdefault(keyword, [])
            if arguments[0] not in files:
                files.append(arguments[0])
        elif keyword in _PROXIES:
            if not _PROXIES & values.keys():
                values[keyword] = [rest if keyword == "proxycommand" else arguments[0]]
        elif keyword in _FIRST_WINS:
            values.setdefault(keyword, arguments[:1])
        elif keyword in _LISTS:
            values.setdefault(keyword, arguments)
        elif _NOT_FOLLOWED.get(keyword, arguments[0].lower()) != arguments[0].lower():
            self._note("sshconfig.not-followed", path, number, keyword)

    def _match(self, criteria: list[str], path: Path, number: int) -> bool:
        """Whether a Match block applies. What is not known here never does, and is noted."""
        applies = bool(criteria)
        remaining = iter(criteria)
        for written in remaining:
            criterion, negated = written.lower().removeprefix("!"), written.startswith("!")
            if criterion == "all":
                holds = True
            elif criterion == "canonical":
                holds = False  # names are not made canonical here
            elif criterion == "final":
                self.wants_final = True
                holds = self.final
            elif criterion in ("host", "originalhost", "user", "localuser"):
                holds = matches(self._subject(criterion), next(remaining, ""))
            else:
                self._note("sshconfig.not-followed", path, number, f"Match {criterion}")
                return False
            applies = applies and holds != negated
        return applies

    def _subject(self, criterion: str) -> str:
        if criterion == "host":
            configured = self.options.one("hostname")
            return configured.replace("%h", self._host) if configured else self._host
        if criterion == "user":
            return self.options.one("user") or self._local_user
        return self._host if criterion == "originalhost" else self._local_user

    def _note(self, phrase_id: str, path: Path, number: int, keyword: str) -> None:
        note = Note(phrase_id, f"{path}:{number}" if number else str(path), keyword)
        if note not in self.options.notes:
            self.options.notes.append(note)


def any_host(host: str, patterns: Sequence[str]) -> bool:
    """The line `Host`: patterns apart by white space, of which no negated one may match."""
    return matches(host, ",".join(patterns))


def _split(text: str) -> Iterator[str]:
    """Words as OpenSSH's argv_split has them; nothing where a quote is not closed."""
    end, split = 0, []
    while found := _WORD.match(text, end):
        end = found.end()
        if found[1] is not None:
            split.append(_QUOTED.sub(_unquoted, found[1]))
    if not text[end:].strip():
        yield from split


def _unquoted(quoted: re.Match[str]) -> str:
    inner = quoted[1] if quoted[1] is not None else quoted[2]
    return quoted[3] if inner is None else re.sub(r"\\([\"'\\])", r"\1", inner)
