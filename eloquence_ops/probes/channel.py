"""One TCP connection to an exact address, with TLS on top where asked for.

Nothing is read that nobody asked for, so a peer that floods is held back by TCP itself. Closing
is immediate: no lingering, no waiting for the peer's part of the farewell.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from typing import Final, cast

from eloquence_ops.findings import Family

_SOCKET_FAMILY: Final = {Family.IPV4: socket.AF_INET, Family.IPV6: socket.AF_INET6}
_Sockaddr = tuple[str, int] | tuple[str, int, int, int]
_AT_ONCE: Final = 64 * 1024
_FIRST_BYTES: Final = 64


class SelfConnected(ConnectionRefusedError):
    """The kernel picked the target port as our own: nobody listens there.

    Happens on loopback where the target lies in the ephemeral port range, which holds the
    media ports.
    """


def socket_address(family: Family, address: str, port: int) -> _Sockaddr:
    """`address` (an IPv6 one may have a zone) as the socket module takes it; looks nothing up.

    Raises `OSError` where it is no address of that family.
    """
    found = socket.getaddrinfo(
        address,
        port,
        _SOCKET_FAMILY[family],
        socket.SOCK_STREAM,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )
    return cast("_Sockaddr", found[0][4])


def _offer(context: ssl.SSLContext, protocols: tuple[str, ...]) -> None:
    # To offer nothing, OpenSSL 1.1.1 forgets what was offered and then complains of no memory.
    with contextlib.suppress(MemoryError):
        context.set_alpn_protocols(list(protocols))


class Channel:
    """A connected socket. `first_bytes` are the first the peer sent, before any decryption."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._tls: ssl.SSLObject | None = None
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.first_bytes = b""

    @classmethod
    async def open(cls, family: Family, address: str, port: int) -> Channel:
        """Connect; the caller sets the deadline. Raises `OSError`."""
        to = socket_address(family, address, port)
        connecting = socket.socket(_SOCKET_FAMILY[family], socket.SOCK_STREAM)
        try:
            connecting.setblocking(False)
            connecting.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await asyncio.get_running_loop().sock_connect(connecting, to)
            if connecting.getsockname() == connecting.getpeername():
                raise SelfConnected("nothing listens there: the socket was connected to itself")
        except BaseException:
            connecting.close()
            raise
        return cls(connecting)

    async def start_tls(
        self, context: ssl.SSLContext, name: str, *, offers: tuple[str, ...] = ()
    ) -> ssl.SSLObject:
        """The handshake as a client. An IP address as `name` is verified but not sent as SNI.
        `offers` (ALPN) holds for this handshake alone, whatever others offered with `context`.

        Raises `ssl.SSLError` (verification: `ssl.SSLCertVerificationError`) and other `OSError`s.
        """
        try:
            _offer(context, offers)  # copied by the next line, so that `context` can be shared
            tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)
        except ValueError as error:  # a label of more than 63 characters, for example
            raise ssl.SSLError(1, f"no name that TLS can send: {error}") from error
        while True:
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._exchange()
            except ssl.SSLError:
                # The alert that tells the server's log why.
                with contextlib.suppress(OSError):
                    self._socket.send(self._outgoing.read())
                raise
            else:
                break
        await self._flush()
        self._tls = tls
        return tls

    async def receive(self, at_most: int) -> bytes:
        """The next bytes; empty when the peer has ended. Raises `OSError`."""
        if self._tls is None:
            return await self._received(at_most)
        while True:
            try:
                return self._tls.read(at_most)
            except ssl.SSLWantReadError:
                await self._exchange()
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                # Many servers end without a close_notify (RFC 8446, 6.1).
                return b""

    async def send(self, data: bytes) -> None:
        """Raises `OSError`."""
        if self._tls is None:
            await asyncio.get_running_loop().sock_sendall(self._socket, data)
            return
        self._tls.write(data)
        await self._flush()

    @property
    def is_spent(self) -> bool:
        """Whether an idle connection has ended, or holds bytes that no request asked for."""
        try:
            self._socket.recv(1, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            return True
        return True

    def close(self) -> None:
        self._socket.close()

    async def _exchange(self) -> None:
        await self._flush()
        data = await self._received(_AT_ONCE)
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    async def _flush(self) -> None:
        if self._outgoing.pending:
            await asyncio.get_running_loop().sock_sendall(self._socket, self._outgoing.read())

    async def _received(self, at_most: int) -> bytes:
        # sock_recv does not yield where bytes are waiting, so that a flood would outrun deadlines.
        await asyncio.sleep(0)
        data = await asyncio.get_running_loop().sock_recv(self._socket, at_most)
        if len(self.first_bytes) < _FIRST_BYTES:
            self.first_bytes = (self.first_bytes + data)[:_FIRST_BYTES]
        return data
