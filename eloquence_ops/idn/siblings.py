"""Two names side by side: alike to the eye, or nearly so on the wire, and yet two domains."""

from __future__ import annotations

import re
from typing import Final

from eloquence_ops.idn.forms import forms_of_label, forms_of_name
from eloquence_ops.idn.scripts import skeleton, without_accents

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


def labels_that_differ(one: str, other: str) -> tuple[int, ...]:
    """The places of the labels by which two A-label names are alike and not the same, counted from
    the top-level domain, which is 0; none where they are not alike.

    `api.éloquence.co.uk` and `www.eloquence.co.uk` differ at 2. Nobody can tell from names alone
    where the registries' part of them ends, and it need not be known: two names are of one domain
    down to the first label in which they differ, and what stands below is each one's own.
    """
    found: list[int] = []
    for place, (mine, theirs) in enumerate(_from_the_top(one, other)):
        if mine == theirs:
            continue
        if _seen(mine) != _seen(theirs):
            # Below a domain of one's own each name is one's own too; above it nothing is.
            return tuple(found) if place > 1 else ()
        found.append(place)
    return tuple(found)


def are_look_alikes(one: str, other: str) -> bool:
    """Whether two A-label names are of two domains that read as one."""
    return bool(labels_that_differ(one, other))


def slip_at(one: str, other: str) -> int | None:
    """The place from the top of the label in which the wire forms of two A-label names differ by a
    slip; None where they do not.

    `xn--loquence-90a` and `xn--loquence-90b` are both valid, and the second one is `lűoquence`.
    """
    pairs = list(enumerate(_from_the_top(one, other)))
    place, pair = next(((at, pair) for at, pair in pairs if pair[0] != pair[1]), (0, ("", "")))
    below = pairs[place + 1][1] if len(pairs) > place + 1 else ("", "")
    if not all(label.startswith(_ACE) for label in pair) or not _is_a_slip(*pair):
        return None
    if are_look_alikes(one, other) or (place == 0 and below[0] != below[1]):
        return None
    return place


def are_near(one: str, other: str) -> bool:
    """Whether two A-label names are of two domains whose wire forms differ by a slip."""
    return slip_at(one, other) is not None


def is_a_slip_of(one: str, other: str) -> bool:
    """Whether two A-label names differ by a slip in one label, as somebody types it.

    `livkit.example` for `livekit.example`; not `api1` for `api2`, which people number.
    """
    mine, theirs = one.split("."), other.split(".")
    if len(mine) != len(theirs):
        return False
    differing = [pair for pair in zip(mine, theirs, strict=True) if pair[0] != pair[1]]
    if len(differing) != 1:
        return False
    typed, meant = (forms_of_label(label).u_label or label for label in differing[0])
    bare = [re.sub(r"\d", "", label) for label in (typed, meant)]
    return bare[0] != bare[1] and _is_a_slip(typed, meant)


def _from_the_top(one: str, other: str) -> list[tuple[str, str]]:
    """The labels of the two names in pairs, the top-level domain first; nothing of names that have
    but one label."""
    mine, theirs = one.split(".")[::-1], other.split(".")[::-1]
    if min(len(mine), len(theirs)) < 2:
        return []
    return list(zip(mine, theirs, strict=False))


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
