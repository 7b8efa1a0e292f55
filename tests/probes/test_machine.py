"""Routes of this machine, and proxies that let through, refuse, or are no proxies."""

from __future__ import annotations

import asyncio
import base64
import ssl
import subprocess
import sys
import time
from pathlib import Path

import pytest

from eloquence_ops.endpoints import Endpoint
from eloquence_ops.findings import Family
from eloquence_ops.observations import ProxyTrial
from eloquence_ops.probes import machine
from eloquence_ops.secrets import Redactor
from tests.probes.authority import Authority
from tests.probes.peers import Handler, free_port, peer, repeats, request_head, says, silent
from tests.probes.test_tcp import can_make_namespaces

PLAIN = Endpoint("http", "api.test", 8083)
SECURE = Endpoint("https", "api.test", 443)


def test_proxy_variables_are_named_and_never_told() -> None:
    environ = {"HTTPS_PROXY": "http://me:hunter2@p.test", "http_proxy": "x", "ALL_PROXY": ""}
    seen = machine.network(environ=environ, started=time.monotonic())
    assert seen.proxy_variables == ("http_proxy", "HTTPS_PROXY")
    assert "hunter2" not in seen.model_dump_json()


def test_a_source_that_cannot_be_answered_leads_nowhere() -> None:
    assert not machine.leads_out(Family.IPV4, "127.0.0.1")
    assert not machine.leads_out(Family.IPV6, "::1")
    assert not machine.leads_out(Family.IPV4, "nonsense")


@pytest.mark.skipif(not can_make_namespaces(), reason="needs unshare -rn and ip (iproute2)")
@pytest.mark.parametrize(
    ("setup", "routes"),
    [
        ("", ""),
        ("ip link set lo up", ""),
        ("ip addr add 198.51.100.1/24 dev v0; ip route add default dev v0", "ipv4"),
        ("ip addr add 2001:db8:1::1/64 dev v0 nodad; ip -6 route add default dev v0", "ipv6"),
        ("ip addr add fe80::5/64 dev v0 nodad; ip -6 route add default dev v0", ""),
    ],
)
def test_routes(setup: str, routes: str) -> None:
    link = "ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up"
    script = (
        "from eloquence_ops.probes import machine\n"
        "print(*machine.network(environ={}, started=0.0).routes)\n"
    )
    shell = f'set -e; {link}; {setup or "true"}; exec "$0" -c "$1"'
    command = ["unshare", "-rn", "sh", "-c", shell, sys.executable, script]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == routes


@pytest.mark.parametrize(
    ("endpoint", "environ", "expected"),
    [
        (PLAIN, {}, None),
        (PLAIN, {"HTTP_PROXY": "http://p:1"}, ("HTTP_PROXY", "http://p:1")),
        (PLAIN, {"HTTP_PROXY": "a", "http_proxy": "b"}, ("http_proxy", "b")),
        (PLAIN, {"HTTP_PROXY": "a", "http_proxy": ""}, None),
        (PLAIN, {"HTTPS_PROXY": "a"}, None),
        (SECURE, {"HTTPS_PROXY": "a", "HTTP_PROXY": "b"}, ("HTTPS_PROXY", "a")),
        (SECURE, {"ALL_PROXY": "a"}, ("ALL_PROXY", "a")),
        (SECURE, {"ALL_PROXY": "a", "https_proxy": "b"}, ("https_proxy", "b")),
        (Endpoint("wss", "a.test", 443), {"https_proxy": "b"}, ("https_proxy", "b")),
        (Endpoint("ws", "a.test", 80), {"http_proxy": "b"}, ("http_proxy", "b")),
        (SECURE, {"HTTPS_PROXY": "  "}, None),
    ],
)
def test_which_variable_applies(
    endpoint: Endpoint, environ: dict[str, str], expected: tuple[str, str] | None
) -> None:
    assert machine.proxy_for(endpoint, environ) == expected


