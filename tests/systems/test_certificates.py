"""TLS ends of the real nginx, Caddy and HAProxy: each fault is called by its cause and by no other,
what is merely unusual is not complained of, and OpenSSL's own client agrees on every chain."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeGuard

import pytest

from eloquence_ops.checks.seen import Asked, Seen
from eloquence_ops.checks.tls_websocket import websocket
from eloquence_ops.endpoints import Endpoint
from eloquence_ops.findings import Family
from eloquence_ops.lab.services.certificates import Authority
from eloquence_ops.lab.services.livekit import LivekitBehaviour, build_livekit
from eloquence_ops.observations import AddressAnswer, TlsHandshake, WebsocketOffer
from eloquence_ops.probes.road import Road
from eloquence_ops.probes.tls import client_context
from eloquence_ops.probes.websocket_offer import OFFERS, ask
from eloquence_ops.run.examine import Result
from eloquence_ops.secrets import Redactor
from eloquence_ops.settings import Target
from tests.cli.labs import served as served_here
from tests.systems import authority
from tests.systems.proxies import PROXIES, Site
from tests.systems.tls_matrix import Case, Served, made, serving
from tests.systems.tls_offers import FAULTS, ODDITIES, Fault, Oddity
from tests.systems.tls_strangers import STRANGERS, listening

NAME = "api.xn--loquence-90a.test"
NOW = datetime.now(UTC).replace(microsecond=0)

pytestmark = pytest.mark.real

# s_client falls back to the subject where no other name is there, and has no option against it; no
# client of today does (RFC 9525, 6.3), OpenSSL's library neither where it is told so.
_OPENSSL_TAKES_IT_ALONE: Final = frozenset({"common-name-only"})

ROWS: Final[Mapping[str, Fault | Oddity]] = {**FAULTS, **ODDITIES}

Of = Callable[[str, str], Served]


def each(rows: Mapping[str, Fault | Oddity]) -> pytest.MarkDecorator:
    """Every row on every server that can serve it."""
    return pytest.mark.parametrize(
        ("server", "label"),
        [(server, label) for label, row in rows.items() for server in row.manner.servers],
    )


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    folder = tmp_path_factory.mktemp("matrix")
    folder.chmod(0o755)
    return [made(label, row, folder) for label, row in ROWS.items()]


@pytest.fixture(scope="module")
def of(cases: list[Case], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Of]:
    """A case on a server; each server is started when the first of its cases is asked for."""
    folder = tmp_path_factory.mktemp("servers")
    folder.chmod(0o755)
    started: dict[str, dict[str, Served]] = {}
    with contextlib.ExitStack() as stack:
        (livekit,) = stack.enter_context(served_here(build_livekit(LivekitBehaviour())))

        def served(server: str, label: str) -> Served:
            if server not in started:
                own = serving(server, cases, folder / server, livekit)
                started[server] = stack.enter_context(own)
            return started[server][label]

        yield served


def test_the_matrix_is_as_large_as_it_is_said_to_be() -> None:
    assert len(FAULTS) >= 45
    assert len(ODDITIES) >= 25
    assert len(ROWS) == len(FAULTS) + len(ODDITIES)


@each(FAULTS)
def test_a_fault_is_called_by_its_cause_and_no_other(server: str, label: str, of: Of) -> None:
    _is_called(of(server, label).result, FAULTS[label].cause, FAULTS[label].finding)


def _is_called(result: Result, cause: str, finding: str) -> None:
    problems = {found.id for found in result.problems}
    assert [found.id for found in result.findings if found.status == "error"] == []
    assert f"tls.{finding}" in problems
    assert [chosen.cause.id for chosen in result.diagnosis.causes] == [cause], problems
    assert result.diagnosis.unexplained == ()


def test_an_intermediate_that_is_still_to_come_is_the_one_that_is_told(of: Of) -> None:
    result = of("nginx", "intermediate-to-come").result
    (told,) = (found for found in result.findings if found.id == "tls.handshake.not-yet-valid")
    assert told.evidence["not_before"] == f"{authority.NOW + authority.DAY:%Y-%m-%d %H:%M} UTC"
    assert "tls.chain.link-expired" not in {found.id for found in result.findings}


@each(ODDITIES)
def test_what_is_merely_unusual_is_no_fault(server: str, label: str, of: Of) -> None:
    result = of(server, label).result
    assert [found.id for found in result.problems] == []
    assert result.verdict == "healthy"


@each(ROWS)
def test_openssl_agrees(server: str, label: str, of: Of) -> None:
    """Of every address, on whether it can be connected to."""
    served = of(server, label)
    tried = filter(_is_handshake, served.result.recording.observations)
    ours = {one.address: one.outcome == "ok" for one in tried}
    theirs = served.taken_by_openssl()
    if label in _OPENSSL_TAKES_IT_ALONE:
        assert set(theirs.values()) == {True}
        assert set(ours.values()) == {False}
    else:
        assert ours == theirs


@pytest.mark.parametrize("label", STRANGERS)
def test_what_is_no_server_of_ours_is_told(label: str, tmp_path: Path) -> None:
    with listening(label, tmp_path) as served:
        stranger = STRANGERS[label]
        _is_called(served.result, stranger.cause, stranger.finding)
        assert set(served.taken_by_openssl().values()) == {False}


def _is_handshake(observation: object) -> TypeGuard[TlsHandshake | AddressAnswer]:
    return isinstance(observation, TlsHandshake | AddressAnswer)


@pytest.mark.parametrize("proxy", PROXIES)
def test_websockets_open_through_each_proxy_whatever_is_offered(proxy: str, tmp_path: Path) -> None:
    """As packaged, Caddy and HAProxy choose HTTP/2, and only HAProxy takes websockets over it."""
    authority = Authority(tmp_path / "ca")
    certificate = authority.issue([NAME])
    tmp_path.chmod(0o755)

    async def offers(port: int) -> list[WebsocketOffer]:
        road = Road(Endpoint("wss", NAME, 443), Family.IPV4, "127.0.0.1", port)
        return [
            await ask(
                road,
                offered,
                context=client_context(str(authority.root_path)),
                redactor=Redactor(),
                timeout_s=5.0,
                started=time.monotonic(),
            )
            for offered in OFFERS
        ]

    with (
        served_here(build_livekit(LivekitBehaviour())) as (behind,),
        PROXIES[proxy](tmp_path, certificate, [Site(NAME, behind)]) as port,
    ):
        seen = asyncio.run(offers(port))
    assert [(one.offered, one.status) for one in seen[:2]] == [((), 401), (("http/1.1",), 401)]
    over_http2 = {"nginx": "answered", "caddy": "no-http2-websocket", "haproxy": "answered"}
    assert seen[2].outcome == over_http2[proxy]
    asked = Asked(frozenset({"tls"}))
    run = Seen(Target("t"), asked, NOW, tuple(seen))
    expected = "http1-only" if proxy == "caddy" else "ok"
    assert [verdict.outcome for verdict in websocket(Endpoint("wss", NAME, 443), run)] == [expected]
