"""What paramiko takes for its socket: a real one, or a channel of the hop before.

It remembers when the peer was last heard, since paramiko never notices that one is gone, and holds
back floods: nothing before the login has a size that paramiko would limit.
"""

from __future__ import annotations

import time
from typing import Final, Protocol

BEFORE_LOGIN_LIMIT: Final = 1024 * 1024
"""Bytes; a key exchange and a login take a few thousand."""
_AT_ONCE: Final = 64 * 1024
_FIRST_BYTES: Final = 64


class ByteStream(Protocol):
    """What a socket and a channel of paramiko have in common."""

    def send(self, data: bytes, /) -> int: ...
    def recv(self, at_most: int, /) -> bytes: ...
    def settimeout(self, seconds: float | None, /) -> None: ...
    def close(self) -> None: ...


class Wire:
    """`first` are the peer's first bytes; `heard_at` the `time.monotonic()` of the latest."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._allowed: int | None = BEFORE_LOGIN_LIMIT
        self._closed = False  # paramiko reads this attribute of its socket
        self.first = b""
        self.heard_at = time.monotonic()

    @property
    def flooded(self) -> bool:
        return self._allowed is not None and self._allowed <= 0

    def logged_in(self) -> None:
        """From now on the peer may send what it likes; commands have limits of their own."""
        self._allowed = None

    def recv(self, at_most: int) -> bytes:
        # An announced length of gigabytes would be allocated at once.
        data = self._stream.recv(min(at_most, _AT_ONCE))
        self.heard_at = time.monotonic()
        if len(self.first) < _FIRST_BYTES:
            self.first = (self.first + data)[:_FIRST_BYTES]
        if self._allowed is not None:
            self._allowed -= len(data)
            if self._allowed <= 0:
                raise EOFError  # the end, to paramiko
        return data

    def send(self, data: bytes) -> int:
        try:
            return self._stream.send(data)
        except (BrokenPipeError, ConnectionResetError):
            if self.first:
                raise
            return len(data)  # whoever has hung up may have said why: that is still to be read

    def settimeout(self, seconds: float | None) -> None:
        self._stream.settimeout(seconds)

    def close(self) -> None:
        self._closed = True
        self._stream.close()
