"""nginx's configuration as it lies on disk, includes followed: what it serves and passes on.

Read, not asked for with `nginx -T`, which writes and binds ports. What counts in a running nginx is
the configuration at its last reload; `proxy` tells when that was.
"""

from __future__ import annotations

import glob
import os
import re
from typing import Iterator, NamedTuple

from eloquence_ops.server.remote.gaps import Gaps
from eloquence_ops.server.remote.reading import Unreadable, read_text

MAIN = "/etc/nginx/nginx.conf"
_TOKEN = re.compile(
    r"""\s+|#[^\n]*|"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([{};])|((?:\\.|\$\{[^}]*\}|[^\s{};"'\\#]|(?<=\S)#)(?:\\.|\$\{[^}]*\}|[^\s{};\\])*)"""
)
_MOST_FILES = 300
_MOST_BYTES = 2 * 1024 * 1024
_DEEPEST = 30


class Directive(NamedTuple):
    name: str
    arguments: list[str]
    file: str
    line: int
    block: list[Directive]

    def all(self, name: str) -> Iterator[Directive]:
        return (entry for entry in self.block if entry.name == name)


class _Reading:
    """Files read so far: an include may name itself."""

    def __init__(self, main: str, gaps: Gaps) -> None:
        self.base = os.path.dirname(main)
        self.gaps = gaps
        self.files: list[str] = []
        self.bytes = 0


def load(main: str, gaps: Gaps) -> tuple[list[Directive], list[str]]:
    """The directives at the top level, and every file they came from."""
    reading = _Reading(main, gaps)
    return _file(main, reading, 0), reading.files


def _file(path: str, reading: _Reading, depth: int) -> list[Directive]:
    if depth > _DEEPEST or len(reading.files) >= _MOST_FILES or reading.bytes > _MOST_BYTES:
        reading.gaps.note("configuration", "too-large", path)
        return []
    try:
        text = read_text(path)
        directives = parse(text, path)
    except Unreadable as error:
        reading.gaps.note("configuration", error.reason, error.detail)
        return []
    reading.files.append(path)
    reading.bytes += len(text)
    return _with_includes(directives, reading, depth)


def _with_includes(directives: list[Directive], reading: _Reading, depth: int) -> list[Directive]:
    found: list[Directive] = []
    for entry in directives:
        if entry.name == "include" and entry.arguments:
            pattern = os.path.join(reading.base, entry.arguments[0])
            is_pattern = glob.has_magic(pattern)
            for path in sorted(glob.glob(pattern)) if is_pattern else [pattern]:
                found += _file(path, reading, depth + 1)
        else:
            block = _with_includes(entry.block, reading, depth) if entry.block else []
            found.append(entry._replace(block=block))
    return found


def parse(text: str, file: str = "") -> list[Directive]:
    """Raises `Unreadable` where braces or quotes do not match: nginx would not start with it."""
    open_blocks: list[list[Directive]] = [[]]
    words: list[str] = []
    at, line, began = 0, 1, 1
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise Unreadable("not-understood", "{}:{}: an open quote".format(file, line))
        mark, word = match.group(3), match.group(4)
        if mark in (";", "{") and words:
            entry = Directive(words[0], words[1:], file, began, [])
            open_blocks[-1].append(entry)
            words = []
            if mark == "{":
                if len(open_blocks) > _DEEPEST:
                    raise Unreadable("not-understood", "{}:{}: too deep".format(file, line))
                open_blocks.append(entry.block)
        elif mark == "}":
            if len(open_blocks) == 1:
                raise Unreadable("not-understood", "{}:{}: unexpected }}".format(file, line))
            open_blocks.pop()
        elif word is not None or match.group(1) is not None or match.group(2) is not None:
            began = began if words else line
            words.append(
                next(part for part in (word, match.group(1), match.group(2)) if part is not None)
            )
        line += text.count("\n", at, match.end())
        at = match.end()
    if len(open_blocks) > 1 or words:
        raise Unreadable("not-understood", "{}: ends in the middle".format(file))
    return open_blocks[0]


def sites(directives: list[Directive]) -> list[dict[str, object]]:
    """Every `server` of `http`."""
    found = []
    for http in directives:
        if http.name == "http":
            upstreams = {
                entry.arguments[0]: [to.arguments[0] for to in entry.all("server") if to.arguments]
                for entry in http.all("upstream")
                if entry.arguments
            }
            for server in http.all("server"):
                found.append(_site(server, [http, server], upstreams))
    return found[:100]