@pytest.mark.parametrize(
    ("no_proxy", "host", "exempt"),
    [
        ("*", "api.test", True),
        ("other.test, *", "api.test", True),
        ("api.test", "api.test", True),
        ("API.Test ", "api.test", True),
        (".test", "api.test", True),
        ("test", "api.test", True),
        ("pi.test", "api.test", False),
        ("api.test:8083", "api.test", True),
        ("api.test:9000", "api.test", False),
        ("", "api.test", False),
        (",,", "api.test", False),
        ("éloquence.test", "xn--loquence-90a.test", True),
        (".éloquence.test", "api.xn--loquence-90a.test", True),
        ("bad…name..", "api.test", False),
        ("192.0.2.0/24", "192.0.2.7", True),
        ("192.0.2.0/24", "192.0.3.7", False),
        ("192.0.2.0/99", "192.0.2.7", False),
        ("::1", "::1", True),
        ("[::1]", "::1", True),
        ("2001:db8::/32", "2001:db8::5", True),
    ],
)
def test_no_proxy(no_proxy: str, host: str, exempt: bool) -> None:
    environ = {"http_proxy": "p", "NO_PROXY": no_proxy}
    assert (machine.proxy_for(Endpoint("http", host, 8083), environ) is None) is exempt


def tried(
    handler: Handler,
    endpoint: Endpoint,
    context: ssl.SSLContext,
    *,
    login: str = "",
    timeout_s: float = 3.0,
) -> ProxyTrial:
    async def story() -> ProxyTrial:
        async with peer(handler) as port:
            return await attempt(endpoint, f"http://{login}127.0.0.1:{port}", context, timeout_s)

    return asyncio.run(story())


async def attempt(
    endpoint: Endpoint, url: str, context: ssl.SSLContext, timeout_s: float = 3.0
) -> ProxyTrial:
    return await machine.trial(
        endpoint,
        "HTTP_PROXY",
        url,
        context=context,
        timeout_s=timeout_s,
        started=time.monotonic(),
        redactor=Redactor(),
    )


def test_a_proxy_that_forwards(trusting: ssl.SSLContext) -> None:
    heads: list[bytes] = []

    async def forwards(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await request_head(reader))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n")
        await writer.drain()
        await reader.read()

    seen = tried(forwards, Endpoint("ws", "api.test", 8083, "/base"), trusting)
    assert (seen.outcome, seen.status, seen.detail) == ("answered", 200, "")
    assert (seen.endpoint, seen.variable) == ("ws://api.test:8083/base", "HTTP_PROXY")
    assert heads[0].startswith(b"GET http://api.test:8083/base/ HTTP/1.1")
    assert b"authorization" not in heads[0].lower()


@pytest.mark.parametrize(
    ("answer", "outcome", "status", "detail"),
    [
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "answered", 502, ""),
        (b"HTTP/1.1 407 Login\r\n\r\n", "failed", None, "407"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n", "answered", 302, ""),
        (b"garbage\r\n\r\n", "failed", None, ""),
        (b"", "failed", None, ""),
    ],
)
def test_plain_http_through_a_proxy(
    answer: bytes, outcome: str, status: int | None, detail: str, trusting: ssl.SSLContext
) -> None:
    seen = tried(says(answer), PLAIN, trusting)
    assert (seen.outcome, seen.status) == (outcome, status)
    assert detail in seen.detail
    assert bool(seen.detail) is (outcome == "failed")


@pytest.mark.parametrize("status", [407, 403, 502, 503, 504])
def test_a_proxy_that_refuses_to_connect(status: int, trusting: ssl.SSLContext) -> None:
    seen = tried(says(b"HTTP/1.1 %d \x1b[2JNo\r\n\r\n" % status), SECURE, trusting)
    assert (seen.outcome, seen.status) == ("failed", None)
    assert str(status) in seen.detail
    assert seen.detail.isprintable()


