"""A body as it comes in, decompressed where the server compressed it, never above its limit."""

from __future__ import annotations

import zlib
from typing import Final, Literal

BodyState = Literal["whole", "cut", "slow", "broken"]

# zlib's window bits: 32 + 15 takes a gzip or a zlib header, -15 neither. Some servers send
# "deflate" without the header it should have (RFC 9110, 8.4.1.2).
_WITH_HEADER: Final = 32 + zlib.MAX_WBITS
_RAW_DEFLATE: Final = -zlib.MAX_WBITS


class Body:
    """Bounded in what is kept and in what is read: both at most `limit` bytes.

    An unknown coding is kept as it came. `state` is `whole` until something says otherwise.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept = bytearray()
        self._read = 0
        self._coding = ""
        self._inflate: zlib._Decompress | None = None
        self._compressed_start = b""
        self._instead: bytes | None = None
        self.state: BodyState = "whole"

    @property
    def content(self) -> bytes:
        if self._instead is not None:
            return self._instead
        if not self._kept and self.state != "whole":
            return self._compressed_start  # what called itself gzip and is not
        return bytes(self._kept)

    def coded(self, content_encoding: str) -> None:
        """The answer's `Content-Encoding`. We ask for `identity`; not every server listens."""
        self._coding = content_encoding.strip().lower()
        if self._coding in ("gzip", "x-gzip", "deflate"):
            self._inflate = zlib.decompressobj(_WITH_HEADER)

    def feed(self, data: bytes) -> bool:
        """Take the next bytes off the wire; False when there is no use in more."""
        self._read += len(data)
        if self._inflate is None:
            self._keep(data)
        else:
            if not self._kept and len(self._compressed_start) < self._limit:
                self._compressed_start = (self._compressed_start + data)[: self._limit]
            self._decompress(data)
        if self.state == "whole" and self._read > self._limit:
            self.state = "cut"  # also where megabytes decompress to nothing
        return self.state == "whole"

    def finish(self) -> None:
        """The server says that this was all."""
        if self._inflate is not None and self._read and not self._inflate.eof:
            self.state = "broken" if self.state == "whole" else self.state

    def interrupted(self, state: BodyState) -> None:
        """No more will come, and it is not known how much there was."""
        self.state = state

    def unreadable(self, first: bytes) -> None:
        """There was no HTTP to have a body: these bytes came instead."""
        self._instead = first[: self._limit]

    def _keep(self, data: bytes) -> None:
        self._kept += data
        if len(self._kept) > self._limit:
            del self._kept[self._limit :]
            self.state = "cut"

    def _decompress(self, data: bytes) -> None:
        while data and self.state == "whole":
            inflate = self._inflate
            if inflate is None or inflate.eof:
                # A gzip file may have several members (RFC 1952, 2.2).
                inflate = self._inflate = zlib.decompressobj(_WITH_HEADER)
            # One byte of room more than allowed tells "exactly the limit" from "above it".
            room = self._limit - len(self._kept) + 1
            try:
                self._keep(inflate.decompress(data, room))
            except zlib.error:
                if self._coding != "deflate" or self._kept:
                    self.state = "broken"
                    return
                self._coding, self._inflate = "", zlib.decompressobj(_RAW_DEFLATE)
                data = self._compressed_start
                continue
            data = inflate.unconsumed_tail or inflate.unused_data
