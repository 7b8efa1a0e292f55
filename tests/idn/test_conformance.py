"""UTS 46's own test cases, through our own handling of names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from eloquence_ops.idn.forms import forms_of_name

_FILE = Path(__file__).with_name("IdnaTestV2-part.txt")
_ESCAPE = re.compile(r"\\u([0-9A-Fa-f]{4})|\\x\{([0-9A-Fa-f]+)\}")


@dataclass(frozen=True)
class Case:
    """A blank column stands for the one before it; `\"\"` for nothing at all."""

    source: str
    a_label: str
    statuses: frozenset[str]


def _text(column: str, blank: str = "") -> str:
    if not column:
        return blank
    text = _ESCAPE.sub(lambda found: chr(int(found[1] or found[2], 16)), column)
    return "" if text == '""' else text


def _cases() -> Iterator[Case]:
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        source, u_label, u_status, a_label, a_status = (part.strip() for part in line.split(";"))
        readable = _text(u_label, _text(source))
        statuses = frozenset((a_status or u_status).strip("[]").split())
        yield Case(_text(source), _text(a_label, readable), statuses)


CASES = tuple(_cases())


def test_the_cases_are_there() -> None:
    assert len(CASES) > 500
    assert sum(bool(case.statuses) for case in CASES) > 300


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.source.encode("unicode_escape"))
def test_what_uts_46_refuses_is_refused_and_what_it_allows_is_the_same(case: Case) -> None:
    forms = forms_of_name(case.source)
    if case.statuses == {"V2"} and forms.is_possible:
        # Hosts of plain ASCII with two hyphens in the middle are in use (r3---sn-….example).
        assert all(label.a_label == label.u_label for label in forms.labels if "--" in label.typed)
    elif case.statuses:
        assert not forms.is_possible
    elif forms.is_possible:
        assert forms.a_label == case.a_label.rstrip(".")
    else:
        # IDNA 2008 allows letters and digits only; UTS 46 by itself lets symbols pass.
        assert {label.refusal for label in forms.refused} == {"characters"}
