"""Systems that are healthy in unusual ways: doctor finds nothing to complain of.

Each of them has a session opened, and closed again.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.findings import Family, Status
from eloquence_ops.lab.plan import LabPlan
from eloquence_ops.lab.services.api import ApiBehaviour, build_api
from eloquence_ops.lab.services.certificates import Authority
from eloquence_ops.lab.services.coach import AgentWorker
from eloquence_ops.lab.services.dns import DnsServer
from eloquence_ops.lab.services.livekit import LivekitBehaviour, build_livekit
from eloquence_ops.lab.services.proxy import Proxy, ProxyBehaviour
from eloquence_ops.lab.services.serving import serving
from eloquence_ops.lab.system import lab
from eloquence_ops.observations import ApiRoutes, HttpExchange, TcpConnect
from eloquence_ops.run.examine import Result, examine
from eloquence_ops.run.recording import read
from eloquence_ops.settings import Value
from tests.network.real_stack import real_stack
from tests.probes.peers import Handler, peer
from tests.real import REQUIRE
from tests.systems.examined import examined, examined_target, misgivings
from tests.systems.proxies import PROXIES, Site, nginx

_API, _LIVEKIT = "api.xn--loquence-90a.test", "livekit.xn--loquence-90a.test"
_PUBLIC_V4, _PUBLIC_V6 = "203.0.113.10", "2001:db8::10"
_HANDED_OUT = f"wss://{_LIVEKIT}"

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]
Wrap = Callable[[App], App]


def assert_healthy(result: Result) -> None:
    """The verdict, and that it was not reached by looking away."""
    assert [(found.id, str(found.subject), found.evidence) for found in misgivings(result)] == []
    assert result.verdict == "healthy"
    assert not result.diagnosis.causes
    passed = {found.check for found in result.findings if found.status is Status.PASS}
    assert passed >= {
        "api.answers",
        "api.identity",
        "api.key",
        "api.session",
        "api.session-close",
        "api.session-url",
        "api.sessions-route",
        "livekit.health",
        "livekit.ready",
        "livekit.site",
        "livekit.token-grant",
        "livekit.upgrade",
        "livekit.version",
        "livekit.join",
        "livekit.agent",
    }
    assert {end.state for end in result.recording.probe_ends} <= {"done", "starved"}


# The services, without and with something in front


@dataclass(frozen=True)
class Services:
    """Ports of the API and of LiveKit."""

    api: int
    livekit: int


@contextlib.asynccontextmanager
async def services(
    behaviour: ApiBehaviour | None = None,
    *,
    host: str = "127.0.0.1",
    handed_out: str = "",
    coaches_at: str = "",
    wrap: Wrap | None = None,
    change: Callable[[FastAPI], FastAPI] | None = None,
) -> AsyncIterator[Services]:
    """Both on `host`. `wrap` is put around each, `change` is done to the API.

    `handed_out` is the address of LiveKit that comes with a session, `coaches_at` the one that
    coaches use; empty: its own plain one.
    """

    def wrapped(app: Any) -> Any:
        return wrap(app) if wrap else app

    stand_in = wrapped(build_livekit(LivekitBehaviour()))
    async with serving(stand_in, host=host, server_header=False) as livekit:
        named = f"[{host}]" if ":" in host else host
        url = handed_out or f"ws://{named}:{livekit.port}"
        async with AgentWorker(coaches_at or f"ws://{named}:{livekit.port}") as agents:
            app = build_api(replace(behaviour or ApiBehaviour(), livekit_url=url), agents)
            changed = change(app) if change else app
            async with serving(wrapped(changed), host=host) as api:
                yield Services(api.port, livekit.port)
        assert app.state.sessions == {}, "a session was left open"


async def plain(found: Services, host: str = "127.0.0.1", *, timeout_s: float = 5.0) -> Result:
    return await examined(
        {"api": f"http://{host}:{found.api}", "livekit": f"ws://{host}:{found.livekit}"},
        timeout_s=timeout_s,
    )


def behind(authority: Authority, dns: DnsServer, place: str, path: str = "") -> dict[str, Value]:
    """The public names as a target, redirected to `place`, where a proxy is."""
    return {
        "api": f"https://{_API}{path}",
        "livekit": _HANDED_OUT,
        "ca": str(authority.root_path),
        "resolver": f"127.0.0.1:{dns.port}",
        "connect_to": (f"{_API}:443={place}", f"{_LIVEKIT}:443={place}"),
    }


def names(*addresses: str) -> DnsServer:
    return DnsServer({_API: addresses, _LIVEKIT: addresses})


# Without a proxy


@pytest.mark.parametrize(
    "behaviour",
    [
        pytest.param(ApiBehaviour(), id="as it is"),
        pytest.param(ApiBehaviour(missing_key_status=403), id="403 for a missing key"),
        pytest.param(ApiBehaviour(generation="both"), id="the old endpoints too"),
    ],
)
def test_plain_http_without_any_proxy(behaviour: ApiBehaviour) -> None:
    async def main() -> Result:
        async with services(behaviour) as found:
            return await plain(found)

    assert_healthy(asyncio.run(main()))


def test_an_api_that_documents_nothing() -> None:
    def undocumented(app: FastAPI) -> FastAPI:
        documents = ("/openapi.json", "/docs", "/docs/oauth2-redirect", "/redoc")
        app.router.routes[:] = [
            route for route in app.router.routes if getattr(route, "path", "") not in documents
        ]
        return app

    async def main() -> Result:
        async with services(change=undocumented) as found:
            return await plain(found)

    result = asyncio.run(main())
    assert_healthy(result)
    assert not list(result.seen.every(ApiRoutes))


def test_an_api_of_many_routes() -> None:
    """Those that matter are among the ones that are kept."""

    async def nothing() -> None:
        return None

    def large(app: FastAPI) -> FastAPI:
        for number in range(300):
            app.add_api_route(f"/admin/{number}", nothing, methods=["DELETE"])
        return app

    async def main() -> Result:
        async with services(ApiBehaviour(generation="both"), change=large) as found:
            return await plain(found)

    result = asyncio.run(main())
    assert_healthy(result)
    listed = next(result.seen.every(ApiRoutes)).routes
    assert {"POST /api/sessions", "POST /api/session/start"} <= set(listed)


def test_everything_is_slow_and_correct() -> None:
    def slow(app: App) -> App:
        async def serve(scope: Message, receive: Receive, send: Send) -> None:
            await asyncio.sleep(1.5)
            await app(scope, receive, send)

        return serve

    async def main() -> Result:
        async with services(wrap=slow) as found:
            return await plain(found, timeout_s=5)

    result = asyncio.run(main())
    assert_healthy(result)
    assert all(seen.duration_s >= 1.5 for seen in result.seen.every(HttpExchange))


def test_ipv6_only_by_address() -> None:
    async def main() -> Result:
        async with services(host="::1") as found:
            return await plain(found, "[::1]")

    result = asyncio.run(main())
    assert_healthy(result)
    assert {seen.family for seen in result.seen.every(TcpConnect)} == {Family.IPV6}


def closing(app: App) -> App:
    """Keep-alive off: every answer ends its connection, and says so."""

    async def serve(scope: Message, receive: Receive, send: Send) -> None:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"connection", b"close")]
            await send(message)

        await app(scope, receive, sent)

    return serve


def test_keep_alive_off() -> None:
    async def main() -> Result:
        async with services(wrap=closing) as found:
            return await plain(found)

    result = asyncio.run(main())
    assert_healthy(result)
    assert all(seen.header("connection") == "close" for seen in result.seen.every(HttpExchange))
    assert all(seen.timings.connect is not None for seen in result.seen.every(HttpExchange))


def as_http10(port: int) -> Handler:
    """What answers at `port` and closes each connection, in the words of HTTP/1.0."""

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, out = await asyncio.open_connection("127.0.0.1", port)
        try:
            out.write(await reader.readuntil(b"\r\n\r\n"))
            asking = asyncio.create_task(_pour(reader, out))
            assert await there.readexactly(8) == b"HTTP/1.1"
            status = await there.readexactly(4)
            # Only HTTP/1.1 can switch to something else (RFC 9110, 7.8).
            writer.write((b"HTTP/1.1" if status == b" 101" else b"HTTP/1.0") + status)
            await _pour(there, writer)
            asking.cancel()
        finally:
            out.close()

    return relay


async def _pour(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(65536):
        sink.write(data)
        await sink.drain()


def test_http_1_0_only() -> None:
    async def main() -> Result:
        stand_in = serving(closing(build_livekit(LivekitBehaviour())), server_header=False)
        async with stand_in as livekit, peer(as_http10(livekit.port)) as old_livekit:
            url = f"ws://127.0.0.1:{old_livekit}"
            async with (
                services(handed_out=url, coaches_at=url, wrap=closing) as found,
                peer(as_http10(found.api)) as old_api,
            ):
                return await plain(Services(old_api, old_livekit))

    result = asyncio.run(main())
    assert_healthy(result)
    assert {seen.http_version for seen in result.seen.every(HttpExchange)} == {"HTTP/1.0"}


# Behind a proxy, with TLS


def test_the_api_listens_on_loopback_and_its_public_name_is_the_target() -> None:
    async def main() -> tuple[Result, str]:
        async with lab(LabPlan()) as system:
            result = await examined_target(system.target)
            return result, system.services["api"]

    result, place = asyncio.run(main())
    assert_healthy(result)
    assert place.startswith("http://127.0.0.1:")
    assert result.seen.target.api is not None
    lookup = result.seen.lookup(result.seen.target.api.host)
    assert lookup is not None
    assert [entry.address for entry in lookup.addresses] == [_PUBLIC_V4]


def test_ipv6_only_by_name(tmp_path: Path) -> None:
    async def main() -> Result:
        authority = Authority(tmp_path)
        certificate = authority.issue((_API, _LIVEKIT))
        async with services(handed_out=_HANDED_OUT) as found, names(_PUBLIC_V6) as dns:
            upstreams = {_API: ("127.0.0.1", found.api), _LIVEKIT: ("127.0.0.1", found.livekit)}
            proxy = Proxy(
                ProxyBehaviour(routes=upstreams),
                certificate=certificate.chain_path,
                key=certificate.key_path,
            )
            await proxy.start(host="::1")
            async with proxy:
                return await examined(behind(authority, dns, f"[::1]:{proxy.port}"))

    result = asyncio.run(main())
    assert_healthy(result)
    assert {seen.family for seen in result.seen.every(TcpConnect)} == {Family.IPV6}


@pytest.mark.real
@pytest.mark.parametrize("proxy", PROXIES)
def test_real_proxies_in_front(proxy: str, tmp_path: Path) -> None:
    """With the real LiveKit behind them, and in CI with nothing less."""
    required = os.environ.get(REQUIRE) == "1"
    stand_in = shutil.which("livekit-server") is None and not required
    record = tmp_path / "run.json"
    with real_stack(proxy=proxy, stand_in=stand_in) as stack:
        code = stack.doctor(record)
    assert_healthy(examine(read(record), catalogue()))
    assert code == 0


def _moved_with_root_path(app: FastAPI) -> FastAPI:
    app.root_path = "/backend"
    return app


def _moved_with_a_router(app: FastAPI) -> FastAPI:
    outer = FastAPI(openapi_url="/backend/openapi.json")
    outer.include_router(app.router, prefix="/backend")
    outer.add_middleware(
        CORSMiddleware, allow_origins=["*"], allow_methods=["*"], allow_headers=["*"]
    )
    return outer


@pytest.mark.real
@pytest.mark.parametrize(
    ("strips", "change"),
    [
        pytest.param(True, None, id="the proxy takes it away"),
        pytest.param(True, _moved_with_root_path, id="root_path and the proxy takes it away"),
        pytest.param(False, _moved_with_root_path, id="root_path"),
        pytest.param(False, _moved_with_a_router, id="the routes have it"),
    ],
)
def test_a_prefix_on_purpose(
    strips: bool, change: Callable[[FastAPI], FastAPI] | None, tmp_path: Path
) -> None:
    result = asyncio.run(_behind_nginx(tmp_path, path="/backend", strips=strips, change=change))
    assert_healthy(result)
    opened = next(s for s in result.seen.every(HttpExchange) if s.purpose == "session-open")
    assert opened.path == "/backend/api/sessions"


@pytest.mark.real
def test_a_prefix_that_the_address_lacks_is_named(tmp_path: Path) -> None:
    result = asyncio.run(_behind_nginx(tmp_path, path="/backend", asked_at=""))
    found = {finding.id: finding for finding in result.findings}
    assert found["api.prefix.found"].evidence == {"path": "/backend/api/sessions"}
    assert {entry.cause.id for entry in result.diagnosis.causes} == {"api-path-prefix"}
    assert result.diagnosis.unexplained == ()


@pytest.mark.real
def test_nginx_as_it_comes_speaks_http_1_0_to_the_api(tmp_path: Path) -> None:
    assert_healthy(asyncio.run(_behind_nginx(tmp_path, plain_upstream=True)))


async def _behind_nginx(
    folder: Path,
    *,
    path: str = "",
    strips: bool = True,
    plain_upstream: bool = False,
    change: Callable[[FastAPI], FastAPI] | None = None,
    asked_at: str | None = None,
) -> Result:
    """`asked_at`: the path in the address, where it is not the one of the site."""
    authority = Authority(folder / "ca")
    certificate = authority.issue((_API, _LIVEKIT))
    asked = path if asked_at is None else asked_at
    async with (
        services(handed_out=_HANDED_OUT, change=change) as found,
        names(_PUBLIC_V4) as dns,
    ):
        sites = (
            Site(_API, found.api, prefix=path, strips=strips, plain_upstream=plain_upstream),
            Site(_LIVEKIT, found.livekit),
        )
        with nginx(folder, certificate, sites) as port:
            return await examined(behind(authority, dns, f"127.0.0.1:{port}", asked))
