"""What the program on the server writes, whatever pieces it comes in."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eloquence_ops.logs.frames import LONGEST_LINE, Frame, Frames, Lines, NotFrames

BEGIN = b"-1 b 4\nabcd"


def frame(log: int, kind: str, payload: bytes) -> bytes:
    return f"{log} {kind} {len(payload)}\n".encode() + payload


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


@given(st.lists(st.binary(max_size=60), max_size=6), st.lists(st.integers(0, 500), max_size=8))
def test_frames_come_out_whole(payloads: list[bytes], places: list[int]) -> None:
    sent = b"motd\n" + BEGIN + b"".join(frame(3, "d", payload) for payload in payloads)
    frames = Frames("abcd")
    got = [found for piece in cut(sent, places) for found in frames.feed(piece)]
    assert got == [Frame(3, "d", payload) for payload in payloads]


@pytest.mark.parametrize(
    "sent",
    [
        BEGIN + b"this is a web server, not a log, and it says so",
        BEGIN + b"0 d 99999999999\n",
        BEGIN + b"0 d 999999999\n",
        b"x" * 100_000,
    ],
)
def test_what_is_no_frame_is_told(sent: bytes) -> None:
    with pytest.raises(NotFrames):
        list(Frames("abcd").feed(sent))


def test_nothing_begins_before_the_nonce() -> None:
    frames = Frames("abcd")
    assert list(frames.feed(frame(0, "d", b"forged"))) == []
    assert not frames.begun


@given(st.lists(st.binary(max_size=40), max_size=8), st.lists(st.integers(0, 400), max_size=8))
def test_lines_come_out_whole(pieces: list[bytes], places: list[int]) -> None:
    wanted = [piece.replace(b"\n", b"") for piece in pieces]
    sent = b"".join(line + b"\n" for line in wanted)
    lines = Lines()
    got = [line for piece in cut(sent, places) for line in lines.feed(piece)]
    assert got == wanted
    assert lines.taken == len(sent)
    assert lines.close() == []


def test_a_line_without_an_end_is_bounded_and_the_next_one_is_whole() -> None:
    lines = Lines()
    got: list[bytes] = []
    for _ in range(40):
        got += lines.feed(b"x" * 65536)
    got += lines.feed(b"rest\nnext\n")
    assert [len(line) for line in got] == [LONGEST_LINE, 4]
    assert got[1] == b"next"
    assert lines.taken == 40 * 65536 + len(b"rest\nnext\n")


def test_what_was_no_whole_line_is_void_after_a_lost_link() -> None:
    lines = Lines()
    assert lines.feed(b"whole\nhal") == [b"whole"]
    lines.void()
    assert lines.feed(b"half\n") == [b"half"]
    assert lines.taken == len(b"whole\nhalf\n")
