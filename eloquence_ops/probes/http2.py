"""Just enough HTTP/2 to ask for a websocket over it.

Frames (RFC 9113), one request's header block and the status of its answer (RFC 7541), and the
setting without which no client may ask (RFC 8441).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADERS, RST_STREAM, SETTINGS, GOAWAY = 1, 3, 4, 7
END_STREAM, END_HEADERS, PADDED, PRIORITY = 0x1, 0x4, 0x8, 0x20
ACK: Final = 0x1
ENABLE_CONNECT: Final = 8
"""SETTINGS_ENABLE_CONNECT_PROTOCOL: without it no client may ask for a websocket (RFC 8441, 3)."""
HEAD_BYTES: Final = 9
LARGEST_FRAME: Final = 16 * 1024

# Entries of the static table (RFC 7541, appendix A) whose name is `:status`.
_STATUSES: Final = {8: 200, 9: 204, 10: 206, 11: 304, 12: 400, 13: 404, 14: 500}
# The digits in Huffman's code (RFC 7541, appendix B).
_DIGITS: Final = {
    **{"00000": "0", "00001": "1", "00010": "2", "011001": "3", "011010": "4", "011011": "5"},
    **{"011100": "6", "011101": "7", "011110": "8", "011111": "9"},
}


@dataclass(frozen=True)
class Frame:
    kind: int
    flags: int
    stream: int
    payload: bytes

    def wire(self) -> bytes:
        head = len(self.payload).to_bytes(3, "big") + bytes([self.kind, self.flags])
        return head + self.stream.to_bytes(4, "big") + self.payload


def head_of(raw: bytes) -> tuple[int, Frame]:
    """How long the payload is that follows these nine bytes, and the frame without it."""
    stream = int.from_bytes(raw[5:9], "big") & 0x7FFFFFFF
    return int.from_bytes(raw[:3], "big"), Frame(raw[3], raw[4], stream, b"")


def settings(frame: Frame) -> Iterator[tuple[int, int]]:
    """Each setting with its value; what is left over of a broken one is passed over."""
    for at in range(0, len(frame.payload) - 5, 6):
        entry = frame.payload[at : at + 6]
        yield int.from_bytes(entry[:2], "big"), int.from_bytes(entry[2:], "big")


def extended_connect(authority: str, path: str, agent: str) -> bytes:
    """The header block that asks for a websocket. Nothing in it is indexed or compressed."""
    fields = (
        (b"\x02", "CONNECT"),
        (b"\x00" + _text(":protocol"), "websocket"),
        (b"\x06", "https"),
        (b"\x04", path),
        (b"\x01", authority),
        (b"\x00" + _text("sec-websocket-version"), "13"),
        (b"\x00" + _text("user-agent"), agent),
    )
    return b"".join(name + _text(value) for name, value in fields)


def _text(text: str) -> bytes:
    raw = text.encode("ascii", errors="ignore")[:126]
    return bytes([len(raw)]) + raw


def status_of(frame: Frame) -> int | None:
    """The status in a HEADERS frame, which comes first of all fields; None where it is not told."""
    block = frame.payload
    if frame.flags & PADDED:
        block = block[1 : len(block) - block[0]] if block else b""
    if frame.flags & PRIORITY:
        block = block[5:]
    while block and block[0] & 0xE0 == 0x20:  # the size of the dynamic table is changed
        block = block[1:] if block[0] & 0x1F != 0x1F else block[2:]
    if not block:
        return None
    if block[0] & 0x80:
        return _STATUSES.get(block[0] & 0x7F)
    index = block[0] & 0x3F if block[0] & 0x40 else block[0] & 0x0F
    if index not in _STATUSES or len(block) < 2:
        return None
    raw = block[2 : 2 + (block[1] & 0x7F)]
    text = _from_huffman(raw) if block[1] & 0x80 else raw.decode("ascii", errors="replace")
    return int(text) if len(text) == 3 and text.isascii() and text.isdigit() else None


def _from_huffman(raw: bytes) -> str:
    """Digits only: a status has no others."""
    bits, text, code = "".join(f"{byte:08b}" for byte in raw[:8]), "", ""
    for bit in bits:
        code += bit
        if code in _DIGITS:
            text, code = text + _DIGITS[code], ""
    return text
