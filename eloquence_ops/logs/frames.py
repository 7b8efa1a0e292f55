"""What `remote/follow.py` writes, taken apart. Pure; what arrives is untrusted.

`Frames` takes the frames out of a stream of bytes, `Lines` the lines out of one log's bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

LONGEST_LINE: Final = 1024 * 1024
"""Bytes. What is longer is cut there, and the rest of it dropped."""

_LARGEST_FRAME: Final = 16 * 1024 * 1024
_HEADER: Final = re.compile(rb"(-?\d{1,6}) ([a-z]) (\d{1,9})\n")
_LONGEST_HEADER: Final = 20
# What a login shell may print before the program begins.
_LONGEST_GREETING: Final = 64 * 1024


class NotFrames(Exception):
    """What arrived is not what the program writes; `begins` shows its beginning."""

    def __init__(self, begins: bytes) -> None:
        self.begins = begins[:200]
        super().__init__(begins[:200])


@dataclass(frozen=True, slots=True)
class Frame:
    log: int
    kind: str
    payload: bytes


class Frames:
    """`nonce` is what the first frame holds: whatever comes before it is no frame."""

    def __init__(self, nonce: str) -> None:
        self._begin = f"-1 b {len(nonce)}\n{nonce}".encode()
        self._rest = bytearray()
        self._begun = False

    @property
    def begun(self) -> bool:
        return self._begun

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that are whole now. Raises `NotFrames`."""
        self._rest += data
        if not self._begun:
            self._find_begin()
        at = 0
        while self._begun:
            header = _HEADER.match(self._rest, at)
            if header is None:
                begins = self._rest[at : at + _LONGEST_HEADER]
                if len(begins) == _LONGEST_HEADER or b"\n" in begins:
                    raise NotFrames(bytes(self._rest[at : at + 200]))
                break
            length = int(header[3])
            if length > _LARGEST_FRAME:
                raise NotFrames(bytes(self._rest[at : at + 200]))
            if len(self._rest) < header.end() + length:
                break
            at = header.end() + length
            yield Frame(
                int(header[1]), header[2].decode(), bytes(memoryview(self._rest)[header.end() : at])
            )
        del self._rest[:at]

    def _find_begin(self) -> None:
        found = self._rest.find(self._begin)
        if found >= 0:
            del self._rest[: found + len(self._begin)]
            self._begun = True
        elif len(self._rest) > _LONGEST_GREETING:
            raise NotFrames(bytes(self._rest))


class Lines:
    """The lines of one log, each no longer than `longest` bytes. `taken` counts the bytes of all
    whole lines, for a file's place."""

    def __init__(self, longest: int = LONGEST_LINE) -> None:
        self._longest = longest
        self._rest = b""
        self._skipping = False
        self.taken = 0

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that are whole now, without their ends."""
        self._rest += data
        end = self._rest.rfind(b"\n")
        if end < 0:
            return self._bounded()
        whole, self._rest = self._rest[:end], self._rest[end + 1 :]
        self.taken += end + 1
        lines = whole.split(b"\n")
        if self._skipping:
            self._skipping = False
            lines = lines[1:]
        if len(whole) > self._longest:
            lines = [line[: self._longest] for line in lines]
        return lines

    def _bounded(self) -> list[bytes]:
        """A line without an end: its beginning is handed out, the rest is dropped as it comes."""
        if len(self._rest) <= self._longest:
            return []
        self.taken += len(self._rest)
        line, self._rest = self._rest[: self._longest], b""
        if self._skipping:
            return []
        self._skipping = True
        return [line]

    def void(self) -> None:
        """What was not a whole line yet will come again, or never."""
        self._rest, self._skipping = b"", False

    def close(self) -> list[bytes]:
        """What a log ended with, without a line end."""
        rest, self._rest = self._rest, b""
        return [rest] if rest and not self._skipping else []
