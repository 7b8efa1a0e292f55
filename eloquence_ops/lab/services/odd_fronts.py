"""Things that listen where a proxy should, and do not do what it would."""

from __future__ import annotations

import asyncio
import ssl
import warnings
from typing import Final, Literal

from eloquence_ops.lab.services.certificates import IssuedCertificate
from eloquence_ops.lab.services.listening import Listener

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
# Those that see the bytes of the handshake themselves, or want none.
_BY_HAND: Final = frozenset({"tcp-closes", "tls-1.1", "tls-only"})


def listener(kind: OddFront, certificate: IssuedCertificate, *, tls: bool = True) -> Listener:
    """One of them, not open yet; the certificate is for the kinds that speak TLS.

    `tls` false: those that hang up or are silent do so to a request in plain HTTP.
    """
    context = _context(kind, certificate)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _behave(kind, context, reader, writer)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.transport.abort()

    return Listener(serve, tls=context if tls and kind not in _BY_HAND else None)


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


def _context(kind: OddFront, certificate: IssuedCertificate) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # OpenSSL 3 allows TLS 1.1, and loads a weak key, at no higher level.
    context.set_ciphers("ALL:@SECLEVEL=0")
    if kind == "tls-1.1":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.load_cert_chain(certificate.chain_path, certificate.key_path)
    return context
