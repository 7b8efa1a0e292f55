"""Which routes an API says it has, from its OpenAPI document."""

from __future__ import annotations

import json
import re
from typing import Final
from urllib.parse import urlsplit

from eloquence_ops.observations import ApiRoutes
from eloquence_ops.probes import remote_text
from eloquence_ops.secrets import Redactor

LARGEST_DOCUMENT_BYTES: Final = 2 * 1024 * 1024
_MOST_ROUTES: Final = 200
_SESSIONS: Final = "/session"  # the old endpoints and the new ones
_MOST_BASES: Final = 3
_BASE: Final = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,40}){1,4}")
_METHODS: Final = frozenset({"get", "post", "put", "patch", "delete", "head", "options"})


def read_routes(body: bytes, *, endpoint: str, at_s: float, redactor: Redactor) -> ApiRoutes | None:
    """The routes of an OpenAPI 3 document (`paths` → path → method); None when it is not one.

    Of more than `_MOST_ROUTES` those of sessions are kept first.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or not isinstance(document.get("paths"), dict):
        return None
    listed = [
        (_SESSIONS not in path, method.upper(), path)
        for path, operations in document["paths"].items()
        if isinstance(operations, dict)
        for method in operations
        if method in _METHODS
    ]
    # Chosen before they are made fit to show: a document may list a hundred thousand.
    routes = [
        f"{method} {remote_text.line(path, redactor, limit=120)}"
        for _, method, path in sorted(listed)[:_MOST_ROUTES]
    ]
    info = document.get("info")
    title = info.get("title") if isinstance(info, dict) else None
    return ApiRoutes(
        endpoint=endpoint,
        title=remote_text.line(title if isinstance(title, str) else "", redactor, limit=80),
        routes=tuple(sorted(routes)),
        bases=_bases(document.get("servers")),
        at_s=at_s,
    )


def _bases(servers: object) -> tuple[str, ...]:
    """The paths of `servers` (OpenAPI 3.1, 4.8.5), whose urls may be relative; only what is plainly
    a path, since it will be asked for."""
    entries = servers if isinstance(servers, list) else []
    urls = (entry.get("url") for entry in entries if isinstance(entry, dict))
    paths = [_path(url) for url in urls if isinstance(url, str)]
    return tuple(dict.fromkeys(path for path in paths if _BASE.fullmatch(path)))[:_MOST_BASES]


def _path(url: str) -> str:
    try:
        return urlsplit(url).path.rstrip("/")
    except ValueError:
        return ""
