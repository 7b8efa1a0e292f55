"""Who wrote an answer, judged on what real proxies write when the service behind them fails."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Final

import pytest

from eloquence_ops.checks.fingerprints import author, gateway_outcome, is_foreign
from eloquence_ops.endpoints import Endpoint
from eloquence_ops.findings import Family
from eloquence_ops.lab.services.listening import refusing_socket
from eloquence_ops.observations import HttpExchange
from eloquence_ops.probes.http import HttpClient, HttpRequest
from eloquence_ops.probes.road import Road
from eloquence_ops.secrets import Redactor
from tests.probes.peers import peer
from tests.real import require
from tests.systems.proxies import free_port, running

pytestmark = pytest.mark.real

_Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
# Shorter than the client waits, so that it is the proxy that gives up.
_CADDY: Final = """
{{
  admin off
  auto_https off
}}
http://lab.test:{port} {{
  bind 127.0.0.1
  reverse_proxy 127.0.0.1:{upstream} {{
    transport http {{
      response_header_timeout 1s
    }}
  }}
}}
"""
_HAPROXY: Final = """
defaults
  mode http
  timeout connect 1s
  timeout client 30s
  timeout server 1s
frontend plain
  bind 127.0.0.1:{port}
  use_backend lab if {{ req.hdr(host),field(1,:) -i lab.test }}
backend lab
  server s 127.0.0.1:{upstream}
"""


async def closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.close()


async def hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


async def is_no_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"220 mail ready\r\n\r\n")
    writer.close()


async def says_uvicorns_500(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    body = b"Internal Server Error"
    writer.write(
        b"HTTP/1.1 500 Internal Server Error\r\nserver: uvicorn\r\n"
        b"content-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\n\r\n%s"
        % (len(body), body)
    )
    writer.close()


@contextlib.asynccontextmanager
async def upstream(serve: _Serve | None) -> AsyncIterator[int]:
    """The port behind the proxy; without anybody to serve, one that refuses."""
    if serve is None:
        with refusing_socket() as nobody:
            yield nobody.getsockname()[1]
    else:
        async with peer(serve) as port:
            yield port


async def asked(proxy: str, folder: Path, serve: _Serve | None, host: str) -> HttpExchange:
    """What the proxy answers for this host."""
    program, port = require(proxy), free_port()
    conf = folder / ("Caddyfile" if proxy == "caddy" else "haproxy.cfg")
    command = {
        "caddy": [program, "run", "--config", str(conf), "--adapter", "caddyfile"],
        "haproxy": [program, "-db", "-f", str(conf)],
    }[proxy]
    async with upstream(serve) as behind:
        template = _CADDY if proxy == "caddy" else _HAPROXY
        conf.write_text(template.format(port=port, upstream=behind), encoding="utf-8")
        with contextlib.ExitStack() as stack:
            await asyncio.to_thread(stack.enter_context, running(command, port, home=folder))
            road = Road(Endpoint("http", host, port), Family.IPV4, "127.0.0.1", port)
            client = HttpClient(
                road, tls=None, redactor=Redactor(), timeout_s=10.0, started=time.monotonic()
            )
            async with client:
                return (await client.send(HttpRequest("root", "GET", "/"))).observation


@pytest.mark.parametrize(
    ("proxy", "serve", "status", "apology"),
    [
        ("caddy", None, 502, "bad-gateway"),
        ("caddy", closes, 502, "bad-gateway"),
        ("caddy", is_no_http, 502, "bad-gateway"),
        ("caddy", hangs, 504, "gateway-timeout"),
        ("haproxy", None, 503, "bad-gateway"),
        ("haproxy", closes, 502, "bad-gateway"),
        ("haproxy", is_no_http, 502, "bad-gateway"),
        ("haproxy", hangs, 504, "gateway-timeout"),
    ],
)
def test_a_proxys_apology_is_the_proxys(
    proxy: str, serve: _Serve | None, status: int, apology: str, tmp_path: Path
) -> None:
    seen = asyncio.run(asked(proxy, tmp_path, serve, "lab.test"))
    assert (seen.status, author(seen), gateway_outcome(seen)) == (status, proxy, apology)


def test_caddy_without_a_site_is_caddys_empty_200(tmp_path: Path) -> None:
    seen = asyncio.run(asked("caddy", tmp_path, None, "other.test"))
    assert (seen.status, seen.body, author(seen)) == (200, "", "caddy")
    assert gateway_outcome(seen) is None
    assert is_foreign(seen)


def test_haproxy_without_a_backend_is_haproxys_503(tmp_path: Path) -> None:
    seen = asyncio.run(asked("haproxy", tmp_path, None, "other.test"))
    assert (seen.status, author(seen), gateway_outcome(seen)) == (503, "haproxy", "bad-gateway")


@pytest.mark.parametrize("proxy", ["caddy", "haproxy"])
def test_the_services_own_500_stays_its_own_behind_a_proxy(proxy: str, tmp_path: Path) -> None:
    seen = asyncio.run(asked(proxy, tmp_path, says_uvicorns_500, "lab.test"))
    assert (seen.status, author(seen), gateway_outcome(seen)) == (500, "app", None)
