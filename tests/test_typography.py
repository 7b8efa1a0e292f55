"""French is set as it is printed: no mark is torn from its word. Nothing else changes."""

from __future__ import annotations

import pytest

from eloquence_ops.catalogue.model import Text
from eloquence_ops.phrases import phrase
from eloquence_ops.typography import typeset


@pytest.mark.parametrize(
    ("typed", "set_as"),
    [
        ("lent ; vide", "lent\u202f; vide"),
        ("vide ?", "vide\u202f?"),
        ("vide ! Encore", "vide\u202f! Encore"),
        ("(vide ?) oui", "(vide\u202f?) oui"),
        ("port : refus", "port\u00a0: refus"),
        ("« OK » :", "«\u00a0OK\u00a0»\u00a0:"),
        ("{status:word} : {a} ;", "{status:word}\u00a0: {a}\u202f;"),
        ("un :\nautre", "un\u00a0:\nautre"),
    ],
)
def test_the_space_of_a_mark_does_not_break(typed: str, set_as: str) -> None:
    assert typeset(typed, "fr") == set_as
    assert typeset(typed, "en") == typed


@pytest.mark.parametrize(
    "code",
    [
        "https://api.éloquence.com:8083/x?y=1;z",
        "id: str | None = None",
        "proxy_pass http://127.0.0.1:8083;",
        "{seconds:g} s",
        "sport = :7880",
        "a ?b :c ;d !e",
    ],
)
def test_what_is_no_punctuation_stays(code: str) -> None:
    assert typeset(code, "fr") == code


def test_every_text_comes_set_and_what_is_filled_in_stays_as_it_is() -> None:
    assert Text(en="so: {a}", fr="ainsi : {a}").in_language("fr") == "ainsi\u00a0: {a}"
    remote = "a : b ; « c »"
    told = phrase("report.undetermined", "fr", subject="API", summary=remote)
    assert told == f"Indéterminé\u00a0: API\u00a0: {remote}."
    assert "\u00a0" not in phrase("report.undetermined", "en", subject="API", summary=remote)
