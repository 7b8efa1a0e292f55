"""Which routes an API says it has, from its OpenAPI document."""

from __future__ import annotations

import json
from typing import Final

from eloquence_ops.observations import ApiRoutes
from eloquence_ops.probes import remote_text
from eloquence_ops.secrets import Redactor

LARGEST_DOCUMENT_BYTES: Final = 2 * 1024 * 1024
_MOST_ROUTES: Final = 200
_METHODS: Final = frozenset({"get", "post", "put", "patch", "delete", "head", "options"})


def read_routes(body: bytes, *, endpoint: str, at_s: float, redactor: Redactor) -> ApiRoutes | None:
    """The routes of an OpenAPI 3 document (`paths` → path → method); None when it is not one."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or not isinstance(document.get("paths"), dict):
        return None
    routes = sorted(
        f"{method.upper()} {remote_text.line(str(path), redactor, limit=120)}"
        for path, operations in document["paths"].items()
        if isinstance(operations, dict)
        for method in operations
        if method in _METHODS
    )
    info = document.get("info")
    title = info.get("title", "") if isinstance(info, dict) else ""
    return ApiRoutes(
        endpoint=endpoint,
        title=remote_text.line(str(title), redactor, limit=80),
        routes=tuple(routes[:_MOST_ROUTES]),
        at_s=at_s,
    )
