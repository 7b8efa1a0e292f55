"""One JSON object a line, version 1; the shape is told in docs/logs.md."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from eloquence_ops.language import Language
from eloquence_ops.logs.dress import Shown
from eloquence_ops.logs.entry import Note
from eloquence_ops.logs.output import Item
from eloquence_ops.logs.output.moments import iso
from eloquence_ops.logs.output.notes import sentence

SCHEMA_VERSION: Final = 1


class JsonLines:
    """See `Output`. `language` is that of the notes' sentences."""

    def __init__(self, language: Language) -> None:
        self._language = language

    def text(self, items: Sequence[Item]) -> str:
        return "".join(f"{json.dumps(self._shape(item), ensure_ascii=False)}\n" for item in items)

    def _shape(self, item: Item) -> dict[str, Any]:
        return self._note(item) if isinstance(item, Note) else _entry(item)

    def _note(self, note: Note) -> dict[str, Any]:
        return {
            "schema_version": SCHEMA_VERSION,
            "type": "note",
            "at": iso(note.at),
            "source": note.source,
            "event": note.phrase_id.partition(".")[2],
            "message": sentence(note, self._language),
        }


def _entry(shown: Shown) -> dict[str, Any]:
    entry = shown.entry
    return {
        "schema_version": SCHEMA_VERSION,
        "type": "entry",
        "at": iso(entry.at),
        "source": entry.source,
        "level": None if entry.level is None else entry.level.name.lower(),
        "message": shown.message,
        "fields": dict(shown.fields),
        "cut": shown.cut,
        "causes": list(shown.causes),
    }
