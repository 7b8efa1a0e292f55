"""What the client says, as frames; what is said to it, as lines of JSON behind its nonce.

A frame is `<kind> <length>\\n` and that many bytes. A thread of its own reads into a bounded queue:
whoever speaks meanwhile is never held up, and a client that says nothing for long has gone.
"""

from __future__ import annotations

import io
import json
import os
import queue
import sys
import threading
import time
from typing import NamedTuple, cast

LARGEST = 16 * 1024 * 1024
SILENCE_S = 20.0
_WAITING = 8
_PIECE = 64 * 1024
STDOUT = 1


class Frame(NamedTuple):
    """`kind` is empty at the end of what is said."""

    kind: str
    payload: bytes


END = Frame("", b"")


class Gone(Exception):
    """The client says nothing any more."""


class Heard:
    """The frames that come in."""

    def __init__(self) -> None:
        self._queue: queue.Queue[Frame] = queue.Queue(_WAITING)
        self._kept: list[Frame] = []
        self._heard_at = time.monotonic()
        threading.Thread(target=self._read, daemon=True).start()

    def again(self, frame: Frame) -> None:
        """Puts one back: it is the next."""
        self._kept.append(frame)

    def _read(self) -> None:
        stream = cast("io.BufferedReader", sys.stdin.buffer)
        try:
            while True:
                line = stream.readline(64)
                kind, _, length = line.decode("ascii").strip().partition(" ")
                if not line or int(length) > LARGEST:
                    break
                payload = self._payload(stream, int(length))
                if len(payload) < int(length):
                    break
                self._queue.put(Frame(kind, payload))
        except (OSError, ValueError):
            pass
        self._queue.put(END)

    def _payload(self, stream: io.BufferedReader, length: int) -> bytes:
        """Whatever comes of it is a sign of life: over a slow line a frame takes long."""
        pieces, left = [], length
        while left and (piece := stream.read1(min(left, _PIECE))):
            self._heard_at = time.monotonic()
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)

    def next(self, timeout_s: float = SILENCE_S) -> Frame:
        """The next one; signs of life are kept back. Raises `Gone` where none comes."""
        if self._kept:
            return self._kept.pop()
        until = time.monotonic() + timeout_s
        while True:
            try:
                frame = self._queue.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                until = self._heard_at + timeout_s
                if time.monotonic() > until:
                    raise Gone from None
                continue
            if frame.kind == "t":
                until = time.monotonic() + timeout_s
                continue
            return frame

    def waiting(self, timeout_s: float) -> Frame | None:
        """The next one if it comes within `timeout_s`."""
        try:
            frame = self._queue.get(timeout=timeout_s)
        except queue.Empty:
            return None
        return None if frame.kind == "t" else frame


class Speech:
    """What is said to the client."""

    def __init__(self, nonce: str) -> None:
        self._nonce = nonce

    def say(self, event: dict[str, object]) -> None:
        """Raises `Gone` where nobody listens."""
        self.pass_on(json.dumps(event).encode("ascii"))

    def pass_on(self, line: bytes) -> None:
        data = self._nonce.encode("ascii") + b" " + line + b"\n"
        try:
            while data:
                data = data[os.write(STDOUT, data) :]
        except OSError:
            raise Gone from None

    def say_now(self, event: dict[str, object]) -> None:
        self.say(dict(event, at=round(time.time(), 3)))
