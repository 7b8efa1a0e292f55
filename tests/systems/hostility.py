"""How a hostile server is made: the parts that the attacks are put together from."""

from __future__ import annotations

import asyncio
import json
import ssl
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from websockets.frames import Frame, Opcode

from tests.probes.peers import Handler
from tests.systems import by_hand
from tests.systems.by_hand import Answer, Asked, handler, replies, reply, session

Verdict = Literal["healthy", "degraded", "broken", "undetermined"]

# A title change, a cleared screen, colours in two ways, a link, a line of its own, bidirectional
# overrides, characters without a width, other line breaks, NUL and DEL.
EVIL: Final = (
    "\x1b]0;owned\x07\x1b[2J\x1b[31mred\x1b]8;;http://evil.test\x07link\x1b]8;;\x07 \x9b31m "
    "a\r\nVERDICT healthy\n\t\u202egnp\u202c\u2066\u200b\ufeff\u2028\u2029\x85\x00\x7f end"
)
# The head of an answer, to which a header may be added and a body must be.
HEAD: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
FLOOD: Final = b"A" * 65536
MB: Final = 2**20
GB: Final = 2**30


@dataclass(frozen=True)
class Around:
    """One run, for one of its servers.

    LiveKit's address, one where nothing must ever arrive, and where to write down what is asked.
    """

    livekit: str
    trap: str
    log: list[Asked]


Made = Callable[[Around], Handler]


def _answering(around: Around, answer: Answer) -> Handler:
    """`answer` for each request, which is written down."""

    async def logged(asked: Asked, writer: asyncio.StreamWriter) -> None:
        around.log.append(asked)
        await answer(asked, writer)

    return handler(logged)


def _good(around: Around, asked: Asked) -> bytes:
    opened = json.dumps(session(url=around.livekit)).encode()
    return by_hand.api(asked, opened=opened, log=around.log)


def good_api(around: Around) -> Handler:
    return _answering(around, replies(lambda asked: _good(around, asked)))


def good_livekit(around: Around) -> Handler:
    return _answering(around, replies(by_hand.livekit))


@dataclass(frozen=True)
class Attack:
    """`api` and `livekit` are good ones unless given.

    `finds` must be among the findings: whole ids, or a check that must not have passed.
    `tls` makes the context of both addresses, its root in `root.pem` of the folder given;
    `secure` says that TLS is expected, by default where there is a context.
    """

    id: str
    finds: tuple[str, ...]
    verdict: Verdict = "broken"
    api: Made = good_api
    livekit: Made = good_livekit
    tls: Callable[[Path], ssl.SSLContext] | None = None
    secure: bool | None = None

    @property
    def is_secure(self) -> bool:
        return self.tls is not None if self.secure is None else self.secure


def raw(made: Handler) -> Made:
    return lambda _around: made


def always(answer: bytes) -> Made:
    """The same bytes whatever is asked."""
    return lambda around: _answering(around, replies(lambda _asked: answer))


def at(method: str, path: str, answer: Answer) -> Made:
    """A good API but for one route."""

    def made(around: Around) -> Handler:
        async def one(asked: Asked, writer: asyncio.StreamWriter) -> None:
            if asked.method == method and asked.path.startswith(path):
                await answer(asked, writer)
            else:
                writer.write(_good(around, asked))

        return _answering(around, one)

    return made


def opened(body: bytes | dict[str, object]) -> Made:
    """A good API but for what it says when a session is opened. A url of "" is LiveKit's own."""

    def made(around: Around) -> Handler:
        document = body if isinstance(body, bytes) else json.dumps(_completed(body, around))
        answered = document if isinstance(document, bytes) else document.encode()
        return _answering(
            around,
            replies(lambda asked: by_hand.api(asked, opened=answered, log=around.log)),
        )

    return made


def _completed(body: dict[str, object], around: Around) -> dict[str, object]:
    return body | {"url": body["url"] or around.livekit} if "url" in body else body


def with_session(**changes: object) -> Made:
    return opened(session(**({"url": ""} | changes)))


def documented(document: bytes) -> Made:
    """A good API but for its openapi.json."""
    return at("GET", "/openapi.json", replies(lambda _asked: reply(200, document)))


