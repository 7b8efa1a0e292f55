"""Every sentence of the program that is not in the catalogue, in both languages.

Errors, headings of the report, answers of commands. The runbook's own texts (checks,
findings, causes) are data in `checks/`. Filled in with `str.format`.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from eloquence_ops.typography import typeset

if TYPE_CHECKING:
    from eloquence_ops.language import Language


@cache
def all_phrases() -> dict[str, dict[str, str]]:
    """id → language → text, ids as `section.name`."""
    book = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    return {
        f"{section}.{name}": texts
        for section, entries in book.items()
        for name, texts in entries.items()
    }


def phrase(phrase_id: str, language: Language, **values: object) -> str:
    return typeset(all_phrases()[phrase_id][language], language).format(**values)
