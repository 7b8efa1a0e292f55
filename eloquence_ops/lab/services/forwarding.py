"""One request through the proxy: to the upstream, and its answer back to the client."""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Literal

from eloquence_ops.lab.services.http_heads import (
    Framing,
    Refused,
    Reply,
    Request,
    forwarded_request,
    parse_reply,
    reply_framing,
    returned_reply,
)
from eloquence_ops.lab.services.nginx_pages import page
from eloquence_ops.lab.services.wire import PeerGone, Wire, chunk

_UNBOUNDED = 1 << 62


@dataclass(frozen=True, slots=True)
class Forwarding:
    """How requests are passed on; times in seconds. `scheme` is told to the upstream, `ahead_s` is
    how far the proxy's own clock is ahead."""

    scheme: Literal["http", "https"]
    connect_timeout_s: float
    read_timeout_s: float
    pass_upgrade: bool
    max_body_bytes: int
    ahead_s: float = 0.0


@dataclass(frozen=True, slots=True)
class _Answer:
    """The head of the upstream's answer, and how its body ends."""

    reply: Reply
    framing: Framing


async def forward(
    client: Wire, request: Request, upstream: tuple[str, int], settings: Forwarding
) -> bool:
    """Answer one request from the upstream; whether the client's connection goes on.

    Raises:
        OSError: the client went away.
    """
    try:
        async with asyncio.timeout(settings.connect_timeout_s):
            server = Wire(*await asyncio.open_connection(*upstream))
    except TimeoutError:
        return await own_page(client, request, 504, settings)
    except OSError:
        return await own_page(client, request, 502, settings)
    body_sent = asyncio.Event()
    pumping = asyncio.create_task(_client_side(client, server, request, settings, body_sent))
    try:
        first = await _first_reply(server, request, pumping, settings)
        if first == "not-http":
            # HTTP/0.9 as nginx sees it: what has no status line is all body (measured).
            await _pour(server, client, settings)
            return False
        if isinstance(first, int):
            await _end(pumping)
            return await _finish_with_page(client, request, first, body_sent.is_set())
        if first.reply.status == 101:
            await _end(pumping)
            await _tunnel(client, server, first.reply, settings)
            return False
        keep = await _relay(client, server, request, first, settings)
        return keep and body_sent.is_set()
    finally:
        await _end(pumping)
        server.abort()


async def own_page(
    client: Wire, request: Request, status: int, settings: Forwarding, *, location: str = ""
) -> bool:
    """Answer a request that was not passed on; whether the client's connection goes on."""
    body_read = request.framing.kind == "none"
    if not body_read and "100-continue" not in request.headers.tokens("expect"):
        with contextlib.suppress(Refused, TimeoutError):
            await client.body(
                request.framing,
                _discard,
                timeout_s=settings.read_timeout_s,
                limit=settings.max_body_bytes,
            )
            body_read = True
    return await _finish_with_page(client, request, status, body_read, location)


async def _finish_with_page(
    client: Wire, request: Request, status: int, body_read: bool, location: str = ""
) -> bool:
    keep = request.keep_alive and body_read
    head_only = request.method == "HEAD"
    await client.send(page(status, keep_alive=keep, head_only=head_only, location=location))
    if not keep:
        await client.linger()
    return keep


async def _discard(_: bytes) -> None:
    pass


async def _client_side(
    client: Wire, server: Wire, request: Request, settings: Forwarding, body_sent: asyncio.Event
) -> None:
    """Send the request with its body, then watch whether the client is still there."""
    chunked = request.framing.kind == "chunked"

    async def sink(data: bytes) -> None:
        # An upstream that closes early may still have answered; and the client has to be read
        # to its end all the same.
        with contextlib.suppress(ConnectionError):
            await server.send(chunk(data) if chunked else data)

    head = forwarded_request(
        request, client.peer_address, settings.scheme, pass_upgrade=settings.pass_upgrade
    )
    with contextlib.suppress(ConnectionError):
        await server.send(head)
    if "100-continue" in request.headers.tokens("expect"):
        await client.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    await client.body(
        request.framing, sink, timeout_s=settings.read_timeout_s, limit=settings.max_body_bytes
    )
    if chunked:
        await sink(b"")
    body_sent.set()
    await client.until_gone()