def tunnels(upstream: int) -> Handler:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_head(reader)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", upstream)

        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            while data := await source.read(65536):
                sink.write(data)
                await sink.drain()

        try:
            await asyncio.gather(pump(reader, there_writer), pump(there_reader, writer))
        finally:
            there_writer.transport.abort()

    return handler


@pytest.mark.parametrize(("trusted", "outcome"), [(True, "answered"), (False, "failed")])
def test_tls_through_a_tunnel_is_verified_end_to_end(
    trusted: bool, outcome: str, authority: Authority, trusting: ssl.SSLContext, tmp_path: Path
) -> None:
    async def story() -> ProxyTrial:
        server = (authority if trusted else Authority("Nobody")).leaf("api.test").context(tmp_path)
        async with (
            peer(says(b"HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n"), tls=server) as upstream,
            peer(tunnels(upstream)) as port,
        ):
            return await attempt(SECURE, f"127.0.0.1:{port}", trusting)

    seen = asyncio.run(story())
    assert (seen.outcome, seen.status) == (outcome, 404 if trusted else None)
    assert trusted or "certificate" in seen.detail


@pytest.mark.parametrize("handler", [silent, repeats(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 100)])
def test_a_proxy_that_never_ends_is_given_up(handler: Handler, trusting: ssl.SSLContext) -> None:
    begun = time.monotonic()
    for endpoint in (PLAIN, SECURE):
        seen = tried(handler, endpoint, trusting, timeout_s=0.7)
        assert (seen.outcome, seen.status) == ("failed", None)
        assert seen.detail
    assert time.monotonic() - begun < 10


def test_a_proxy_that_is_not_there(trusting: ssl.SSLContext) -> None:
    port = free_port()
    seen = asyncio.run(attempt(PLAIN, f"http://127.0.0.1:{port}", trusting))
    assert (seen.outcome, seen.proxy) == ("failed", f"127.0.0.1:{port}")
    assert "ECONNREFUSED" in seen.detail


def test_a_login_reaches_the_proxy_and_nothing_else(trusting: ssl.SSLContext) -> None:
    heads: list[bytes] = []
    basic = base64.b64encode(b"me:hunter2/x").decode()

    async def echoes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await request_head(reader))
        writer.write(f"HTTP/1.1 407 no hunter2/x for you, Basic {basic}\r\n\r\n".encode())
        await writer.drain()

    seen = tried(echoes, SECURE, trusting, login="me:hunter2%2Fx@")
    assert f"basic {basic}".encode().lower() in heads[0].lower()
    assert seen.proxy.startswith("127.0.0.1:")
    text = seen.model_dump_json()
    assert "hunter2" not in text
    assert basic not in text
    assert "407" in seen.detail


@pytest.mark.parametrize(
    "url",
    [
        "http://",
        "http://me:hunter2@",
        "http://me:hunter2",
        "http://me:12/hunter2@p.test:3128",
        "http://me:12?hunter2@p.test",
        "http://me:12#hunter2@p.test",
        "http://me:hunter2@p.test:99999",
        "http://me:hunter2@[::1",
        "http://me:hunter2@bad host",
        "ftp://me:hunter2@p.test",
        "://",
        "\x1b[2J",
    ],
)
def test_a_malformed_proxy_url_fails_without_being_told(url: str, trusting: ssl.SSLContext) -> None:
    seen = asyncio.run(attempt(PLAIN, url, trusting))
    assert (seen.outcome, seen.proxy) == ("failed", "")
    text = seen.model_dump_json()
    assert "hunter2" not in text
    assert "12" not in seen.detail


def test_a_socks_proxy_is_not_blamed(trusting: ssl.SSLContext) -> None:
    seen = asyncio.run(attempt(PLAIN, "socks5h://me:hunter2@p.test", trusting))
    assert (seen.outcome, seen.proxy) == ("not-tried", "p.test:1080")
    assert "hunter2" not in seen.model_dump_json()
