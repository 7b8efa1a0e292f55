"""FastAPI's 422, field by field: `detail` is a list of `loc` and `msg`.

Read while the whole of the body is at hand: each entry repeats the body that was sent, so that a
few fields are longer than any excerpt.
"""

from __future__ import annotations

import json
from typing import Final

from eloquence_ops.probes import remote_text
from eloquence_ops.secrets import Redactor

_MOST_FIELDS: Final = 16
_LONGEST: Final = 80


def invalid_fields(body: bytes, redactor: Redactor) -> tuple[str, ...]:
    """`place: what is wrong` for each field that was refused; none where that is not the shape."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return ()
    details = document.get("detail") if isinstance(document, dict) else None
    if not isinstance(details, list):
        return ()
    entries = [entry for entry in details if isinstance(entry, dict)]
    return tuple(_described(entry, redactor) for entry in entries[:_MOST_FIELDS])


def _described(entry: dict[str, object], redactor: Redactor) -> str:
    """Without the first part of the place, which is where it was looked for: the body, a header."""

    def shown(value: object) -> str:
        # JSON can say half of a character, which nothing can write down.
        text = str(value).encode(errors="replace").decode()
        return remote_text.line(text, redactor, limit=_LONGEST)

    where = entry.get("loc")
    place = ".".join(str(part) for part in where[1:]) if isinstance(where, list) else "?"
    # Each by itself: together, `x-api-key: Field` reads as a key.
    return f"{shown(place)}: {shown(entry.get('msg', '?'))}"
