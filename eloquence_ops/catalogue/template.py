"""Fills the catalogue's texts in: `{status}`, `{author:word}`, `{addresses:list}`, `{waited:.1f}`.

Names only, no attributes and no indexes. In a command every value is quoted for a shell, since
part of it may be a remote word.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from string import Formatter

from eloquence_ops.catalogue.model import Catalogue
from eloquence_ops.language import Language

_FORMATTER = Formatter()


def placeholders(template: str) -> frozenset[str]:
    """The names a template needs."""
    return frozenset(name for _, name, _, _ in _FORMATTER.parse(template) if name)


def fill(
    template: str, values: Mapping[str, object], catalogue: Catalogue, language: Language
) -> str:
    """A text for a person. A value that is missing shows as `?`."""
    parts: list[str] = []
    for literal, name, spec, _ in _FORMATTER.parse(template):
        parts.append(literal)
        if name:
            parts.append(_show(values.get(name), spec or "", catalogue, language))
    return "".join(parts)


def _show(value: object, spec: str, catalogue: Catalogue, language: Language) -> str:
    if value is None:
        return "?"
    if spec == "list" and isinstance(value, tuple | list):
        return ", ".join(map(str, value))
    if spec == "word":
        text = catalogue.words.get(str(value))
        return text.in_language(language) if text else str(value)
    return format(value, spec)


def command(template: str, values: Mapping[str, object]) -> str:
    """A command that can be pasted into a POSIX shell."""
    parts: list[str] = []
    for literal, name, _, _ in _FORMATTER.parse(template):
        parts.append(literal)
        if name:
            parts.append(shlex.quote(str(values.get(name, "?"))))
    return "".join(parts)
