"""UTS 46's own test cases, all of them, through our own handling of names.

`IdnaTestV2.txt.gz` is the file of Unicode 16.0.0 as the Unicode consortium publishes it
(https://www.unicode.org/Public/idna/16.0.0/), under the licence that its head names.
"""

from __future__ import annotations

import gzip
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from eloquence_ops.idn.forms import forms_of_name

_FILE = Path(__file__).with_name("IdnaTestV2.txt.gz")
_ESCAPE = re.compile(r"\\u([0-9A-Fa-f]{4})|\\x\{([0-9A-Fa-f]+)\}")
_HYPHENS, _TRAILING_DOT = "two-hyphens", "trailing-dot"
# What we do otherwise, and on purpose: docs/names.md says why.
DIFFERENCES = {"symbols": 160, _TRAILING_DOT: 45, _HYPHENS: 8}
CASES = 6389


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


def _read() -> Iterator[Case]:
    for line in gzip.decompress(_FILE.read_bytes()).decode("utf-8").splitlines():
        columns = line.partition("#")[0]
        if not columns.strip():
            continue
        source, u_label, u_status, a_label, a_status, *_ = (c.strip() for c in columns.split(";"))
        readable = _text(u_label, _text(source))
        statuses = frozenset(re.findall(r"\w+", a_status or u_status))
        yield Case(_text(source), _text(a_label, readable), statuses)


@cache
def _cases() -> tuple[Case, ...]:
    return tuple(_read())


def _difference(case: Case) -> str | None:
    """By what name we differ from the file, if at all; raises AssertionError for no such name."""
    forms = forms_of_name(case.source)
    if not case.statuses:
        if not forms.is_possible:
            # IDNA 2008 allows letters and digits only; UTS 46 by itself lets symbols pass.
            assert {label.refusal for label in forms.refused} == {"characters"}, case
            return "symbols"
        assert forms.a_label == case.a_label.rstrip("."), case
        return None
    if not forms.is_possible:
        return None
    if case.statuses == {"V2"}:
        # Hosts of plain ASCII with two hyphens in the middle are in use (r3---sn-….example).
        assert all(
            label.a_label == label.u_label for label in forms.labels if "--" in label.u_label
        )
        return _HYPHENS
    # The dot at the end of a whole name is no label; the file counts it as an empty one.
    assert case.statuses == {"A4_2"}, case
    assert forms.a_label == case.a_label.rstrip("."), case
    return _TRAILING_DOT


def test_what_uts_46_refuses_is_refused_and_what_it_allows_is_the_same() -> None:
    told = Counter(filter(None, map(_difference, _cases())))
    assert len(_cases()) == CASES
    assert told == DIFFERENCES


@pytest.mark.parametrize(
    ("source", "statuses"),
    [("xn--ab-j1t", {"C1"}), ("à.א̈", set()), ("a.bc--de.f", {"V2"})],
)
def test_the_file_is_read_as_it_is_meant(source: str, statuses: set[str]) -> None:
    assert any(c.source == source and c.statuses == statuses for c in _cases())


def test_the_document_says_how_many_agree() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "names.md").read_text("utf-8")
    assert f"{CASES - sum(DIFFERENCES.values()):,} of the {CASES:,}" in text
    for count in DIFFERENCES.values():
        assert f"| {count} |" in text
