"""Names that are taken for one another."""

from __future__ import annotations

import pytest

from eloquence_ops.idn.forms import forms_of_name
from eloquence_ops.idn.scripts import is_mixed, look_alike_letters, skeleton
from eloquence_ops.idn.siblings import are_look_alikes, are_near, ascii_look_alike


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