async def _first_reply(
    server: Wire, request: Request, pumping: asyncio.Task[None], settings: Forwarding
) -> _Answer | int | Literal["not-http"]:
    """The upstream's answer, or the status of the page that stands for it.

    Raises:
        OSError: the client went away meanwhile.
    """
    reading = asyncio.create_task(_read_reply(server, request.method, settings))
    try:
        await asyncio.wait({reading, pumping}, return_when=asyncio.FIRST_COMPLETED)
        if not reading.done():
            # It only ends by raising: the client went away, or its body is refused.
            try:
                await pumping
            except Refused as refusal:
                return refusal.status
        return await reading
    except TimeoutError:
        return 504
    except (OSError, Refused, ValueError):
        if not reading.done():
            raise
        return 502
    finally:
        await _end(reading)


async def _read_reply(
    server: Wire, method: str, settings: Forwarding
) -> _Answer | Literal["not-http"]:
    """The next final answer of the upstream."""
    while True:
        async with asyncio.timeout(settings.read_timeout_s):
            while len(server.buffer) < len(b"HTTP/") and await server.fill():
                pass
            if not server.buffer:
                raise PeerGone
            if not server.buffer.startswith(b"HTTP/"):
                return "not-http"
            head = await server.head()
        if head is None:
            raise PeerGone
        reply = parse_reply(head)
        if reply.status >= 200 or reply.status == 101:
            return _Answer(reply, reply_framing(reply, method))


async def _relay(
    client: Wire, server: Wire, request: Request, answer: _Answer, settings: Forwarding
) -> bool:
    """Send an answer on; whether the connection can go on after it."""
    keep, outgoing = request.keep_alive, answer.framing
    if outgoing.kind in ("chunked", "close"):
        # The end has to be told somehow: in chunks, or to an old client by closing.
        outgoing = Framing("chunked") if request.http11 else Framing("close")
        keep = keep and request.http11
    head = returned_reply(answer.reply, outgoing, keep_alive=keep, ahead_s=settings.ahead_s)
    await client.send(head)
    chunked = outgoing.kind == "chunked"

    async def sink(data: bytes) -> None:
        await client.send(chunk(data) if chunked else data)

    try:
        await server.body(answer.framing, sink, timeout_s=settings.read_timeout_s, limit=_UNBOUNDED)
    except (Refused, PeerGone, TimeoutError):
        # Too late for a page: the client sees an answer that is cut short.
        return False
    if chunked:
        await sink(b"")
    return keep


async def _tunnel(client: Wire, server: Wire, reply: Reply, settings: Forwarding) -> None:
    """Pass bytes both ways until one side closes, or the upstream falls silent."""
    await client.send(returned_reply(reply, Framing("none"), keep_alive=False))
    ways = (
        asyncio.create_task(_pour(server, client, settings)),
        asyncio.create_task(_pass_on(client, server)),
    )
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await _end(*ways)


async def _pour(server: Wire, client: Wire, settings: Forwarding) -> None:
    """Everything the upstream sends, raw, until it closes or falls silent."""
    with contextlib.suppress(OSError, TimeoutError):
        await server.body(
            Framing("close"), client.send, timeout_s=settings.read_timeout_s, limit=_UNBOUNDED
        )


async def _pass_on(source: Wire, sink: Wire) -> None:
    """Everything the client sends; it may be silent as long as it likes, as with nginx."""
    with contextlib.suppress(OSError):
        while source.buffer or await source.fill():
            data = bytes(source.buffer)
            source.buffer.clear()
            await sink.send(data)


async def _end(
    *tasks: asyncio.Task[None] | asyncio.Task[_Answer | Literal["not-http"]],
) -> None:
    """Cancel tasks and wait until they are gone; what they raised has been dealt with."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
