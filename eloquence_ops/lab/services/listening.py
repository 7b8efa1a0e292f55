"""Listening on one port of one or several addresses, and ending whatever came of it."""

import asyncio
import os
import socket
import ssl
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Self

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]
"""What becomes of one connection. It closes the writer itself, and is cancelled at the end."""

_HANDSHAKE_S = 10.0
_SHUTDOWN_S = 1.0
_ATTEMPTS = 20


class PortInUse(OSError):
    """A fixed port that something else listens on; the message names it."""


class Closing:
    """What `async with` closes at its end."""

    async def close(self) -> None:
        """May be called twice."""
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class Listener(Closing):
    """Runs `serve` for every connection, in a task of its own; with `tls` after the handshake."""

    def __init__(self, serve: Serve, *, tls: ssl.SSLContext | None = None) -> None:
        self._serve = serve
        self._tls = tls
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self, sockets: Sequence[socket.socket]) -> None:
        """Accept on these from now on; they are closed with the listener."""
        times = (_HANDSHAKE_S, _SHUTDOWN_S) if self._tls else (None, None)
        for sock in sockets:
            server = await asyncio.start_server(
                self._accept,
                sock=sock,
                ssl=self._tls,
                ssl_handshake_timeout=times[0],
                ssl_shutdown_timeout=times[1],
            )
            self._servers.append(server)

    async def close(self) -> None:
        """Stop listening and cut every connection; may be called twice."""
        for server in self._servers:
            server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for server in self._servers:
            await server.wait_closed()
        # One turn of the loop, in which aborted transports close their sockets.
        await asyncio.sleep(0)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Not a coroutine: asyncio.streams would print a handler that is cancelled as an accident.
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def listening_socket(port: int = 0, host: str = "127.0.0.1") -> socket.socket:
    """A non-blocking TCP socket that listens on `host`; port 0 lets the system choose.

    Raises:
        PortInUse: the port is taken, or this user may not bind it.
    """
    sock = _bound_socket(port, host, shared=True)
    try:
        sock.listen(128)
    except OSError as error:
        sock.close()
        raise _in_use(error, port, host) from error
    return sock


def refusing_socket(port: int = 0, host: str = "127.0.0.1") -> socket.socket:
    """A TCP socket that is bound and does not listen: it refuses, and nobody else takes the port.

    Raises:
        PortInUse: as `listening_socket`.
    """
    try:
        return _bound_socket(port, host, shared=False)
    except PortInUse:
        if not port_is_free(port, host):
            raise
        # Only connections that have just ended (TIME_WAIT) are in the way.
        return _bound_socket(port, host, shared=True)


def same_port(
    hosts: Sequence[str],
    port: int = 0,
    *,
    make: Callable[[int, str], socket.socket] = listening_socket,
) -> tuple[socket.socket, ...]:
    """One socket an address, all of one port; 0 finds one that is free on each of them.

    Raises:
        PortInUse: the port is taken on one of the addresses.
    """
    for attempt in range(_ATTEMPTS):
        made: list[socket.socket] = []
        try:
            for host in hosts:
                made.append(make(made[0].getsockname()[1] if made else port, host))
        except PortInUse:
            for sock in made:
                sock.close()
            # The first address's choice may be taken on the second one: ask for another.
            if port or not made or attempt == _ATTEMPTS - 1:
                raise
        else:
            return tuple(made)
    raise AssertionError("the last attempt returns or raises")


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a service could listen on `host`:`port` at this moment."""
    try:
        listening_socket(port, host).close()
    except OSError:
        return False
    return True


def _bound_socket(port: int, host: str, *, shared: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With its protocol named, or asyncio leaves Nagle's algorithm on: 40 ms for two short messages.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if shared and os.name == "posix":
            # A lab that was just stopped leaves TIME_WAIT behind; it must not block the next
            # one. On Windows the same option would let two servers share the port.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        raise _in_use(error, port, host) from error
    return sock


def _in_use(error: OSError, port: int, host: str) -> PortInUse:
    return PortInUse(error.errno, f"cannot listen on {host} port {port}: {error.strerror}")
