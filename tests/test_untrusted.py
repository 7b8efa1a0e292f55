"""Text from outside: nothing in it reaches a terminal as anything but text, and it has an end."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eloquence_ops.untrusted import ELLIPSIS, decoded, excerpt, one_line, visible

RAW = st.one_of(st.text(st.characters()), st.binary())
LIMITS = st.integers(min_value=1, max_value=30)
UNSAFE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("éloquence 例え", "éloquence 例え"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("\x9b31m", "\\x9b31m"),
        ("a\rb\x7f", "a\\x0db\\x7f"),
        ("user\u202egnp.exe", "user\\u202egnp.exe"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("line\u2028sep\u2029par", "line\\u2028sep\\u2029par"),
        ("half \ud800", "half \\ud800"),
        ("private \ue000 \U0010ffff", "private \\ue000 \\U0010ffff"),
    ],
)
def test_what_a_terminal_would_obey_is_written_out(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_line_breaks_are_kept_where_they_are_meant() -> None:
    assert visible("a\n\tb\x1b", keep="\n\t") == "a\n\tb\\x1b"


@given(st.text(st.characters()))
def test_nothing_unsafe_is_left(text: str) -> None:
    shown = visible(text)
    assert not {unicodedata.category(character) for character in shown} & UNSAFE
    assert visible(shown) == shown
    assert decoded(shown.encode()) == shown


def test_bytes_that_are_no_text_stay_readable() -> None:
    assert decoded(b"caf\xe9 \xc3\xa9") == "caf\\xe9 é"


@pytest.mark.parametrize(
    ("raw", "limit", "shown"),
    [
        ("abcde", 5, "abcde"),
        ("abcdef", 5, "abcd…"),
        (b"abcdef", 5, "abcd…"),
        ("é" * 5, 5, "é" * 5),
        ("é" * 6, 5, "éééé…"),
        (("é" * 6).encode(), 5, "éééé…"),
        (("例" * 5).encode(), 5, "例" * 5),
        (("\U0001f600" * 5).encode(), 5, "\U0001f600" * 5),
        ("  a \n\n b\t c  ", 5, "a b c"),
        ("\r\n a\u2028b\x85c ", 9, "a b c"),
        (" " * 1000 + "abc", 5, "abc"),
        ("abc" + " " * 1000, 5, "abc"),
        ("a" + " " * 1000 + "b", 5, "a b"),
        ("a", 1, "a"),
        ("ab", 1, "…"),
        ("", 1, ""),
        ("   ", 1, ""),
        ("\x1b", 4, "\\x1b"),
        ("\x1b\x1b", 7, "\\x1b\\x…"),
        ("x" * 10_000_000, 5, "xxxx…"),
    ],
)
def test_one_line_is_cut_only_where_it_is_too_long(
    raw: bytes | str, limit: int, shown: str
) -> None:
    assert one_line(raw, limit=limit) == shown


@pytest.mark.parametrize(
    ("raw", "limit", "shown"),
    [
        ("a\n\tb", 4, "a\n\tb"),
        ("a\r\nb\x1b", 20, "a\\x0d\nb\\x1b"),
        ("abcdef", 5, "abcd…"),
        (("例" * 6).encode(), 5, "例例例例…"),
        ("x" * 10_000_000, 5, "xxxx…"),
    ],
)
def test_an_excerpt_keeps_its_lines(raw: bytes | str, limit: int, shown: str) -> None:
    assert excerpt(raw, limit=limit) == shown


@given(RAW, LIMITS)
def test_one_line_is_one_safe_line_within_its_limit(raw: bytes | str, limit: int) -> None:
    shown = one_line(raw, limit=limit)
    assert len(shown) <= limit
    assert len(shown.splitlines()) <= 1
    assert not {unicodedata.category(character) for character in shown} & UNSAFE
    whole = " ".join(decoded(raw).split())
    if visible(whole) != shown:
        assert shown.endswith(ELLIPSIS)
        assert visible(whole).startswith(shown[:-1])
        assert len(visible(whole)) > limit


@given(RAW, LIMITS)
def test_an_excerpt_is_safe_and_within_its_limit(raw: bytes | str, limit: int) -> None:
    shown = excerpt(raw, limit=limit)
    assert len(shown) <= limit
    categories = {unicodedata.category(character) for character in shown if character not in "\n\t"}
    assert not categories & UNSAFE
    whole = visible(decoded(raw), keep="\n\t")
    if whole != shown:
        assert shown.endswith(ELLIPSIS)
        assert whole.startswith(shown[:-1])
        assert len(whole) > limit
