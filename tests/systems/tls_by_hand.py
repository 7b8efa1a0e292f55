"""TLS 1.2 by hand (RFC 5246), as far as the certificate: what no library would send.

A ServerHello without renegotiation_info (RFC 5746) is refused by OpenSSL before anything else is
read, so all of these have it.
"""

from __future__ import annotations

import asyncio
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tests.probes.peers import Handler

ALERT, HANDSHAKE, DATA = 21, 22, 23
_SERVER_HELLO, _CERTIFICATE, _SERVER_HELLO_DONE = 2, 11, 14
_LARGEST: Final = 0xFFFFFF
"""What three bytes can say: a message of 16 MB."""
_RECORD: Final = 16_384
_SUITE: Final = b"\xc0\x2b"  # ECDHE-ECDSA-AES128-GCM-SHA256
_RENEGOTIATION_INFO: Final = b"\xff\x01\x00\x01\x00"


def record(kind: int, body: bytes) -> bytes:
    return struct.pack("!BHH", kind, 0x0303, len(body)) + body


def message(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + len(body).to_bytes(3) + body


def server_hello() -> bytes:
    extensions = len(_RENEGOTIATION_INFO).to_bytes(2) + _RENEGOTIATION_INFO
    start = b"\x03\x03" + os.urandom(32) + b"\x00"
    return record(HANDSHAKE, message(_SERVER_HELLO, start + _SUITE + b"\x00" + extensions))


def certificates(*ders: bytes) -> bytes:
    """The message that shows them, and the end of the server's turn."""
    listed = b"".join(len(der).to_bytes(3) + der for der in ders)
    shown = record(HANDSHAKE, message(_CERTIFICATE, len(listed).to_bytes(3) + listed))
    return shown + record(HANDSHAKE, message(_SERVER_HELLO_DONE, b""))


def showing(*ders: bytes) -> Handler:
    """A server with these for certificates."""
    return _says(server_hello, lambda: certificates(*ders))


def _says(*parts: Callable[[], bytes], closes: bool = False) -> Handler:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(5)
        for part in parts:
            writer.write(part())
        await writer.drain()
        if closes:
            writer.close()
        else:
            await reader.read()
            await asyncio.Event().wait()

    return serve


def _for_ever(piece: bytes) -> Handler:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(5)
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)

    return serve


async def _largest_certificate(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One certificate that fills the largest message there can be, every byte of it sent."""
    await reader.read(5)
    writer.write(server_hello())
    head = bytes([_CERTIFICATE]) + b"".join((_LARGEST - inside).to_bytes(3) for inside in (0, 3, 6))
    left = 4 + _LARGEST
    while left:
        piece = (head + b"A" * _RECORD)[: min(_RECORD, left)]
        head, left = b"", left - len(piece)
        writer.write(record(HANDSHAKE, piece))
        await writer.drain()
    writer.write(record(HANDSHAKE, message(_SERVER_HELLO_DONE, b"")))
    await reader.read()


@dataclass(frozen=True)
class ByHand:
    """`finding` is what comes of it, in `tls.handshake`; `detail` are OpenSSL's words for it."""

    serve: Handler
    finding: str
    detail: str = ""


_GARBAGE: Final = b"\x1b[31m garbage \x00\xff" * 20
_CLOSED: Final = "the server closed the connection during the handshake"

BY_HAND: Final[dict[str, ByHand]] = {
    "a certificate of 16 MB": ByHand(_largest_certificate, "failed", "EXCESSIVE_MESSAGE_SIZE"),
    "garbage for a certificate": ByHand(showing(_GARBAGE), "failed", "ASN1"),
    "no certificate at all": ByHand(showing(), "failed", "LENGTH"),
    "half a record, then silence": ByHand(_says(lambda: server_hello()[:30]), "silent"),
    "half a handshake, then silence": ByHand(_says(server_hello), "silent"),
    "half a record, then the end": ByHand(
        _says(lambda: server_hello()[:30], closes=True), "closed", _CLOSED
    ),
    "half a handshake, then the end": ByHand(_says(server_hello, closes=True), "closed", _CLOSED),
    "data before the handshake": ByHand(
        _says(lambda: record(DATA, b"A" * 100)), "failed", "UNEXPECTED_MESSAGE"
    ),
    "a record of no type": ByHand(_says(lambda: record(99, b"A" * 100)), "other-protocol"),
    "a record that is too long": ByHand(
        _says(lambda: b"\x16\x03\x03\xff\xff" + b"A" * 0xFFFF), "failed", "PACKET_LENGTH_TOO_LONG"
    ),
    "endless alerts": ByHand(
        _for_ever(record(ALERT, b"\x01\x5a") * 5_000), "failed", "TOO_MANY_WARN_ALERTS"
    ),
    "an endless handshake": ByHand(
        _for_ever(record(HANDSHAKE, b"\x02\xff\xff\xff" + b"A" * 16_000)),
        "failed",
        "EXCESSIVE_MESSAGE_SIZE",
    ),
}
