"""What a sentence for a person may hold."""

from __future__ import annotations

from eloquence_ops.typography import NARROW, WIDE

_SPACES = str.maketrans({NARROW: " ", WIDE: " "})


def is_safe(sentence: str) -> bool:
    """Nothing that a terminal would obey; the spaces of French are none of that."""
    return typed(sentence).isprintable()


def typed(sentence: str) -> str:
    """The sentence as somebody would type it."""
    return sentence.translate(_SPACES)
