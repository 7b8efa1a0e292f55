"""The proxy passes on what it should, and answers the rest in nginx's words."""

import asyncio
import contextlib
import re
import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import websockets

from eloquence_ops.lab.services.certificates import Authority
from eloquence_ops.lab.services.listening import listening_socket
from eloquence_ops.lab.services.livekit import LivekitBehaviour, build_livekit
from eloquence_ops.lab.services.proxy import Proxy, ProxyBehaviour
from eloquence_ops.lab.services.serving import serving
from tests.lab.livekit_requests import KEY, SECRET, token
from tests.lab.loopback import request, run, send, status_and_body
from tests.lab.upstream import Upstream, upstream

PAGE_502 = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
    b"<center><h1>502 Bad Gateway</h1></center>\r\n"
    b"<hr><center>nginx/1.22.1</center>\r\n</body>\r\n</html>\r\n"
)


@contextlib.asynccontextmanager
async def _proxied(
    *, read_timeout_s: float = 5.0, max_body_bytes: int = 1024 * 1024
) -> AsyncIterator[tuple[Upstream, tuple[str, int]]]:
    async with upstream() as behind:
        behaviour = ProxyBehaviour(
            routes={"lab.test": behind.address},
            deny=frozenset({"deny.test"}),
            redirect={"moved.test": "https://new.test"},
            read_timeout_s=read_timeout_s,
            max_body_bytes=max_body_bytes,
        )
        async with Proxy(behaviour) as proxy:
            yield behind, (proxy.host, proxy.port)


def _free_port() -> int:
    with listening_socket() as sock:
        port: int = sock.getsockname()[1]
        return port


def test_a_refused_upstream_is_nginx_s_502_byte_for_byte() -> None:
    async def main() -> None:
        behaviour = ProxyBehaviour(routes={"lab.test": ("127.0.0.1", _free_port())})
        async with Proxy(behaviour) as proxy:
            answer = await send((proxy.host, proxy.port), request())
        masked = re.sub(rb"Date: [^\r]+ GMT", b"Date: now", answer)
        assert masked == (
            b"HTTP/1.1 502 Bad Gateway\r\nServer: nginx/1.22.1\r\nDate: now\r\n"
            b"Content-Type: text/html\r\nContent-Length: 157\r\nConnection: close\r\n\r\n"
            + PAGE_502
        )

    run(main())


@pytest.mark.parametrize(
    ("asked", "status", "title"),
    [
        (request("/closes"), 502, "502 Bad Gateway"),
        (request("/half-head"), 502, "502 Bad Gateway"),
        (request("/hang"), 504, "504 Gateway Time-out"),
        (request(host="deny.test"), 403, "403 Forbidden"),
        (request(host="moved.test"), 301, "301 Moved Permanently"),
        (request(host="other.test"), 404, "404 Not Found"),
        (request(host="éloquence.com"), 404, "404 Not Found"),
        ("hello\r\n\r\n", 400, "400 Bad Request"),
        ("GET / HTTP/1.1\r\n\r\n", 400, "400 Bad Request"),
        ("GET / HTTP/2.0\r\nHost: lab.test\r\n\r\n", 505, "505 HTTP Version Not Supported"),
        (request("/" + "a" * 40_000), 414, "414 Request-URI Too Large"),
        (request(headers="X: " + "a" * 40_000), 400, "400 Request Header Or Cookie Too Large"),
        (request(headers="X: 1\r\n" * 9_000), 400, "400 Request Header Or Cookie Too Large"),
        (request(headers="Content-Length: 1\r\nContent-Length: 1\r\n"), 400, "400 Bad Request"),
        (request(headers="Content-Length: 1e3\r\n"), 400, "400 Bad Request"),
        (request(headers="Transfer-Encoding: gzip\r\n"), 501, "501 Not Implemented"),
        (
            request("/echo", method="POST", headers="Content-Length: 3000\r\n", body="x" * 3000),
            413,
            "413 Request Entity Too Large",
        ),
    ],
)
def test_its_own_pages(asked: str, status: int, title: str) -> None:
    async def main() -> None:
        async with _proxied(read_timeout_s=0.3, max_body_bytes=1000) as (_, address):
            found, body = status_and_body(await send(address, asked))
            assert found == status
            assert f"<title>{title}</title>".encode() in body

    run(main())