def _site(
    server: Directive, around: list[Directive], upstreams: dict[str, list[str]]
) -> dict[str, object]:
    listens = [entry.arguments for entry in server.all("listen") if entry.arguments]
    return {
        "file": server.file,
        "line": server.line,
        "names": [name for entry in server.all("server_name") for name in entry.arguments][:50],
        "listens": [" ".join(words) for words in listens][:20],
        "tls": any("ssl" in words[1:] or "quic" in words[1:] for words in listens),
        "certificates": _inherited(around, "ssl_certificate")[:5],
        "redirects": [" ".join(entry.arguments) for entry in server.all("return")][:5],
        "locations": _locations(server, around, upstreams)[:60],
    }


def key_pairs(directives: list[Directive]) -> list[tuple[str, str]]:
    """The certificates of every `server`, each with its key: the first of both belong together."""
    found: list[tuple[str, str]] = []
    for around in directives:
        for server in around.all("server"):
            inside = [around, server]
            found += zip(
                _inherited(inside, "ssl_certificate"), _inherited(inside, "ssl_certificate_key")
            )
    return list(dict.fromkeys(found))


def _locations(
    server: Directive, around: list[Directive], upstreams: dict[str, list[str]]
) -> list[dict[str, object]]:
    found = []
    for location in server.all("location"):
        inside = [*around, location]
        passes = [entry.arguments[0] for entry in location.all("proxy_pass") if entry.arguments]
        for block in location.all("if"):
            passes += [entry.arguments[0] for entry in block.all("proxy_pass") if entry.arguments]
        found.append(
            {
                "path": " ".join(location.arguments),
                "line": location.line,
                "proxy_pass": passes[0] if passes else "",
                "upstreams": _upstreams(passes[0], upstreams) if passes else [],
                "upgrade": _upgrades(inside),
                "http_version": "".join(_inherited(inside, "proxy_http_version")[-1:]),
                "read_timeout_s": _seconds("".join(_inherited(inside, "proxy_read_timeout")[-1:])),
                "denies": any(entry.arguments == ["all"] for entry in location.all("deny")),
            }
        )
        found += _locations(location, inside, upstreams)
    return found


def _inherited(around: list[Directive], name: str) -> list[str]:
    """The innermost level that has the directive, as nginx inherits."""
    for block in reversed(around):
        values = [entry.arguments[0] for entry in block.all(name) if entry.arguments]
        if values:
            return values
    return []


def _upgrades(around: list[Directive]) -> bool:
    """Whether `Upgrade` and `Connection` are passed on: headers set at one level replace all of the
    levels above it (nginx's documentation of proxy_set_header). `Connection` has to name Upgrade
    (RFC 9110, 7.8), or holds a variable, which may. The version of HTTP towards LiveKit does not
    matter: nginx 1.22 opens websockets to LiveKit 1.13.5 in HTTP/1.0 too.
    """
    for block in reversed(around):
        headers = {
            entry.arguments[0].lower(): entry.arguments[1]
            for entry in block.all("proxy_set_header")
            if len(entry.arguments) > 1
        }
        if headers:
            connection = headers.get("connection", "").lower()
            return bool(headers.get("upgrade")) and ("upgrade" in connection or "$" in connection)
    return False


def _upstreams(target: str, upstreams: dict[str, list[str]]) -> list[str]:
    """`http://livekit` → the addresses of `upstream livekit`; an address is itself."""
    host = re.sub(r"^\w+://", "", target).partition("/")[0]
    return upstreams.get(host, [host])[:20]


_UNITS = {"": 1.0, "s": 1.0, "ms": 0.001, "m": 60.0, "h": 3600.0, "d": 86400.0}


def _seconds(value: str) -> float | None:
    parts = re.findall(r"(\d{1,9})(ms|[smhd])?\s*", value)
    return sum(int(digits) * _UNITS[unit] for digits, unit in parts) if parts else None


def values(directives: list[Directive], name: str) -> list[str]:
    """The first argument of every directive of this name, at any depth."""
    found = []
    for entry in directives:
        if entry.name == name and entry.arguments:
            found.append(entry.arguments[0])
        found += values(entry.block, name)
    return found
