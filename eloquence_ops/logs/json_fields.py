"""A JSON object as the fields of a line: values as text, nested ones as compact JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

from eloquence_ops.logs.entry import Fields

_compact: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def loaded(text: str) -> dict[str, object] | None:
    """None where it is not one JSON object; text from outside, however deep it nests."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def as_text(value: object) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    try:
        return _compact(value)
    except (ValueError, RecursionError):
        return "…"


def as_fields(pairs: Iterable[tuple[str, object]]) -> Fields:
    return tuple([(key, value if type(value) is str else as_text(value)) for key, value in pairs])