def test_the_upstream_is_told_who_asked() -> None:
    async def main() -> None:
        async with _proxied() as (behind, address):
            headers = "X-Forwarded-For: 192.0.2.9\r\nX-Real-IP: 192.0.2.9\r\nX-API-Key: k\r\n"
            asked = request("/json", host="LAB.test:8443", headers=headers)
            await send(address, asked)
            assert behind.requests == [
                "GET /json HTTP/1.1\r\nHost: lab.test\r\nX-Real-IP: 127.0.0.1\r\n"
                "X-Forwarded-For: 192.0.2.9, 127.0.0.1\r\nX-Forwarded-Proto: http\r\n"
                "Connection: close\r\nX-API-Key: k\r\n\r\n"
            ]

    run(main())


def test_answers_pass_with_the_server_header_replaced() -> None:
    async def main() -> None:
        async with _proxied() as (_, address):
            answer = await send(address, request("/json"))
            head, _, body = answer.partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 201 Created\r\nServer: nginx/1.22.1\r\nDate: ")
            assert b"uvicorn" not in head
            assert b"01 Jan 2024" not in head
            assert head.count(b"Set-Cookie") == 2
            assert body == b"{}"
            # What ends with its connection upstream is chunked towards the client.
            assert b"\r\n\r\n3\r\nabc\r\n0\r\n\r\n" in await send(address, request("/until-close"))
            assert b"\r\n\r\n3\r\nabc\r\n0\r\n\r\n" in await send(address, request("/chunked"))
            old = "GET /chunked HTTP/1.0\r\nHost: lab.test\r\n\r\n"
            assert (await send(address, old)).endswith(b"\r\n\r\nabc")
            # No status line: passed on raw. Cut short: cut short.
            assert await send(address, request("/garbage")) == b"garbage\r\n\r\n"
            assert (await send(address, request("/half"))).endswith(b"\r\n\r\nabc")

    run(main())


def test_a_connection_is_kept_for_several_requests() -> None:
    async def main() -> None:
        async with _proxied() as (behind, address):
            async with httpx.AsyncClient(
                base_url=f"http://{address[0]}:{address[1]}",
                headers={"Host": "lab.test"},
                limits=httpx.Limits(max_connections=1),
                trust_env=False,
            ) as client:
                for path in ("/json", "/chunked", "/empty", "/not-modified", "/until-close"):
                    answer = await client.get(path)
                    assert answer.headers["connection"] == "keep-alive"
                assert (await client.head("/json")).headers["content-length"] == "2"
                assert (await client.post("/echo", content=b"abc")).content == b"abc"
            pipelined = await send(
                address, "GET /json HTTP/1.1\r\nHost: lab.test\r\n\r\n" + request("/json")
            )
            assert pipelined.count(b"HTTP/1.1 201 Created") == 2
            assert len(behind.requests) == 9

    run(main())


@pytest.mark.parametrize("chunked", [False, True])
def test_bodies_stream_through(chunked: bool) -> None:
    async def main() -> None:
        body = bytes(range(256)) * 2000

        async def pieces() -> AsyncIterator[bytes]:
            for start in range(0, len(body), 100_000):
                yield body[start : start + 100_000]

        async with _proxied() as (behind, address):
            async with httpx.AsyncClient(trust_env=False) as client:
                answer = await client.post(
                    f"http://{address[0]}:{address[1]}/echo",
                    headers={"Host": "lab.test"},
                    content=pieces() if chunked else body,
                )
            assert answer.content == body
            assert behind.bodies == [body]

    run(main())


def test_a_client_that_asks_before_it_sends_is_told_to_go_on() -> None:
    async def main() -> None:
        async with _proxied() as (_, address):
            asked = request(
                "/echo",
                method="POST",
                headers="Expect: 100-continue\r\nContent-Length: 3\r\n",
                body="abc",
            )
            answer = await send(address, asked)
            assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
            assert answer.endswith(b"\r\n\r\nabc")

    run(main())


def test_a_client_that_goes_away_is_noticed_by_the_upstream() -> None:
    async def main() -> None:
        async with _proxied() as (behind, address):
            _, writer = await asyncio.open_connection(*address)
            writer.write(request("/hang").encode())
            await asyncio.sleep(0.05)
            writer.close()
            await asyncio.wait_for(behind.closed_by_peer.wait(), 2)

    run(main())


