"""Redacted, then visible, then bounded: in this order, whatever the secret looks like."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eloquence_ops.probes import remote_text
from eloquence_ops.secrets import Redactor, Secret

KEY = "kéy-0123456789\u200babcdefghij"
REDACTOR = Redactor(Secret(KEY))


@pytest.mark.parametrize("before", range(80))
def test_a_secret_across_the_limit_leaves_no_half(before: int) -> None:
    raw = ("." * before + KEY + " and on").encode()
    for text in (
        remote_text.line(raw, REDACTOR, limit=40),
        remote_text.block(raw, REDACTOR, limit=40),
    ):
        assert KEY[:4] not in text
        assert len(text) <= 40


@given(st.binary(max_size=400))
def test_whatever_comes_is_printable_and_bounded(raw: bytes) -> None:
    line = remote_text.line(raw, REDACTOR, limit=50)
    block = remote_text.block(raw, REDACTOR, limit=50, unfinished=(Secret(KEY),))
    assert line.isprintable()
    assert block.replace("\n", "").replace("\t", "").isprintable()
    assert max(len(line), len(block)) <= 50


@given(st.text(max_size=20), st.integers(4, len(KEY) - 1))
def test_half_a_secret_at_the_end_is_known_for_one(before: str, sent: int) -> None:
    raw = before + " " + KEY[:sent]
    text = remote_text.block(raw, REDACTOR, limit=2000, unfinished=(Secret(KEY),))
    assert text.endswith("***")
    assert KEY[:sent] not in text


def test_ordinary_ends_are_left_alone() -> None:
    assert remote_text.block("a monké", REDACTOR, limit=99, unfinished=(Secret(KEY),)) == "a monké"
