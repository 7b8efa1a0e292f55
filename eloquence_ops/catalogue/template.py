"""Fills the catalogue's texts in: `{status}`, `{waited:.1f}`, and by these words behind the name:

`{author:word}`: our own word, in the reader's language · `{addresses:list}`: a tuple ·
`{problems:words}`: a tuple of our own words · `{said:told}`: what is there in both languages ·
`{url:wire}`: an address of LiveKit's with its A-label, so that two of them can be compared ·
`{excerpt:tail}`: `: …` at the end of a sentence, and nothing where there is none ·
`{detail:word-tail}`: the same for a word.

Names only, no attributes and no indexes. In a command every value is quoted for a shell, since
part of it may be a remote word.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from string import Formatter

from eloquence_ops.catalogue.model import Catalogue
from eloquence_ops.catalogue.worded import behind, worded
from eloquence_ops.endpoints import parse
from eloquence_ops.errors import UsageError
from eloquence_ops.language import Language

_FORMATTER = Formatter()
_TAILS = ("tail", "word-tail")


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
    if spec in _TAILS:
        text = _listed(value) if value is not None else ""
        return behind(text if spec == "tail" else worded(text, catalogue, language), language)
    if value is None:
        return "?"
    if spec == "list":
        return _listed(value)
    if spec == "words" and isinstance(value, tuple | list):
        return ", ".join(worded(str(entry), catalogue, language) for entry in value)
    if spec == "told" and isinstance(value, tuple | list) and len(value) == 2:
        return str(value[1] if language == "fr" else value[0])
    if spec == "wire":
        return _on_the_wire(str(value))
    if spec == "word":
        return worded(str(value), catalogue, language)
    return format(value, spec)


def _on_the_wire(address: str) -> str:
    try:
        return parse(address, "livekit").url
    except UsageError:
        return address


def _listed(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


def outline(template: str, language: Language) -> str:
    """The same with nothing to fill in: `{status:word}` as `<status>`."""
    parts: list[str] = []
    for literal, name, spec, _ in _FORMATTER.parse(template):
        parts.append(literal)
        if name:
            parts.append(behind(f"<{name}>", language) if spec in _TAILS else f"<{name}>")
    return "".join(parts)


def command(template: str, values: Mapping[str, object]) -> str:
    """A command that can be pasted into a POSIX shell."""
    parts: list[str] = []
    for literal, name, _, _ in _FORMATTER.parse(template):
        parts.append(literal)
        if name:
            parts.append(shlex.quote(str(values.get(name, "?"))))
    return "".join(parts)
