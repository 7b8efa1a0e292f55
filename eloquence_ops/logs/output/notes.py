"""What happened to the stream, as a sentence."""

from __future__ import annotations

from eloquence_ops.language import Language
from eloquence_ops.logs.entry import Note
from eloquence_ops.phrases import phrase


def sentence(note: Note, language: Language) -> str:
    values: dict[str, object] = dict(note.values)
    if note.refusal is not None:
        values["said"] = note.refusal.sentence(language)
    return phrase(note.phrase_id, language, **values)
