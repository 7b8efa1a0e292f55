"""`eloquence explain`."""

from __future__ import annotations

import os

from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.catalogue.search import near_misses, search
from eloquence_ops.cli import speaking
from eloquence_ops.credentials import of_environment
from eloquence_ops.errors import UsageError
from eloquence_ops.report.explanation import Explanation
from eloquence_ops.secrets import Redactor


def explain(text: str, lang: str | None) -> int:
    """Prints what was found; without a text, everything there is. Raises `UsageError`."""
    language = speaking.language(lang)
    explanation = Explanation(speaking.console(), catalogue(), language)
    if not text.strip():
        explanation.index()
        return 0
    found = search(text, catalogue())
    if not found:
        shown = Redactor(*of_environment(os.environ)).text(text)[:80]
        near = near_misses(text, catalogue())
        if near:
            raise UsageError("explain.near", text=shown, near=", ".join(near))
        raise UsageError("explain.nothing", text=shown)
    explanation.show(found[0])
    return 0
