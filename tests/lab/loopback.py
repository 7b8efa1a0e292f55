"""What the lab's tests share: a loop that must end clean, and requests byte by byte."""

import asyncio
import contextlib
import gc
import ssl
import warnings
from collections.abc import Coroutine
from typing import Any


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run a test in a loop of its own; a task or a socket that it leaves behind fails it."""

    async def checked() -> None:
        await main
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, f"tasks left behind: {left}"

    # What an earlier test left behind is not this one's fault.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)
        asyncio.run(checked())
        gc.collect()
    leaks = [str(warning.message) for warning in caught if warning.category is ResourceWarning]
    assert not leaks


async def send(
    address: tuple[str, int],
    request: bytes | str,
    *,
    tls: ssl.SSLContext | None = None,
    server_name: str | None = None,
    timeout_s: float = 5.0,
) -> bytes:
    """Send these bytes and return everything until the other side closes."""
    data = request.encode() if isinstance(request, str) else request
    reader, writer = await asyncio.open_connection(*address, ssl=tls, server_hostname=server_name)
    try:
        writer.write(data)
        async with asyncio.timeout(timeout_s):
            return await reader.read()
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def request(
    path: str = "/",
    *,
    method: str = "GET",
    host: str = "lab.test",
    headers: str = "",
    body: str = "",
) -> str:
    """A request that ends its connection; `headers` are whole lines with their CRLF."""
    return f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n{body}"


def status_and_body(answer: bytes) -> tuple[int, bytes]:
    """An answer taken apart, the body as sent."""
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split(b" ", 2)[1]), body
