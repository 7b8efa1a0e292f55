"""French as it is set: the spaces that belong to a mark do not break.

The texts are written with plain spaces, as people type. When one is taken, before anything is
filled in, those before `; ! ?` become U+202F and those at `:` and inside « » U+00A0, so that no
line begins with a mark. What is filled in later, and the commands beside the texts, stay as they
are.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from eloquence_ops.language import Language

NARROW: Final = "\u202f"
WIDE: Final = "\u00a0"

# A mark ends its word. The colon of a format spec, or of code, follows no space.
_BEFORE_HIGH_MARKS: Final = re.compile(r" (?=[;!?](?:[\s)»]|$))")
_BEFORE_COLON: Final = re.compile(r" (?=:(?:\s|$))")
_INSIDE_GUILLEMETS: Final = re.compile(r"(?<=«) | (?=»)")


def typeset(text: str, language: Language) -> str:
    """`text` as it is shown; only French changes."""
    if language != "fr":
        return text
    text = _BEFORE_HIGH_MARKS.sub(NARROW, text)
    return _INSIDE_GUILLEMETS.sub(WIDE, _BEFORE_COLON.sub(WIDE, text))
