"""One HTTP client on loopback, and what it saw."""

from __future__ import annotations

import asyncio
import ssl
import time

from eloquence_ops.endpoints import Endpoint
from eloquence_ops.findings import Family
from eloquence_ops.observations import HttpExchange
from eloquence_ops.probes.http import Answer, HttpClient, HttpRequest
from eloquence_ops.probes.road import Road
from eloquence_ops.secrets import Redactor, Secret
from tests.probes.peers import (
    Handler,
    peer,
    request_head,
)

KEY = "sk-live-0123456789abcdefghijklmnop"
ROOT = HttpRequest("root", "GET", "/")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def road_to(
    port: int, *, scheme: str = "http", host: str = "api.test", path: str = "", ip: str = ""
) -> Road:
    address = ip or "127.0.0.1"
    family = Family.IPV6 if ":" in address else Family.IPV4
    return Road(Endpoint(scheme, host, 8083, path), family, address, port)


def client_on(
    road: Road,
    *,
    tls: ssl.SSLContext | None = None,
    timeout_s: float = 5.0,
    body_limit: int = 64 * 1024,
) -> HttpClient:
    return HttpClient(
        road,
        tls=tls,
        redactor=Redactor(Secret(KEY)),
        timeout_s=timeout_s,
        started=time.monotonic(),
        body_limit=body_limit,
    )


def answer_of(
    handler: Handler,
    request: HttpRequest = ROOT,
    *,
    timeout_s: float = 5.0,
    body_limit: int = 64 * 1024,
) -> Answer:
    async def story() -> Answer:
        async with (
            peer(handler) as port,
            client_on(road_to(port), timeout_s=timeout_s, body_limit=body_limit) as client,
        ):
            return await client.send(request)

    return asyncio.run(story())


def seen_of(
    handler: Handler, request: HttpRequest = ROOT, *, timeout_s: float = 5.0
) -> HttpExchange:
    return answer_of(handler, request, timeout_s=timeout_s).observation


def serving(script: list[list[bytes]], connections: list[list[bytes]]) -> Handler:
    """The n-th connection gives the n-th list of answers, then closes. Requests are kept."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        mine: list[bytes] = []
        connections.append(mine)
        for answer in script[min(len(connections), len(script)) - 1]:
            mine.append(await request_head(reader))
            writer.write(answer)
            await writer.drain()
        writer.close()
        await writer.wait_closed()

    return handler