def pouring(start: bytes, piece: bytes, total: int | None = None) -> Answer:
    """`start`, then `piece` again and again: `total` bytes of it, or for ever."""

    async def answer(_asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        sent = 0
        while total is None or sent < total:
            writer.write(piece)
            sent += len(piece)
            await writer.drain()
            await asyncio.sleep(0)
        writer.close()

    return answer


def dribbling(answer: bytes, *, head_first: bool = False) -> Answer:
    """One byte a second, from the beginning or from that of the body."""

    async def slowly(_asked: Asked, writer: asyncio.StreamWriter) -> None:
        at_once = answer.index(b"\r\n\r\n") + 4 if head_first else 0
        writer.write(answer[:at_once])
        for byte in answer[at_once:]:
            await asyncio.sleep(1)
            writer.write(bytes([byte]))
            await writer.drain()

    return slowly


async def closing(_asked: Asked, writer: asyncio.StreamWriter) -> None:
    """No answer but the end."""
    writer.close()


async def hanging(_asked: Asked, _writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


def redirect(status: int, where: Callable[[Around], str]) -> Made:
    """Every request is sent elsewhere."""
    return lambda around: _answering(
        around, replies(lambda _asked: redirection(status, where(around)))
    )


def redirection(status: int, where: str) -> bytes:
    return reply(status, kind="text/plain", headers=b"Location: %b\r\n" % where.encode())


def to_trap(around: Around) -> str:
    return f"{around.trap}/api/sessions"


def bomb() -> bytes:
    """An answer of a gigabyte of zeros, in a megabyte of gzip."""
    deflate = zlib.compressobj(9, wbits=31)
    start = deflate.compress(b"") + deflate.flush(zlib.Z_FULL_FLUSH)
    # After a full flush what follows stands for itself, and may be repeated.
    block = deflate.compress(bytes(8 * 2**20)) + deflate.flush(zlib.Z_FULL_FLUSH)
    return reply(200, start + block * 128, headers=b"Content-Encoding: gzip\r\n")


def many_headers(line: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\n" + line * 10_000 + b"Content-Length: 2\r\n\r\nOK"


def nested(depth: int, middle: bytes = b"") -> bytes:
    return b"[" * depth + middle + b"]" * depth


def echo(asked: Asked) -> bytes:
    """An error page that shows the request, key and all, in its body and in headers."""
    shown = json.dumps({"detail": dict(asked.headers), "path": asked.path}).encode()
    key = asked.headers.get("x-api-key") or asked.headers.get("authorization") or "none"
    return reply(500, shown, headers=b"X-Debug: key=%b\r\nX-%b: 1\r\n" % (key.encode(), b"Key"))


def validating(answer: bytes) -> Made:
    """A good LiveKit but for what it says of a token."""

    def reply_to(asked: Asked) -> bytes:
        return answer if "authorization" in asked.headers else by_hand.livekit(asked)

    return lambda around: _answering(around, replies(reply_to))


def joining(answer: Callable[[Asked], bytes], forever: bytes = b"") -> Made:
    """A good LiveKit but for what a join is answered with; then perhaps `forever`, for ever."""

    async def one(asked: Asked, writer: asyncio.StreamWriter) -> None:
        if not asked.path.startswith("/rtc?"):
            writer.write(by_hand.livekit(asked))
        elif forever:
            await pouring(answer(asked), forever)(asked, writer)
        else:
            writer.write(answer(asked))

    return lambda around: _answering(around, one)


def piece(opcode: Opcode, content: bytes, *, fin: bool = True) -> bytes:
    """One frame as a server sends it."""
    return Frame(opcode, content, fin).serialize(mask=False)


def large_json(total: int) -> Answer:
    """A good answer, and after it a member that goes on."""
    start = json.dumps(session())[:-1].encode() + b',"more":"'
    head = HEAD + b"Content-Length: %d\r\n\r\n" % (len(start) + total + 2)
    return pouring(head + start, b"A" * MB, total)


def large_openapi(total: int) -> Answer:
    start = b'{"openapi":"3.1.0","info":{"title":"Eloquence API"},"paths":{"/api/sessions":{"post":'
    head = HEAD + b"Content-Length: %d\r\n\r\n" % (len(start) + total)
    return pouring(head + start, b'{"x":{"get":{}}},"/y":' * 40_000, total)


def filled(piece: bytes, size: int) -> bytes:
    return piece * (size // len(piece))
