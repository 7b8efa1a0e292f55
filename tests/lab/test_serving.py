"""Services start and stop inside a loop that is not theirs."""

import asyncio
import signal
import socket
import time
from collections.abc import AsyncIterator

import httpx
import pytest
import websockets
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from eloquence_ops.lab.services.listening import PortInUse, listening_socket, port_is_free
from eloquence_ops.lab.services.serving import serve, serving
from tests.lab.loopback import request, run, send


async def _hello(_: Request) -> Response:
    return PlainTextResponse("hello")


async def _hang(_: Request) -> Response:
    await asyncio.Event().wait()
    return Response()


async def _open(websocket: WebSocket) -> None:
    await websocket.accept()
    await asyncio.Event().wait()


async def _flood(_: Request) -> Response:
    async def pieces() -> AsyncIterator[bytes]:
        while True:
            yield bytes(1 << 20)

    return StreamingResponse(pieces())


APP = Starlette(
    routes=[
        Route("/", _hello),
        Route("/hang", _hang),
        Route("/flood", _flood),
        WebSocketRoute("/ws", _open),
    ]
)


def test_a_service_accepts_as_soon_as_it_is_started_and_no_more_once_closed() -> None:
    async def main() -> None:
        async with serving(APP) as served:
            assert (await send(served.address, request())).endswith(b"hello")
        with pytest.raises(ConnectionRefusedError):
            await send(served.address, request())

    run(main())


def test_stopping_takes_less_than_two_seconds_with_hanging_clients() -> None:
    async def main() -> None:
        served = await serve(APP)
        hanging = [asyncio.create_task(send(served.address, request("/hang"))) for _ in range(5)]
        silent = await asyncio.open_connection(*served.address)
        websocket = await websockets.connect(f"ws://127.0.0.1:{served.port}/ws")
        await asyncio.sleep(0.1)
        began = time.monotonic()
        await served.close()
        assert time.monotonic() - began < 2
        await served.close()
        await asyncio.gather(*hanging, return_exceptions=True)
        silent[1].close()
        await websocket.close()

    run(main())


def test_stopping_does_not_wait_for_a_client_that_does_not_read() -> None:
    # Outside the loop, and open longer: what the service leaves of the connection would show.
    with socket.socket() as client:

        async def main() -> None:
            served = await serve(APP)
            client.connect(served.address)
            client.sendall(request("/flood").encode())
            await asyncio.sleep(0.1)
            began = time.monotonic()
            await served.close()
            assert time.monotonic() - began < 2

        run(main())


def test_signal_handlers_are_left_alone() -> None:
    async def main() -> None:
        before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
        async with serving(APP):
            during = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
        assert during == before

    run(main())


def test_a_taken_port_is_named_and_known_as_taken() -> None:
    async def main() -> None:
        async with serving(APP) as served:
            assert not port_is_free(served.port)
            with pytest.raises(PortInUse, match=f"127.0.0.1 port {served.port}"):
                await serve(APP, port=served.port)
        assert port_is_free(served.port)

    run(main())


def test_a_fixed_port_can_be_used_again_at_once() -> None:
    async def main() -> None:
        with listening_socket() as sock:
            port: int = sock.getsockname()[1]
        for _ in range(2):
            async with (
                serving(APP, port=port) as served,
                httpx.AsyncClient(trust_env=False) as client,
            ):
                answer = await client.get(f"http://127.0.0.1:{served.port}/")
                assert answer.headers["server"] == "uvicorn"

    run(main())


def test_the_server_header_can_be_left_out() -> None:
    async def main() -> None:
        async with serving(APP, server_header=False) as served:
            assert b"server:" not in (await send(served.address, request())).lower()

    run(main())


def test_a_start_that_is_cancelled_frees_the_port() -> None:
    async def main() -> None:
        with listening_socket() as sock:
            port: int = sock.getsockname()[1]
        starting = asyncio.create_task(serve(APP, port=port))
        await asyncio.sleep(0)
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        assert port_is_free(port)

    run(main())
