"""Every line is read by the format it is of, and no other strict one; nothing breaks a reader."""

from __future__ import annotations

import json
import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eloquence_ops.logs.entry import Words
from eloquence_ops.logs.formats import GENERAL, Reader, formats, without_colours
from tests.logs.formats.lines import CASES, PLAIN, Case

BY_NAME = {format_.name: format_ for format_ in formats()}
CHARACTERS = st.characters()
HOSTILE = [
    "\0",
    "\0" * 1000,
    "\ud800",
    '{"ts": NaN, "level": "info", "msg": "x"}',
    '{"ts": 1e999, "level": "info", "msg": "x"}',
    '{"ts": -5, "level": 1e999, "msg": "x"}',
    '{"ts": -1e999, "level": NaN, "msg": "x"}',
    '{"ts": 253402300799.9, "level": true, "msg": "x"}',
    '{"ts": 253402300800, "level": [], "msg": {}}',
    '{"ts": ' + "9" * 4000 + ', "msg": "x"}',
    '{"ts": ' + "9" * 5000 + ', "msg": "x"}',
    '{"msg": "x", "a": ' + "[" * 100_000 + "]" * 100_000 + "}",
    '{"msg": "x", "a": ' + "[" * 900 + "]" * 900 + "}",
    '{"time": "9999-12-31T23:59:59.999999999Z", "msg": "x"}',
    '{"time": "0000-00-00T00:00:00Z", "msg": "x"}',
    "9999-12-31T23:59:60.999999999+99:99 x",
    "0000-01-01 00:00:00 x",
    "[] [",
    "[",
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.format}: {case.line[:40]!r}")
def test_a_line_says_what_it_says(case: Case) -> None:
    assert Reader().read(case.line) == case.words


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.format}: {case.line[:40]!r}")
def test_a_strict_format_reads_its_own_lines_only(case: Case) -> None:
    line = without_colours(case.line)
    reading = {
        format_.name
        for format_ in formats()
        if (not format_.starts or line[:1] in format_.starts)
        and (format_.rank < GENERAL or format_.name == case.format)
        and format_.read(line) is not None
    }
    assert reading == {case.format}


@pytest.mark.parametrize("line", PLAIN)
def test_a_line_that_no_format_knows_is_a_message(line: str) -> None:
    assert Reader().read(line) == Words(line)


def test_what_came_before_changes_no_reading() -> None:
    shuffled = CASES * 3
    random.Random(7).shuffle(shuffled)
    reader = Reader()
    for case in shuffled:
        assert reader.read(case.line) == case.words


def test_a_format_says_how_its_lines_begin() -> None:
    for case in CASES:
        starts = BY_NAME[case.format].starts
        assert not starts or without_colours(case.line)[0] in starts


@pytest.mark.parametrize("line", HOSTILE, ids=lambda line: line[:30])
def test_hostile_lines_are_read(line: str) -> None:
    assert isinstance(Reader().read(line), Words)


@given(st.text(CHARACTERS))
def test_any_text_is_read_by_any_format(text: str) -> None:
    for format_ in formats():
        format_.read(text)
    Reader().read(text)


@given(st.sampled_from(CASES), st.data())
def test_a_damaged_line_is_read(case: Case, data: st.DataObject) -> None:
    """A cut, a repeated or a foreign piece in the middle of what a format expects."""
    begin = data.draw(st.integers(0, len(case.line)))
    end = data.draw(st.integers(begin, len(case.line)))
    piece = data.draw(st.one_of(st.text(CHARACTERS, max_size=8), st.just(case.line[begin:end] * 2)))
    line = case.line[:begin] + piece + case.line[end:]
    for format_ in formats():
        format_.read(line)
    Reader().read(line)


@given(
    st.dictionaries(
        st.sampled_from(
            ["level", "ts", "time", "msg", "message", "event", "request", "record", "a"]
        ),
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.integers() | st.text(CHARACTERS),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=5,
        ),
    )
)
def test_any_object_is_read(document: dict[str, object]) -> None:
    words = Reader().read(json.dumps(document))
    assert all(isinstance(text, str) for pair in words.fields for text in pair)


BEGINNINGS = sorted(
    {case.line[:cut] for case in CASES for cut in (0, 1, 8, 20, 24, 30, 45, 60, 80, 120)}
)
FILLERS = [
    " ",
    "a",
    "0",
    "a ",
    "[a] ",
    '"',
    "\\",
    ", client: ",
    "/",
    ":",
    "-",
    "{",
    "\t",
    " - ",
    '\\"',
]


def test_a_line_of_a_megabyte_costs_little() -> None:
    """Quadratic reading would take minutes."""
    reader = Reader()
    for beginning in BEGINNINGS[::7]:
        for filler in FILLERS:
            line = beginning + filler * (1_000_000 // len(filler))
            began = time.process_time()
            reader.read(line)
            assert time.process_time() - began < 2, (beginning, filler)
