"""Things that listen where a proxy should, and do not do what it would."""

from __future__ import annotations

import asyncio
import ssl
import warnings
from pathlib import Path
from typing import Final, Literal

OddFront = Literal["tcp-closes", "tls-closes", "tls-silent", "tls-1.1", "tls-only"]

_PAGE: Final = (
    b"<html>\r\n<head><title>400 The plain HTTP request was sent to HTTPS port</title></head>\r\n"
    b"<body>\r\n<center><h1>400 Bad Request</h1></center>\r\n"
    b"<center>The plain HTTP request was sent to HTTPS port</center>\r\n"
    b"<hr><center>nginx/1.22.1</center>\r\n</body>\r\n</html>\r\n"
)
# What nginx 1.22.1 answers to plain HTTP on a TLS port.
_PLAIN_TO_TLS: Final = (
    b"HTTP/1.1 400 Bad Request\r\nServer: nginx/1.22.1\r\nContent-Type: text/html\r\n"
    b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(_PAGE)
) + _PAGE
_LONGEST_SILENCE_S: Final = 60.0


class OddEnd:
    """One such listener on a free port of 127.0.0.1. `close` ends its connections too."""

    def __init__(self, server: asyncio.Server, tasks: set[asyncio.Task[None]]) -> None:
        self._server, self._tasks = server, tasks
        self.port: int = server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()


async def start(kind: OddFront, certificate: Path, key: Path) -> OddEnd:
    """Starts one; the files are PEM, used by the kinds that speak TLS."""
    context = _context(kind, certificate, key)
    by_hand = kind in ("tcp-closes", "tls-1.1", "tls-only")
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  # we run in one
        tasks.add(task)
        try:
            await _behave(kind, context, reader, writer)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        except asyncio.CancelledError:
            # `close` ends us; asyncio.streams would print a cancelled handler as an accident.
            pass
        finally:
            tasks.discard(task)
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=None if by_hand else context)
    return OddEnd(server, tasks)


async def _behave(
    kind: OddFront,
    context: ssl.SSLContext,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    match kind:
        case "tls-closes":
            await reader.readuntil(b"\r\n\r\n")
        case "tls-silent":
            await asyncio.sleep(_LONGEST_SILENCE_S)
        case "tls-only":
            await reader.readuntil(b"\r\n\r\n")
            writer.write(_PLAIN_TO_TLS)
            await writer.drain()
            writer.write_eof()
        case "tls-1.1":
            await _refuse_handshake(context, reader, writer)
        case "tcp-closes":
            return


async def _refuse_handshake(
    context: ssl.SSLContext, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """The handshake by hand: asyncio's own TLS drops the alert that real servers send."""
    received, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
    handshake = context.wrap_bio(received, sent, server_side=True)
    while True:
        try:
            handshake.do_handshake()
        except ssl.SSLWantReadError:
            writer.write(sent.read())
            if not (data := await reader.read(16 * 1024)):
                return
            received.write(data)
        except ssl.SSLError:
            break
        else:
            break
    writer.write(sent.read())
    await writer.drain()
    # The client reads the alert before the connection goes.
    await asyncio.wait_for(reader.read(), 1)


def _context(kind: OddFront, certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if kind == "tls-1.1":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.set_ciphers("ALL:@SECLEVEL=0")  # OpenSSL 3 allows TLS 1.1 at no higher level
    context.load_cert_chain(certificate, key)
    return context
