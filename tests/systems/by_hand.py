"""An API and a LiveKit written by hand, byte by byte, so that any part of them can be hostile."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from livekit.protocol import models, rtc
from websockets.frames import Close, CloseCode, Frame, Opcode
from websockets.utils import accept_key

from tests.probes.peers import Handler

# The key of every run.
KEY: Final = "the-api-key-of-this-run-7f3a"
# Its claims: signed as a-key, room-1, roomJoin, until 2100.
TOKEN: Final = (
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
    "eyJpc3MiOiJhLWtleSIsImV4cCI6NDEwMjQ0NDgwMCwidmlkZW8iOnsicm9vbSI6InJvb20tMSIsInJv"
    "b21Kb2luIjp0cnVlfX0"
    ".c2lnbmF0dXJl"
)
_ALLOWS_ALL: Final = (
    b"Access-Control-Allow-Origin: *\r\n"
    b"Access-Control-Allow-Methods: *\r\n"
    b"Access-Control-Allow-Headers: *\r\n"
)
OPENAPI: Final[dict[str, Any]] = {
    "openapi": "3.1.0",
    "info": {"title": "Eloquence API", "version": "2.0.0"},
    "paths": {
        "/api/sessions": {"post": {}},
        "/api/sessions/{session_id}": {"delete": {}},
    },
}


@dataclass(frozen=True)
class Asked:
    """One request; the names of `headers` are lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


Answer = Callable[[Asked, asyncio.StreamWriter], Awaitable[None]]


def handler(answer: Answer) -> Handler:
    """`answer` for every request of every connection, until it closes one.

    A head above 64 KiB ends its connection, as with many servers.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.LimitOverrunError):
            while not writer.is_closing():
                asked = await _request(reader)
                await answer(asked, writer)
                await writer.drain()

    return serve


def replies(reply: Callable[[Asked], bytes]) -> Answer:
    """An answer whose bytes are known at once."""

    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(reply(asked))

    return answer


async def _request(reader: asyncio.StreamReader) -> Asked:
    """Raises `asyncio.IncompleteReadError` when the client has gone."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Asked(method, path, headers, body)


def reply(
    status: int,
    body: bytes = b"",
    *,
    kind: str = "application/json",
    reason: bytes = b"Whatever",
    headers: bytes = b"",
) -> bytes:
    """One whole answer. `headers` are lines, each with its CRLF."""
    return (b"HTTP/1.1 %d %b\r\nContent-Type: %b\r\nContent-Length: %d\r\n%b\r\n%b") % (
        status,
        reason,
        kind.encode(),
        len(body),
        headers,
        body,
    )


def session(**changes: object) -> dict[str, object]:
    """The four fields of a good answer, with `changes`."""
    good: dict[str, object] = {
        "session_id": "11111111-2222-3333-4444-555555555555",
        "room_name": "room-1",
        "token": TOKEN,
        "url": "ws://127.0.0.1:7880",
    }
    return good | changes


def _lets_in(asked: Asked) -> bool:
    return asked.headers.get("x-api-key") == KEY


def _left_open(before: Sequence[Asked]) -> int:
    """How many sessions a log of requests leaves open."""
    opened = sum(one.method == "POST" and _lets_in(one) for one in before)
    return opened - sum(one.method == "DELETE" for one in before)


def api(  # noqa: PLR0911  # one answer a route
    asked: Asked,
    *,
    opened: bytes,
    log: Sequence[Asked],
    openapi: bytes = json.dumps(OPENAPI).encode(),
) -> bytes:
    """What a good API answers; `opened` is the body that comes with a session.

    `log` has every request up to this one.
    """
    match asked.method, asked.path:
        case "OPTIONS", _:
            return reply(200, headers=_ALLOWS_ALL)
        case "POST", "/api/sessions" if not _lets_in(asked):
            return reply(401, b'{"detail":"Not authenticated"}')
        case "DELETE", _ if _left_open(log[:-1]) <= 0:
            return reply(404, b'{"detail":"Session not found"}')
        case "GET", "/":
            return reply(200, b'{"service":"eloquence-api"}')
        case "GET", "/openapi.json":
            return reply(200, openapi)
        case "GET", "/api/sessions":
            wrong = b'{"detail":"Method Not Allowed"}'
            return reply(405, wrong, headers=b"Allow: POST\r\n")
        case "POST", "/api/sessions":
            return reply(200, opened)
        case "DELETE", path if path.startswith("/api/sessions/"):
            return reply(200, b'{"status":"ended"}')
        case _:
            return reply(404, b'{"detail":"Not Found"}')


def upgraded(asked: Asked, *messages: bytes, ends: bool = True, because: str = "") -> bytes:
    """The handshake of a websocket, whole binary messages, and perhaps the end of it."""
    accept = accept_key(asked.headers["sec-websocket-key"]).encode()
    frames = [Frame(Opcode.BINARY, message) for message in messages]
    if ends:
        close = Close(CloseCode.NORMAL_CLOSURE, because)
        frames.append(Frame(Opcode.CLOSE, close.serialize()))
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: %b\r\n\r\n" % accept
    ) + b"".join(frame.serialize(mask=False) for frame in frames)


def joined(*, server_version: str = "1.13.5", others: Sequence[str] = ("agent-1",)) -> bytes:
    """A JoinResponse; `others` are the identities of agents that are there already."""
    kind, state = models.ParticipantInfo.Kind.AGENT, models.ParticipantInfo.State.JOINED
    there = [
        models.ParticipantInfo(sid=f"PA_{number}", identity=identity, kind=kind, state=state)
        for number, identity in enumerate(others)
    ]
    join = rtc.JoinResponse(
        participant=models.ParticipantInfo(sid="PA_us", identity="eloquence-doctor"),
        other_participants=there,
        server_version=server_version,
    )
    return rtc.SignalResponse(join=join).SerializeToString()


def refreshed(token: str) -> bytes:
    return rtc.SignalResponse(refresh_token=token).SerializeToString()


def livekit(asked: Asked) -> bytes:
    """What a good LiveKit answers."""
    text = "text/plain; charset=utf-8"
    match asked.path:
        case path if path.startswith("/rtc?") and "upgrade" in asked.headers:
            return upgraded(asked, joined())
        case "/":
            return reply(200, b"OK", kind=text)
        case "/rtc/validate" if "authorization" in asked.headers:
            return reply(200, b"success", kind=text)
        case "/rtc/validate" | "/rtc/v1/validate":
            return reply(401, b"no permissions to access the room", kind=text)
        case "/rtc" if "upgrade" in asked.headers:
            return reply(401, b"no permissions to access the room", kind=text)
        case _:
            return reply(404, kind=text)
