"""The proxy and a real nginx in front of the same upstreams: the same bytes."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from eloquence_ops.lab.services.listening import listening_socket
from eloquence_ops.lab.services.nginx_pages import SERVER
from eloquence_ops.lab.services.proxy import Proxy, ProxyBehaviour
from tests.lab.loopback import request, run, send
from tests.lab.upstream import ANSWERS, upstream
from tests.real import require

pytestmark = pytest.mark.real

SITE = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
  proxy_http_version 1.1;
  proxy_set_header Host $host;
  proxy_set_header X-Real-IP $remote_addr;
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
  proxy_set_header X-Forwarded-Proto $scheme;
  {upgrade}
  proxy_read_timeout 1s;
  server {{ listen 127.0.0.1:{port} default_server; return 404; }}
  server {{ listen 127.0.0.1:{port}; server_name lab.test;
    location / {{ proxy_pass http://127.0.0.1:{upstream}; }} }}
  server {{ listen 127.0.0.1:{port}; server_name dead.test;
    location / {{ proxy_pass http://127.0.0.1:{dead}; }} }}
  server {{ listen 127.0.0.1:{port}; server_name part.test;
    location = /json {{ proxy_pass http://127.0.0.1:{upstream}; }}
    location / {{ return 404; }} }}
  server {{ listen 127.0.0.1:{port}; server_name deny.test; location / {{ deny all; }} }}
  server {{ listen 127.0.0.1:{port}; server_name moved.test;
    return 301 https://new.test$request_uri; }}
}}
"""

# The two lines that a site needs for websockets, and that many a site lacks.
UPGRADE = "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;"


@contextlib.asynccontextmanager
async def _nginx(
    folder: Path, *, upstream_port: int, dead: int, upgrade: str
) -> AsyncIterator[tuple[str, int]]:
    binary = require("nginx")
    with listening_socket() as sock:
        port: int = sock.getsockname()[1]
    configuration = folder / "nginx.conf"
    configuration.write_text(
        SITE.format(folder=folder, port=port, upstream=upstream_port, dead=dead, upgrade=upgrade)
    )
    process = await asyncio.create_subprocess_exec(
        *(binary, "-p", str(folder), "-c", str(configuration), "-e", str(folder / "error.log")),
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(10):
            while process.returncode is None:
                with contextlib.suppress(OSError):
                    await send(("127.0.0.1", port), request())
                    break
                await asyncio.sleep(0.02)
        yield "127.0.0.1", port
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def _cases() -> list[str]:
    ask = "GET / HTTP/1.1\r\nConnection: close\r\n"
    old = "GET {} HTTP/1.0\r\nHost: lab.test\r\n\r\n"
    return [
        *(request(path) for path in ANSWERS),
        *(request(path, method="HEAD") for path in ("/json", "/closes")),
        *(old.format(path) for path in ("/json", "/chunked", "/until-close", "/empty")),
        request("/hang"),
        *(request(path, host="part.test") for path in ("/json", "/json?a=1", "/json/", "/echo")),
        _handshake("/json"),
        _handshake("/empty", protocol="h2c"),
        _handshake("/empty", connection="close"),
        request("http://lab.test/json", host="other.test"),
        request("/echo", method="POST", headers="Content-Length: 3\r\n", body="abc"),
        *(
            request(host=host, headers=headers)
            for host in ("dead.test", "DEAD.test.:8443", "deny.test", "other.test", "é.test")
            for headers in ("", "X-Forwarded-For: 192.0.2.9\r\n")
        ),
        *(
            request(host=host, method="POST", headers="Content-Length: 3\r\n", body="abc")
            for host in ("dead.test", "moved.test")
        ),
        request("/api/sessions?a=é", host="moved.test"),
        request("/x", method="HEAD", host="moved.test"),
        request("http://moved.test/x", host="lab.test"),
        request("/", method="TRACE"),
        request("/" + "a" * 9_000),
        request(headers="X: " + "a" * 9_000),
        request(headers="Content-Length: 1\r\nContent-Length: 1\r\n"),
        request(
            method="POST",
            headers="Transfer-Encoding: chunked\r\nContent-Length: 1\r\n",
            body="1\r\na\r\n0\r\n\r\n",
        ),
        request(headers="Transfer-Encoding: gzip\r\n"),
        request(host="dead.test", headers="no colon\r\n"),
        request(host="dead.test", headers="nocolon\r\n"),
        request(headers=" folded: x\r\n"),
        request(headers="Foo : x\r\n"),
        request(headers="Host: lab.test\r\n"),
        "hello\r\n\r\n",
        "get / HTTP/1.1\r\nHost: lab.test\r\n\r\n",
        "GET / HTTP/2.0\r\nHost: lab.test\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        f"\r\n{ask}Host: dead.test\r\n\r\n",
        f"{ask}Host: dead.test\r\n\r\n".replace("\r\n", "\n"),
    ]


def _handshake(path: str, connection: str = "Upgrade, close", protocol: str = "websocket") -> str:
    return (
        f"GET {path} HTTP/1.1\r\nHost: lab.test\r\nConnection: {connection}\r\n"
        f"Upgrade: {protocol}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )


def _masked(answer: bytes) -> bytes:
    masked = re.sub(rb"Date: [^\r]+ GMT", b"Date: now", answer)
    return re.sub(rb"nginx/[0-9.]+", SERVER.encode(), masked)


@pytest.mark.parametrize("upgrade", [UPGRADE, ""], ids=["with Upgrade", "without"])
def test_both_send_the_same_bytes_both_ways(upgrade: str, tmp_path: Path) -> None:
    async def main() -> None:
        with listening_socket() as sock:
            dead: int = sock.getsockname()[1]
        async with upstream() as behind:
            behaviour = ProxyBehaviour(
                routes={
                    "lab.test": behind.address,
                    "part.test": behind.address,
                    "dead.test": ("127.0.0.1", dead),
                },
                only={"part.test": frozenset({"/json"})},
                deny=frozenset({"deny.test"}),
                redirect={"moved.test": "https://new.test"},
                read_timeout_s=1,
                drop_upgrade=not upgrade,
            )
            async with (
                _nginx(
                    tmp_path, upstream_port=behind.address[1], dead=dead, upgrade=upgrade
                ) as nginx,
                Proxy(behaviour) as proxy,
            ):
                behind.requests.clear()
                different = []
                for case in _cases():
                    expected = _masked(await send(nginx, case))
                    asked = list(behind.requests)
                    behind.requests.clear()
                    found = _masked(await send((proxy.host, proxy.port), case))
                    if (found, behind.requests) != (expected, asked):
                        different.append((case[:80], expected, found, asked, behind.requests[:]))
                    behind.requests.clear()
                assert not different

    run(main())
