"""Labels in each of their forms, and those that have none."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eloquence_ops.idn.forms import LabelForms, forms_of_label, forms_of_name

NFD = "e\u0301loquence"


@pytest.mark.parametrize(
    ("typed", "a_label", "u_label", "remarks"),
    [
        ("éloquence", "xn--loquence-90a", "éloquence", ()),
        (NFD, "xn--loquence-90a", "éloquence", ("decomposed",)),
        ("ÉLOQUENCE", "xn--loquence-90a", "éloquence", ("upper-case",)),
        (NFD.upper(), "xn--loquence-90a", "éloquence", ("decomposed", "upper-case")),
        ("xn--loquence-90a", "xn--loquence-90a", "éloquence", ()),
        ("XN--LOQUENCE-90A", "xn--loquence-90a", "éloquence", ("upper-case",)),
        ("xN--loquence-90A", "xn--loquence-90a", "éloquence", ("upper-case",)),
        ("xn--loquence-90b", "xn--loquence-90b", "lűoquence", ()),
        ("%C3%A9loquence", "xn--loquence-90a", "éloquence", ("percent-encoded",)),
        ("e%CC%81loquence", "xn--loquence-90a", "éloquence", ("percent-encoded", "decomposed")),
        ("ｅｌｏquence", "eloquence", "eloquence", ("mapped",)),
        ("ﬁn", "fin", "fin", ("mapped",)),
        ("faß", "xn--fa-hia", "faß", ()),
        ("eloquence", "eloquence", "eloquence", ()),
        ("API", "api", "api", ("upper-case",)),
        ("_acme-challenge", "_acme-challenge", "_acme-challenge", ()),
        ("r3---sn-25ge7nzr", "r3---sn-25ge7nzr", "r3---sn-25ge7nzr", ()),
        ("日本語", "xn--wgv71a119e", "日本語", ()),
        ("日本のabc", "xn--abc-kc4b805ycvb", "日本のabc", ()),
        ("عربي", "xn--ngbrx4e", "عربي", ()),
        ("elоquence", "xn--elquence-obh", "elоquence", ("mixed-scripts", "foreign-letters")),
        ("сосо", "xn--n1aahb", "сосо", ("foreign-letters",)),
        ("привет", "xn--b1agh1afp", "привет", ()),
    ],
)
def test_a_label_that_has_a_form_on_the_wire(
    typed: str, a_label: str, u_label: str, remarks: tuple[str, ...]
) -> None:
    forms = forms_of_label(typed)
    assert (forms.a_label, forms.u_label, forms.remarks) == (a_label, u_label, remarks)
    assert forms.refusal is None
    assert forms.round_trips


@pytest.mark.parametrize(
    ("typed", "refusal"),
    [
        ("", "empty"),
        ("xn--eloquence-", "fake-a-label"),
        ("xn--eloquence-com-", "fake-a-label"),
        ("XN--ELOQUENCE-", "fake-a-label"),
        ("xn---", "fake-a-label"),
        ("xn--elo-foo", "characters"),
        ("xn--", "not-punycode"),
        ("xn--é", "not-punycode"),
        ("xn--999999999", "not-punycode"),
        ("xn--a-ecp", "characters"),  # the letter is a capital
        ("%FF%FEa", "not-utf8"),
        ("a" * 64, "too-long"),
        ("é" * 60, "too-long"),
        ("xn--" + "a" * 60, "too-long"),
        ("é" * 2000, "too-long"),
        ("-a", "hyphens"),
        ("é-", "hyphens"),
        ("ab--é", "hyphens"),
        ("a b", "characters"),
        ("a\x00b", "characters"),
        ("a\u202eb", "characters"),
        ("a/b", "characters"),
        ("a%2Eb", "characters"),
        ("e\u0301\u0301/", "characters"),
        ("\u0301a", "not-allowed"),
        ("a\u200db", "characters"),
        ("☃", "characters"),
        ("aא", "direction"),
    ],
)
def test_a_label_that_has_none_is_refused_with_a_reason(typed: str, refusal: str) -> None:
    forms = forms_of_label(typed)
    assert forms.refusal == refusal
    assert not forms.a_label
    assert not forms.round_trips


@pytest.mark.parametrize(
    ("name", "a_label"),
    [
        ("api.éloquence.com", "api.xn--loquence-90a.com"),
        ("api.éloquence.com.", "api.xn--loquence-90a.com"),
        ("api。éloquence．com", "api.xn--loquence-90a.com"),
        ("api..com", ""),
        (".", ""),
        ("", ""),
        ("xn--eloquence-.com", ""),
        ("א.0a", ""),  # one label from right to left binds the others
        (".".join(["a" * 50] * 6), ""),
        ("é" * 65536, ""),
        ("a." * 32768, ""),
    ],
)
def test_a_name_is_possible_when_each_of_its_labels_is(name: str, a_label: str) -> None:
    forms = forms_of_name(name)
    assert forms.a_label == a_label
    assert forms.is_possible == bool(a_label)


def test_nothing_that_is_shown_moves_the_cursor_or_turns_the_line() -> None:
    forms = forms_of_name("\x1b]0;owned\x07.a\u202eb.\ud800")
    for label in forms.labels:
        for text in (label.typed, label.nfc, label.uts46, label.reason):
            assert not {unicodedata.category(c) for c in text} & {"Cc", "Cf", "Cs"}


ANYTHING = st.text(max_size=80)
LETTERS = st.text(st.characters(categories=["Ll", "Lo", "Nd"]), min_size=1, max_size=20)


@given(st.one_of(ANYTHING, ANYTHING.map("xn--{}".format)))
def test_whatever_is_typed_has_forms_or_a_reason(typed: str) -> None:
    forms = forms_of_label(typed)
    assert bool(forms.a_label) != bool(forms.refusal)


@given(st.one_of(LETTERS, ANYTHING))
def test_the_a_label_leads_back_to_itself(typed: str) -> None:
    forms = forms_of_label(typed)
    if forms.a_label:
        again = forms_of_label(forms.a_label)
        assert (again.a_label, again.u_label) == (forms.a_label, forms.u_label)
        assert forms_of_label(forms.u_label).a_label == forms.a_label


@given(LETTERS)
def test_every_normal_form_is_one_name(text: str) -> None:
    def of(form: str) -> LabelForms:
        return forms_of_label(unicodedata.normalize(form, text))  # type: ignore[arg-type]

    assert of("NFC").a_label == of("NFD").a_label
