"""What the server's program hears over a slow line."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Iterator

import pytest

from eloquence_ops.deploy.remote.frames import Gone, Heard


class _Slowly(io.RawIOBase):
    """A byte at a time, with a pause before each."""

    def __init__(self, pieces: Iterator[bytes], pause_s: float) -> None:
        self._pieces, self._pause_s = pieces, pause_s

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        time.sleep(self._pause_s)
        piece = next(self._pieces, b"")
        memoryview(buffer)[: len(piece)] = piece  # type: ignore[arg-type]
        return len(piece)


def _heard(monkeypatch: pytest.MonkeyPatch, pieces: list[bytes], pause_s: float) -> Heard:
    stream = io.TextIOWrapper(io.BufferedReader(_Slowly(iter(pieces), pause_s)))
    monkeypatch.setattr(sys, "stdin", stream)
    return Heard()


def test_a_frame_that_takes_longer_than_silence_may_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heard = _heard(monkeypatch, [b"d 40\n", *[b"x"] * 40], 0.03)
    assert heard.next(timeout_s=0.5).payload == b"x" * 40


def test_who_says_nothing_has_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = _heard(monkeypatch, [b"d 4\n"], 2.0)
    with pytest.raises(Gone):
        heard.next(timeout_s=0.2)
