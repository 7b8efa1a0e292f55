"""The names in the addresses that the app's source holds. Reads files; sends nothing.

Only hosts leave this module, with the place of each: what stands around an address may be a secret.
Whatever the folder holds, reading it is bounded: in files, in bytes of each, in names, in time.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from eloquence_ops.endpoints import ip_address

MOST_FILES: Final = 2_000
MOST_BYTES: Final = 1024 * 1024
MOST_NAMES: Final = 64
MOST_ENTRIES: Final = 50_000
MOST_SECONDS: Final = 2.0
_DEEPEST: Final = 40

Outcome = Literal["read", "not-found", "no-folder", "unreadable"]

_OF_ANDROID: Final = "android/app/src/main/res/xml/network_security_config.xml"
_SETTINGS: Final = (".json", ".yaml", ".yml", ".env")
_GENERATED: Final = frozenset({"build", ".dart_tool", "node_modules", ".git"})
_PASSED_OVER: Final = (
    *("localhost", "example.com", "example.org", "example.net", "invalid"),
    *("flutter.dev", "dart.dev", "pub.dev", "github.com", "githubusercontent.com"),
    *("w3.org", "schemas.android.com", "json-schema.org", "apache.org", "opensource.org"),
    *("stackoverflow.com", "medium.com"),
)
"""Names of documentation, schemas and sources of packages, which no app of ours talks to."""

# What begins an address: a scheme, Dart's Uri.https("host", …), or Android's <domain>host</domain>.
_ADDRESS: Final = re.compile(
    r"""(?:(?<![A-Za-z0-9+.-])(?:https?|wss?)://
        | \bUri\.https?\(\s*["']
        | <domain\b[^<>]{0,200}>\s*)
        ([^\s/?#"'`<>\\(){}\[\]|^,;*]*)(.?)""",
    re.VERBOSE | re.IGNORECASE,
)
_ESCAPE: Final = re.compile(r"\\u(?:\{([0-9A-Fa-f]{1,6})\}|([0-9A-Fa-f]{4}))")


@dataclass(frozen=True, slots=True)
class Name:
    """A host letter by letter as it is written, and where first: `lib/api.dart:12`."""

    typed: str
    place: str


@dataclass
class Source:
    """What came of reading a folder; see `observations.AppSource`."""

    outcome: Outcome = "read"
    files: int = 0
    cut: bool = False
    closed: int = 0
    names: list[Name] = field(default_factory=list)


def read(folder: str, *, seconds: float = MOST_SECONDS) -> Source:
    """Every name of the app in `folder`, each spelling once; never raises for what is there."""
    found = Source()
    until = time.monotonic() + seconds
    root = Path(os.path.realpath(folder))
    try:
        with os.scandir(root):
            pass
    except FileNotFoundError:
        found.outcome = "not-found"
    except NotADirectoryError:
        found.outcome = "no-folder"
    except OSError:
        found.outcome = "unreadable"
    if found.outcome != "read":
        return found
    spellings: dict[str, str] = {}
    for path in _files(root, found, until):
        if found.files >= MOST_FILES or len(spellings) > MOST_NAMES or time.monotonic() > until:
            found.cut = True
            break
        if (text := _text(path, found)) is None:
            continue
        found.files += 1
        place = path.relative_to(root).as_posix()
        for number, host in names_in(text, until):
            spellings.setdefault(host, f"{place}:{number}")
            if len(spellings) > MOST_NAMES:
                break
    found.cut = found.cut or time.monotonic() > until
    found.names = [Name(typed, place) for typed, place in spellings.items()][:MOST_NAMES]
    return found


def names_in(text: str, until: float = float("inf")) -> Iterator[tuple[int, str]]:
    """The line and the host of each address in `text` that names one; up to the moment `until`."""
    for number, line in enumerate(text.split("\n"), start=1):
        if "://" not in line and "Uri.http" not in line and "<domain" not in line:
            continue
        if time.monotonic() > until:
            return
        meant = _ESCAPE.sub(_character, line)
        remark = _remark_at(meant)
        for address in _ADDRESS.finditer(meant):
            if address.start() >= remark:
                break
            if host := _host(address[1], address[2]):
                yield number, host


def _host(authority: str, after: str) -> str:
    """The host, or nothing: what is put together when the app runs cannot be read here."""
    host, colon, port = authority.rpartition("@")[2].partition(":")
    if (colon and not port.isdigit()) or "$" in authority or after in ("{", "(", "["):
        return ""
    labels = host.split(".")
    if len(labels) < 2 or not all(labels) or len(host) > 1000 or labels[-1].isdigit():
        return ""
    bare = host.lower()
    passed_over = any(bare == name or bare.endswith(f".{name}") for name in _PASSED_OVER)
    return "" if passed_over or ip_address(host) else host


def _character(escape: re.Match[str]) -> str:
    code = int(escape[1] or escape[2], 16)
    is_one = code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF
    return chr(code) if is_one else escape[0]


def _remark_at(line: str) -> int:
    """Where the rest of a line is a remark: after `//` or `#` outside quotes, from the start in a
    block; beyond its end where it has none."""
    if line.lstrip().startswith(("//", "#", "* ", "<!--")):
        return 0
    quote = ""
    for place, letter in enumerate(line):
        if quote:
            quote = "" if letter == quote and line[place - 1] != "\\" else quote
        elif letter in "\"'":
            quote = letter
        elif (letter == "#" and line[place - 1].isspace()) or (
            letter == "/" and line[place : place + 2] == "//" and line[place - 1] != ":"
        ):
            return place
    return len(line)


def _text(path: Path, found: Source) -> str | None:
    """The beginning of a file; None where it is none, or no text."""
    # A pipe would wait for its other end, and a link may have been put there since.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
    try:
        descriptor = os.open(path, flags)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return None
            raw = file.read(MOST_BYTES + 1)
    except OSError:
        found.closed += 1
        return None
    if b"\0" in raw[:4096]:
        return None
    found.cut = found.cut or len(raw) > MOST_BYTES
    return raw[:MOST_BYTES].decode("utf-8", errors="replace")


def _files(root: Path, found: Source, until: float) -> Iterator[Path]:
    """Those of an app that may hold addresses, the likeliest first."""
    seen = 0

    def below(folder: Path, endings: tuple[str, ...], depth: int = 0) -> Iterator[Path]:
        nonlocal seen
        for entry in _entries(folder, found):
            seen += 1
            if seen > MOST_ENTRIES or time.monotonic() > until:
                found.cut = True
                return
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in _GENERATED and depth < _DEEPEST:
                    yield from below(Path(entry.path), endings, depth + 1)
            elif entry.name.endswith(endings) and (inside := _inside(Path(entry.path), root)):
                yield inside

    for entry in _entries(root, found):
        is_settings = entry.name == ".env" or entry.name.startswith(".env.")
        named = is_settings or entry.name == "pubspec.yaml"
        if named and (inside := _inside(Path(entry.path), root)):
            yield inside
    if (root / _OF_ANDROID).is_file() and (inside := _inside(root / _OF_ANDROID, root)):
        yield inside
    for folder, endings in (("lib", (".dart",)), ("assets", _SETTINGS)):
        if (root / folder).is_dir() and not (root / folder).is_symlink():
            yield from below(root / folder, endings)


def _inside(path: Path, root: Path) -> Path | None:
    """The file that `path` leads to, where that is within the folder."""
    real = Path(os.path.realpath(path))
    return real if real.is_relative_to(root) and real.is_file() else None


def _entries(folder: Path, found: Source) -> list[os.DirEntry[str]]:
    """By name, so that two runs read the same; of a huge folder only as many as are looked at."""
    listed: list[os.DirEntry[str]] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                listed.append(entry)
                if len(listed) > MOST_ENTRIES:
                    break
    except OSError:
        found.closed += 1
    return sorted(listed, key=lambda entry: entry.name)
