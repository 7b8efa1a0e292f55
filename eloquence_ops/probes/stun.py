"""STUN requests and their answers (RFC 8489) over UDP, TCP or TLS, on an exact address.

The messages are aioice's; sending is ours, because every wait has a bound, a closed port is to be
told from silence, and only the address that was looked up may be spoken to.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator
from typing import Final, Protocol

from aioice import stun

from eloquence_ops.findings import Family
from eloquence_ops.probes.channel import Channel, socket_address

HEADER_BYTES: Final = stun.HEADER_LENGTH
_LARGEST_BYTES: Final = 2048
# RFC 8489, 6.2.1 starts at half a second and ends after 39.5; what is lost twice in two seconds is
# not what a call needs.
_RESEND_S: Final = 0.3


class NotStun(Exception):
    """What came is no STUN message, or the connection ended without one."""


class Way(Protocol):
    """How requests reach the server. Raises `OSError`, `NotStun`; the caller sets the deadline."""

    async def ask(self, request: stun.Message, key: bytes | None = None) -> stun.Message: ...


@contextlib.asynccontextmanager
async def over_udp(family: Family, address: str, port: int) -> AsyncIterator[Way]:
    """Connected, so that the kernel takes nothing from others, and tells of a closed port."""
    kind = socket.AF_INET if family is Family.IPV4 else socket.AF_INET6
    with socket.socket(kind, socket.SOCK_DGRAM) as connected:
        connected.setblocking(False)
        connected.connect(socket_address(family, address, port))
        yield _Udp(connected)


@contextlib.asynccontextmanager
async def over_stream(
    family: Family, address: str, port: int, *, context: ssl.SSLContext | None, name: str
) -> AsyncIterator[Way]:
    """TCP, with TLS on top where there is a context: raises `ssl.SSLError` as well."""
    channel = await Channel.open(family, address, port)
    try:
        if context is not None:
            await channel.start_tls(context, name)
        yield _Stream(channel)
    finally:
        channel.close()


class _Udp:
    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected

    async def ask(self, request: stun.Message, key: bytes | None = None) -> stun.Message:
        """Sent again after 0.3 s, 0.9 s and so on, until an answer to it comes."""
        loop, packet, pause_s = asyncio.get_running_loop(), bytes(request), _RESEND_S
        while True:
            await loop.sock_sendall(self._socket, packet)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    while True:
                        data = await loop.sock_recv(self._socket, _LARGEST_BYTES)
                        if (answer := _answer_to(request, data, key)) is not None:
                            return answer
            pause_s *= 2


class _Stream:
    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._held = b""

    async def ask(self, request: stun.Message, key: bytes | None = None) -> stun.Message:
        await self._channel.send(bytes(request))
        while True:
            head = await self._read(HEADER_BYTES)
            # The two first bits of STUN are zero, and its cookie is always the same.
            if head[0] & 0xC0 or head[4:8] != stun.COOKIE.to_bytes(4, "big"):
                raise NotStun("what answers speaks another protocol")
            length = int.from_bytes(head[2:4], "big")
            if length > _LARGEST_BYTES:
                raise NotStun("a message came that is larger than any of STUN's")
            answer = _answer_to(request, head + await self._read(length), key)
            if answer is not None:
                return answer

    async def _read(self, count: int) -> bytes:
        while len(self._held) < count:
            data = await self._channel.receive(_LARGEST_BYTES)
            if not data:
                raise NotStun("the connection was closed without an answer")
            self._held += data
            if not _may_be_stun(self._held):
                raise NotStun("what answers speaks another protocol")
        taken, self._held = self._held[:count], self._held[count:]
        return taken


def _may_be_stun(data: bytes) -> bool:
    return not data[0] & 0xC0


def _answer_to(request: stun.Message, data: bytes, key: bytes | None) -> stun.Message | None:
    """None for anything else, and for a success that whoever holds the password did not sign."""
    try:
        message = stun.parse_message(data)
    except (ValueError, KeyError, IndexError, struct.error):
        return None
    if message.transaction_id != request.transaction_id:
        return None
    if message.message_class == stun.Class.RESPONSE and key is not None:
        return message if message.check_message_integrity(key) else None
    answers = message.message_class in (stun.Class.RESPONSE, stun.Class.ERROR)
    return message if answers else None
