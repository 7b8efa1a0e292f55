"""Caddy and HAProxy: what their files say of names, upstreams, timeouts and certificates.

Less than of nginx, and line by line: both upgrade WebSockets by themselves.
"""

from __future__ import annotations

import re

CADDY = "/etc/caddy/Caddyfile"
HAPROXY = "/etc/haproxy/haproxy.cfg"


def caddy_sites(text: str, file: str) -> list[dict[str, object]]:
    """Every site block of a Caddyfile; the names are its addresses."""
    found: list[dict[str, object]] = []
    depth = 0
    for number, raw in enumerate(text.split("\n"), start=1):
        words = _words(raw)
        if not words:
            continue
        if depth == 0 and words[0] not in ("{",) and not words[0].startswith("("):
            found.append(_site(file, number, [word.rstrip(",") for word in words if word != "{"]))
        elif found and words[0] == "reverse_proxy":
            to = [word for word in words[1:] if word != "{"]
            path = to.pop(0) if to and to[0][:1] in ("/", "@", "*") else "*"
            _locations(found[-1]).append(_location(path, number, to, upgrade=True))
        elif found and words[0] == "to" and depth > 1 and _locations(found[-1]):
            _upstreams(found[-1]).extend(words[1:])
        elif found and words[0] == "tls" and len(words) > 2:
            found[-1]["certificates"] = words[1:2]
        depth = max(0, depth + words.count("{") - words.count("}"))
    return found[:100]


def caddy_keys(text: str) -> list[tuple[str, str]]:
    """The certificates that are given with their keys; Caddy sees to all others itself."""
    lines = map(_words, text.split("\n"))
    given = [words[1:3] for words in lines if words[:1] == ["tls"] and len(words) > 2]
    return [(first, second) for first, second in given if first[:1] == second[:1] == "/"]


def caddy_logs(text: str) -> list[str]:
    """The files that accesses are written to, where they do not go to the journal."""
    lines = map(_words, text.split("\n"))
    return [words[2] for words in lines if words[:2] == ["output", "file"] and len(words) > 2]


def haproxy_sites(text: str, file: str) -> list[dict[str, object]]:
    """Every frontend, backend and listen section, with what it binds and where it sends."""
    found: list[dict[str, object]] = []
    for number, raw in enumerate(text.split("\n"), start=1):
        words = _words(raw)
        if not words:
            continue
        if words[0] in ("frontend", "backend", "listen", "defaults", "global"):
            found.append(_site(file, number, words[:2]))
        elif not found:
            continue
        elif words[0] == "bind" and len(words) > 1:
            _texts(found[-1], "listens").append(" ".join(words[1:]))
            found[-1]["tls"] = bool(found[-1]["tls"]) or "ssl" in words
            _texts(found[-1], "certificates").extend(_behind(words, "crt"))
        elif words[0] == "server" and len(words) > 2:
            _locations(found[-1]).append(_location(words[1], number, [words[2]], upgrade=True))
        elif words[:2] in (["timeout", "server"], ["timeout", "tunnel"]):
            _texts(found[-1], "redirects").append(" ".join(words))
    kept = [site for site in found if _texts(site, "names")[0] not in ("global", "defaults")]
    return kept[:100]


def _words(line: str) -> list[str]:
    return re.sub(r"(^|\s)#.*", "", line).replace('"', "").split()


def _behind(words: list[str], option: str) -> list[str]:
    return [value for word, value in zip(words, words[1:]) if word == option]


def _site(file: str, line: int, names: list[str]) -> dict[str, object]:
    return {
        "file": file,
        "line": line,
        "names": names[:50],
        "listens": [],
        "tls": False,
        "certificates": [],
        "redirects": [],
        "locations": [],
    }


def _location(path: str, line: int, upstreams: list[str], upgrade: bool) -> dict[str, object]:
    return {
        "path": path,
        "line": line,
        "proxy_pass": upstreams[0] if upstreams else "",
        "upstreams": upstreams[:20],
        "upgrade": upgrade,
        "http_version": "",
        "read_timeout_s": None,
        "denies": False,
    }


def _locations(site: dict[str, object]) -> list[dict[str, object]]:
    found = site["locations"]
    assert isinstance(found, list)  # noqa: S101  # made by _site
    return found


def _texts(site: dict[str, object], name: str) -> list[str]:
    found = site[name]
    assert isinstance(found, list)  # noqa: S101  # made by _site
    return found


def _upstreams(site: dict[str, object]) -> list[str]:
    found = _locations(site)[-1]["upstreams"]
    assert isinstance(found, list)  # noqa: S101  # made by _location
    return found