def test_closing_cuts_whatever_is_open() -> None:
    async def main() -> None:
        writers = []
        async with _proxied() as (_, address):
            for start in (
                "",
                "GET ",
                request("/hang"),
                "POST /echo HTTP/1.1\r\nHost: lab.test\r\n",
            ):
                _, writer = await asyncio.open_connection(*address)
                writer.write(start.encode())
                writers.append(writer)
            await asyncio.sleep(0.05)
            began = time.monotonic()
        assert time.monotonic() - began < 2
        for writer in writers:
            writer.close()

    run(main())


@contextlib.asynccontextmanager
async def _tls_livekit(
    tmp_path: Path, *, drop_upgrade: bool = False
) -> AsyncIterator[tuple[tuple[str, int], ssl.SSLContext]]:
    authority = Authority(tmp_path)
    issued = authority.issue(["livekit.éloquence.com"])
    app = build_livekit(LivekitBehaviour(keys={KEY: SECRET}))
    async with serving(app, server_header=False) as served:
        behaviour = ProxyBehaviour(
            routes={"livekit.xn--loquence-90a.com": served.address}, drop_upgrade=drop_upgrade
        )
        proxy = Proxy(behaviour, certificate=issued.chain_path, key=issued.key_path)
        async with proxy:
            trusting = ssl.create_default_context(cafile=str(authority.root_path))
            yield (proxy.host, proxy.port), trusting


NAME = "livekit.xn--loquence-90a.com"


def test_a_websocket_passes_over_tls(tmp_path: Path) -> None:
    async def main() -> None:
        async with _tls_livekit(tmp_path) as (address, trusting):
            url = f"wss://{NAME}/rtc?access_token={token()}"
            async with websockets.connect(
                url, ssl=trusting, host=address[0], port=address[1]
            ) as websocket:
                assert websocket.response is not None
                assert websocket.response.headers["Server"] == "nginx/1.22.1"
                assert len(await asyncio.wait_for(websocket.recv(), 5)) > 100
                await (await websocket.ping())

    run(main())


def test_a_dropped_upgrade_is_livekits_empty_404(tmp_path: Path) -> None:
    async def main() -> None:
        async with _tls_livekit(tmp_path, drop_upgrade=True) as (address, trusting):
            url = f"wss://{NAME}/rtc?access_token={token()}"
            with pytest.raises(websockets.InvalidStatus) as refused:
                await websockets.connect(url, ssl=trusting, host=address[0], port=address[1])
            assert refused.value.response.status_code == 404
            assert not refused.value.response.body
            validate = request(f"/rtc/validate?access_token={token()}", host=NAME)
            answer = await send(address, validate, tls=trusting, server_name=NAME)
            assert status_and_body(answer) == (200, b"success")

    run(main())


def test_a_silent_upgraded_connection_ends_with_the_read_timeout(tmp_path: Path) -> None:
    async def main() -> None:
        app = build_livekit(LivekitBehaviour(keys={KEY: SECRET}))
        async with serving(app) as served:
            behaviour = ProxyBehaviour(routes={"lab.test": served.address}, read_timeout_s=0.2)
            async with Proxy(behaviour) as proxy:
                url = f"ws://lab.test/rtc?access_token={token()}"
                async with websockets.connect(
                    url, host=proxy.host, port=proxy.port, ping_interval=None
                ) as websocket:
                    async with asyncio.timeout(3):
                        while websocket.state is websockets.State.OPEN:
                            with contextlib.suppress(websockets.ConnectionClosedError):
                                await websocket.recv()

    run(main())


def test_a_handshake_that_fails_leaves_the_proxy_standing(tmp_path: Path) -> None:
    async def main() -> None:
        async with _tls_livekit(tmp_path) as (address, trusting):
            with pytest.raises(ssl.SSLCertVerificationError):
                await send(address, request(), tls=ssl.create_default_context(), server_name=NAME)
            with contextlib.suppress(OSError):
                await send(address, "GET / HTTP/1.1\r\n\r\n")
            answer = await send(address, request(host=NAME), tls=trusting, server_name=NAME)
            assert status_and_body(answer) == (200, b"OK")

    run(main())


def test_a_certificate_without_its_key_is_refused() -> None:
    with pytest.raises(ValueError, match="or neither"):
        Proxy(ProxyBehaviour(), certificate=Path("site.pem"))
