"""What belongs together is one entry, and nothing else is."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eloquence_ops.logs.entry import Entry, Level, Line, Words
from eloquence_ops.logs.formats import Reader
from eloquence_ops.logs.grouping import WAIT_S, Grouper
from eloquence_ops.logs.traces import traces
from tests.logs.blocks import BANNER, BOX, CHAINED, DART, ERRORS, GO_PANIC, JAVA, UVICORN

PLAIN = "INFO:     Application startup complete."


def lines(*texts: str, speaker: str | None = None) -> list[Line]:
    reader = Reader()
    read = []
    for place, raw in enumerate("\n".join(texts).split("\n")):
        words = reader.read(raw)
        if speaker is not None:
            words = Words(words.message, words.level, words.stamp, words.fields, speaker)
        read.append(Line("api", float(place), words, raw))
    return read


def entries(fed: Iterable[Line]) -> list[Entry]:
    grouper = Grouper()
    return [entry for line in fed for entry in grouper.feed(line)] + grouper.close()


def raws(*texts: str) -> list[str]:
    return [entry.raw for entry in entries(lines(*texts))]


@pytest.mark.parametrize("block", ERRORS.values(), ids=ERRORS.keys())
def test_a_trace_is_one_entry_and_an_error(block: str) -> None:
    found = sorted(entries(lines(PLAIN, block, PLAIN)), key=lambda entry: entry.at)
    assert [entry.raw for entry in found] == [PLAIN, block, PLAIN]
    assert [entry.level for entry in found] == [Level.INFO, Level.ERROR, Level.INFO]
    assert [entry.at for entry in found] == [0.0, 1.0, 2.0 + block.count("\n")]


@pytest.mark.parametrize("first", ERRORS.values(), ids=ERRORS.keys())
@pytest.mark.parametrize("second", [UVICORN, GO_PANIC, DART, BANNER, BOX], ids=lambda it: it[:12])
def test_two_traces_are_two_entries(first: str, second: str) -> None:
    assert raws(first, second) == [first, second]


def test_the_message_is_without_what_was_taken_out_and_without_an_empty_end() -> None:
    (uvicorn,) = entries(lines(UVICORN))
    assert uvicorn.message.startswith("Exception in ASGI application\nTraceback (most recent")
    (dart,) = entries(lines(DART))
    assert dart.message.endswith("session_api.dart:42:20)\n<asynchronous suspension>")
    assert dart.raw == DART


def test_of_a_box_the_message_comes_first_and_the_drawing_goes() -> None:
    (entry,) = entries(lines(BOX))
    assert entry.message == (
        "no session\nSocketException: refused\n#0   main (package:app/main.dart:12:3)"
    )


@pytest.mark.parametrize(("sign", "level"), [("💡", Level.INFO), ("⚠️", Level.WARNING)])
def test_a_box_is_no_error(sign: str, level: Level) -> None:
    (entry,) = entries(lines(f"┌───\n│ {sign} joined\n└───"))
    assert (entry.message, entry.level) == ("joined", level)


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        "WARNING:  slow",
        "hello",
        "Trace of a session",
        "  indented",
        "#1 room",
        "ValueError: x",
        "panicking is wrong",
        "",
        "com.example is up",
    ],
)
def test_what_no_trace_can_follow_goes_out_at_once(text: str) -> None:
    (line,) = lines(text)
    grouper = Grouper()
    assert [entry.raw for entry in grouper.feed(line)] == [text]
    assert grouper.close() == []


def test_an_error_without_a_trace_is_an_entry_of_its_own() -> None:
    assert raws("ERROR:    a", "ERROR:    b", "plain") == ["ERROR:    a", "ERROR:    b", "plain"]
    assert raws("ERROR:    a", "  more", "plain") == ["ERROR:    a\n  more", "plain"]
    assert raws("ERROR:    a", "ERROR:      b") == ["ERROR:    a", "ERROR:      b"]


@pytest.mark.parametrize("block", [GO_PANIC, BANNER, BOX], ids=lambda block: block[:12])
def test_what_begins_by_itself_does_not_belong_to_the_error_before(block: str) -> None:
    one, two = lines("ERROR:    a", speaker="x"), lines(block, speaker="x")
    assert [entry.raw for entry in entries(one + two)] == ["ERROR:    a", block]


FRAMES = "#0      main (package:app/main.dart:12:3)\n#1      run (package:app/main.dart:1:3)"
THROWN = "W/System.err( 1): java.net.ConnectException: a\nW/System.err( 1): \tat a.B.c(B.java:1)"


@pytest.mark.parametrize(
    ("trace", "next_one"),
    [
        (f"{UVICORN}\n", "  indented"),
        (UVICORN, "a\n"),
        (FRAMES, FRAMES),
        (GO_PANIC, ""),
        (GO_PANIC, "main.f(0x1)"),
        (THROWN, THROWN),
        (THROWN, "W/System.err( 1): Process: a"),
        (JAVA, JAVA),
    ],
)
def test_a_trace_ends_where_it_is_complete(trace: str, next_one: str) -> None:
    found = raws(trace, next_one)
    assert found[0] == trace
    assert "\n".join(found[1:]) == next_one


def test_a_blank_line_behind_a_trace_does_not_keep_the_next_line() -> None:
    assert raws(UVICORN, "", PLAIN) == [f"{UVICORN}\n", PLAIN]
    assert raws(UVICORN, "", "", "text") == [f"{UVICORN}\n\n", "text"]


def test_a_traceback_that_is_cut_short_ends_where_another_line_begins() -> None:
    cut = UVICORN.rsplit("\n", 1)[0]
    assert raws(cut, PLAIN) == [cut, PLAIN]
    assert raws(cut, "a sentence of three: words") == [cut, "a sentence of three: words"]


def test_the_traces_of_two_speakers_are_woven_apart() -> None:
    one, two = lines(CHAINED, speaker="a"), lines(JAVA, speaker="b")
    for seed in range(20):
        choice = random.Random(seed)
        left, right, woven = one[:], two[:], []
        while left or right:
            side = left if left and (not right or choice.random() < 0.5) else right
            woven.append(side.pop(0))
        assert {entry.raw for entry in entries(woven)} == {CHAINED, JAVA}


def test_an_entry_is_complete_when_nothing_came_for_a_while() -> None:
    grouper = Grouper()
    first, *rest = lines(UVICORN)
    assert grouper.feed(first) == []
    assert grouper.flush(10.0) == []
    assert grouper.flush(10.0 + WAIT_S * 0.9) == []
    for line in rest:
        assert grouper.feed(line) == []
    assert grouper.flush(10.0 + WAIT_S * 2) == []
    assert [entry.raw for entry in grouper.flush(10.0 + WAIT_S * 3)] == [UVICORN]
    assert grouper.flush(99.0) == []


def test_an_entry_has_an_end() -> None:
    header, frame = "Traceback (most recent call last):", '  File "a.py", line 1, in f'
    found = entries(lines(header, *[frame] * 1200))
    assert [entry.raw.count("\n") + 1 for entry in found] == [500, 500, 201]
    assert {entry.level for entry in found} == {Level.ERROR}
    long = entries(lines(header, *[frame + "x" * 30_000] * 5))
    assert max(len(entry.raw) for entry in long) < 100_000
    assert len(long) == 2


def test_a_banner_that_is_never_closed_ends_with_the_next_one() -> None:
    cut = BANNER.rsplit("\n", 1)[0]
    assert raws(cut, BANNER) == [cut, BANNER]


def test_many_speakers_do_not_fill_the_memory() -> None:
    grouper = Grouper()
    out = 0
    for number in range(1000):
        words = Words("boom", Level.ERROR, speaker=str(number))
        out += len(grouper.feed(Line("app", 0.0, words, "boom")))
    assert out == 1000 - 64
    assert len(grouper.close()) == 64


PIECES = sorted({line for block in ERRORS.values() for line in block.split("\n")})


@given(st.lists(st.sampled_from([*PIECES, "", PLAIN]) | st.text(st.characters()), max_size=40))
def test_every_line_is_in_one_entry_and_in_order(texts: list[str]) -> None:
    texts = [text.replace("\n", " ") for text in texts]
    fed = [Line("api", float(at), Reader().read(text), text) for at, text in enumerate(texts)]
    single = [
        Line(line.source, line.at, Words(line.words.message, line.words.level), line.raw)
        for line in fed
    ]
    found = entries(single)
    assert "\n".join(entry.raw for entry in found) == "\n".join(texts)
    assert [entry.at for entry in found] == sorted(entry.at for entry in found)
    assert sum(entry.raw.count("\n") + 1 for entry in entries(fed)) == len(texts)


def test_a_trace_says_how_it_begins() -> None:
    for trace in traces():
        assert trace.starts, trace.name
        opening = [line.words.message for block in ERRORS.values() for line in lines(block)]
        begun = [message for message in opening if trace.opens(message) is not None]
        assert begun, trace.name
        assert all(message[0] in trace.starts for message in begun), trace.name


@given(st.text(st.characters()))
def test_any_text_is_judged_by_every_trace(text: str) -> None:
    for trace in traces():
        trace.opens(text)
        for state in ("frames", "raised", "blank", "chained", "group", "banner", "said..", "crash"):
            trace.step(state, text)
