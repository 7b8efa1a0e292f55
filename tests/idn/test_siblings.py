"""Names that are taken for one another."""

from __future__ import annotations

import pytest

from eloquence_ops.idn.forms import forms_of_name
from eloquence_ops.idn.scripts import is_mixed, look_alike_letters, skeleton
from eloquence_ops.idn.siblings import (
    are_look_alikes,
    are_near,
    ascii_look_alike,
    is_a_slip_of,
    labels_that_differ,
)


@pytest.mark.parametrize(
    ("name", "look_alike"),
    [
        ("api.xn--loquence-90a.com", "api.eloquence.com"),
        ("xn--fa-hia.de", "fass.de"),
        ("eloquence.com", None),
        ("xn--wgv71a119e.jp", None),
        ("xn--eloquence-.com", None),
        ("", None),
    ],
)
def test_the_name_without_accents(name: str, look_alike: str | None) -> None:
    assert ascii_look_alike(name) == look_alike


@pytest.mark.parametrize(
    ("one", "other", "relation"),
    [
        ("api.éloquence.com", "livekit.eloquence.com", "look-alike"),
        ("éloquence.com", "èloquence.com", "look-alike"),
        ("eloquence.com", "elоquence.com", "look-alike"),
        ("éloquence.com", "elоquence.com", "look-alike"),
        ("api.éloquence.com", "livekit.éloquence.com", None),
        ("éloquence.com", "éloquence.org", None),
        ("a.test", "b.test", None),
        ("localhost", "localhost", None),
        ("éloquence.co.uk", "eloquence.co.uk", "look-alike"),
        ("api.éloquence.co.uk", "www.eloquence.co.uk", "look-alike"),
        ("api.éloquence.co.uk", "eloquence.org.uk", None),
        ("éloquence.co.uk", "xn--loquence-90b.co.uk", "near"),
        ("éloquence.com", "éloquence.cоm", "look-alike"),
        ("é.com", "e.org", None),
        ("one.com", "two.cоm", None),  # its top-level domain looks the same
        ("éloquence.com", "xn--loquence-90b.com", "near"),
        ("éloquence.com", "xn--loquence-09a.com", "near"),
        ("éloquence.com", "xn--loquence-9a.com", "near"),
        ("éloquence.com", "xn--loqence-90a.com", "near"),
        ("éloquence.com", "xn--fa-hia.com", None),
        ("api.com", "apo.com", None),
    ],
)
def test_two_names_that_look_alike_or_differ_by_a_slip(
    one: str, other: str, relation: str | None
) -> None:
    mine, theirs = (forms_of_name(name).a_label or name for name in (one, other))
    for first, second in ((mine, theirs), (theirs, mine)):
        assert are_look_alikes(first, second) == (relation == "look-alike")
        assert are_near(first, second) == (relation == "near")


@pytest.mark.parametrize(
    ("label", "mixed", "letters"),
    [
        ("eloquence", False, ""),
        ("éloquence1-2", False, ""),
        ("elоquence", True, "о"),
        ("сосо", False, "со"),
        ("привет", False, ""),
        ("日本のカナabc", False, ""),
        ("한국語", False, ""),
        ("日本я", True, ""),
        ("eloquеnce", True, "е"),
        ("dıgital", False, "ı"),
    ],
)
def test_scripts_and_letters_that_imitate(label: str, mixed: bool, letters: str) -> None:
    assert (is_mixed(label), look_alike_letters(label)) == (mixed, letters)


def test_what_a_hurried_reader_sees() -> None:
    assert {skeleton(word) for word in ("éloquence", "elоquеnce", "ÉLOQUENCE")} == {"eloquence"}


@pytest.mark.parametrize(
    ("one", "other", "places"),
    [
        ("api.éloquence.co.uk", "api.eloquence.co.uk", (2,)),
        ("café.éloquence.com", "cafe.eloquence.com", (1, 2)),
        ("café.example.com", "cafe.example.com", (2,)),
        ("api.éloquence.com", "www.eloquence.com", (1,)),
        ("éloquence.com", "éloquence.com", ()),
    ],
)
def test_where_two_names_that_look_alike_differ(
    one: str, other: str, places: tuple[int, ...]
) -> None:
    mine, theirs = (forms_of_name(name).a_label or name for name in (one, other))
    assert labels_that_differ(mine, theirs) == places


@pytest.mark.parametrize(
    ("one", "other", "is_slip"),
    [
        ("livkit.example.com", "livekit.example.com", True),
        ("livekti.example.com", "livekit.example.com", True),
        ("livekit.exmple.com", "livekit.example.com", True),
        ("éloqence.com", "éloquence.com", True),
        ("api1.example.com", "api2.example.com", False),
        ("api.example.com", "www.example.com", False),
        ("api.example.com", "api.example.com", False),
        ("api.example.com", "example.com", False),
    ],
)
def test_a_name_that_was_mistyped(one: str, other: str, is_slip: bool) -> None:
    mine, theirs = (forms_of_name(name).a_label or name for name in (one, other))
    assert is_a_slip_of(mine, theirs) == is_slip
