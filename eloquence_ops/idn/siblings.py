"""Two names side by side: alike to the eye, or nearly so on the wire, and yet two domains."""

from __future__ import annotations

from typing import Final

from eloquence_ops.idn.forms import forms_of_label, forms_of_name
from eloquence_ops.idn.scripts import skeleton, without_accents

# `api.éloquence.com` and `livekit.eloquence.com` are of two domains; `a.example` and `b.example`
# share no more than a top-level domain.
_LABELS_OF_A_DOMAIN: Final = 2
_ACE: Final = "xn--"


def ascii_look_alike(name: str) -> str | None:
    """The name that is left of an A-label name without its accents; None where it has none.

    `api.xn--loquence-90a.com` gives `api.eloquence.com`.
    """
    forms = forms_of_name(name)
    if not forms.is_possible or forms.u_label.isascii():
        return None
    plain = forms_of_name(without_accents(forms.u_label)).a_label
    return plain if plain and plain != forms.a_label else None


def are_look_alikes(one: str, other: str) -> bool:
    """Whether two A-label names are of two domains that read as one."""
    pairs = _domains(one, other)
    return any(mine != theirs for mine, theirs in pairs) and all(
        _seen(mine) == _seen(theirs) for mine, theirs in pairs
    )


def are_near(one: str, other: str) -> bool:
    """Whether two A-label names are of two domains whose wire forms differ by a slip.

    `xn--loquence-90a` and `xn--loquence-90b` are both valid, and the second one is `lűoquence`.
    """
    differing = [(mine, theirs) for mine, theirs in _domains(one, other) if mine != theirs]
    return (
        len(differing) == 1
        and all(label.startswith(_ACE) for label in differing[0])
        and _is_a_slip(*differing[0])
        and not are_look_alikes(one, other)
    )


def _domains(one: str, other: str) -> list[tuple[str, str]]:
    """The labels of the two domains in pairs, from the top; nothing of names that are too short."""
    mine, theirs = one.split(".")[::-1], other.split(".")[::-1]
    if min(len(mine), len(theirs)) < _LABELS_OF_A_DOMAIN:
        return []
    return list(zip(mine, theirs, strict=False))[:_LABELS_OF_A_DOMAIN]


def _seen(label: str) -> str:
    return skeleton(forms_of_label(label).u_label or label)


def _is_a_slip(one: str, other: str) -> bool:
    """One letter too many, too few, another one, or two in the wrong order."""
    if len(one) == len(other):
        differing = [place for place in range(len(one)) if one[place] != other[place]]
        if len(differing) == 2:
            first, second = differing
            swapped = (one[first], one[second]) == (other[second], other[first])
            return second == first + 1 and swapped
        return len(differing) == 1
    shorter, longer = sorted((one, other), key=len)
    return len(longer) - len(shorter) == 1 and any(
        longer[:place] + longer[place + 1 :] == shorter for place in range(len(longer))
    )
