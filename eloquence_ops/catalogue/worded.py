"""Evidence that our own code has worded, told in the reader's language.

Each is looked up in `checks/words.toml` as it stands; numbers are written `#` there. Of several
parts (`A: nothing within 2 s; AAAA: nothing within 2 s`) each is looked up by itself. What is not
there stays as it is: the words of the operating system, of OpenSSL, of the peer.
"""

from __future__ import annotations

import re
from typing import Final

from eloquence_ops.catalogue.model import Catalogue
from eloquence_ops.language import Language
from eloquence_ops.typography import typeset

_NUMBER: Final = re.compile(r"\d+(?:\.\d+)?")


def worded(text: str, catalogue: Catalogue, language: Language) -> str:
    """`text` in the reader's language, as far as it is ours."""
    parts = text.split("; ")
    told = [_part(part, catalogue, language) for part in parts]
    if not any(told):
        return text
    between = {"en": "; ", "fr": typeset(" ; ", "fr")}[language]
    return between.join(mine or part for mine, part in zip(told, parts, strict=True))


def behind(text: str, language: Language) -> str:
    """`text` as it follows a sentence; nothing where there is none."""
    return f"{_colon(language)}{text}" if text else ""


def _part(text: str, catalogue: Catalogue, language: Language) -> str | None:
    """None where nothing of it is ours."""
    whole = _entry(text, catalogue, language)
    head, colon, rest = text.partition(": ")
    if whole is not None or not colon:
        return whole
    # A single word before a colon is somebody's own: a field, an error's name.
    first = _entry(head, catalogue, language) if " " in head else None
    others = _part(rest, catalogue, language)
    if first is None and others is None:
        return None
    return f"{first or head}{_colon(language)}{others or rest}"


def _entry(text: str, catalogue: Catalogue, language: Language) -> str | None:
    if (exact := catalogue.words.get(text)) is not None:
        return exact.in_language(language)
    numbers = iter(_NUMBER.findall(text))
    shaped = catalogue.words.get(_NUMBER.sub("#", text))
    return re.sub("#", lambda _: next(numbers), shaped.in_language(language)) if shaped else None


def _colon(language: Language) -> str:
    return {"en": ": ", "fr": typeset(" : ", "fr")}[language]
