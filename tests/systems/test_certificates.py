"""Certificates behind the real nginx, Caddy and HAProxy: each fault is called by its name, what is
merely unusual is not complained of, and OpenSSL's own client agrees on every one."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.checks.engine import judge_all
from eloquence_ops.checks.seen import Asked, Seen
from eloquence_ops.checks.tls_websocket import websocket
from eloquence_ops.endpoints import Endpoint
from eloquence_ops.findings import Family
from eloquence_ops.lab.services.certificates import Authority, IssuedCertificate
from eloquence_ops.lab.services.livekit import LivekitBehaviour, build_livekit
from eloquence_ops.observations import AddressLookup, TcpConnect, WebsocketOffer
from eloquence_ops.observations.names import Address
from eloquence_ops.probes.road import Road
from eloquence_ops.probes.tls import client_context, given_roots, handshake
from eloquence_ops.probes.websocket_offer import OFFERS, ask
from eloquence_ops.secrets import Redactor
from eloquence_ops.settings import Target
from tests.cli.labs import served as served_here
from tests.real import require
from tests.systems.proxies import PROXIES, Site, free_port

NAME = "api.xn--loquence-90a.test"
NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)
END = b"-----END CERTIFICATE-----\n"

pytestmark = pytest.mark.real


def rewritten(issued: IssuedCertificate, *order: int, also: bytes = b"") -> IssuedCertificate:
    """With the certificates of its file in another order, and something besides."""
    parts = [part + END for part in issued.chain_path.read_bytes().split(END) if part.strip()]
    issued.chain_path.write_bytes(b"".join(parts[place] for place in order) + also)
    return issued


def stranger(folder: Path) -> Authority:
    return Authority(folder / "stranger", name="Stranger")


Make = Callable[[Authority], IssuedCertificate]

FAULTS: dict[str, tuple[Make, str]] = {
    "leaf-alone": (lambda ca: ca.issue([NAME], include_intermediate=False), "chain.incomplete"),
    "expired": (lambda ca: ca.issue([NAME], not_after=NOW - DAY), "handshake.expired"),
    "expired-a-second-ago": (
        lambda ca: ca.issue([NAME], not_after=NOW - timedelta(seconds=2)),
        "handshake.expired",
    ),
    "to-come": (
        lambda ca: ca.issue([NAME], not_before=NOW + DAY, not_after=NOW + 9 * DAY),
        "handshake.not-yet-valid",
    ),
    "look-alike": (lambda ca: ca.issue(["api.eloquence.test"]), "names.look-alike"),
    "other-site": (lambda ca: ca.issue(["www.other.test"]), "names.others"),
    "wildcard-one-level-up": (lambda ca: ca.issue(["*.test"]), "names.others"),
    "wildcard-of-the-look-alike": (lambda ca: ca.issue(["*.eloquence.test"]), "names.look-alike"),
    "unknown-authority": (lambda ca: stranger(ca.folder).issue([NAME]), "chain.unknown-root"),
    "unknown-authority-with-its-root": (
        lambda ca: rewritten(
            (other := stranger(ca.folder)).issue([NAME]), 0, 1, also=other.root_path.read_bytes()
        ),
        "chain.untrusted-root",
    ),
    "intermediate-of-another": (
        lambda ca: rewritten(ca.issue([NAME]), 0, also=ca.root_path.read_bytes()),
        "chain.incomplete",
    ),
    "renewal-overdue": (
        lambda ca: ca.issue([NAME], not_before=NOW - 85 * DAY, not_after=NOW + 5 * DAY),
        "expiry.overdue",
    ),
    "six-days-nearly-over": (
        lambda ca: ca.issue([NAME], not_before=NOW - 5.5 * DAY, not_after=NOW + 0.5 * DAY),
        "expiry.overdue",
    ),
}
# What is a warning has not come to pass: OpenSSL, and every client, still takes it.
WARNINGS = {"expiry.overdue"}

ODDITIES: dict[str, Make] = {
    "plain": lambda ca: ca.issue([NAME]),
    "six-days-on-its-second": lambda ca: ca.issue(
        [NAME], not_before=NOW - 2 * DAY, not_after=NOW + 4 * DAY
    ),
    "ten-years": lambda ca: ca.issue([NAME], not_before=NOW - DAY, not_after=NOW + 3640 * DAY),
    "wildcard": lambda ca: ca.issue(["*.xn--loquence-90a.test"]),
    "many-names": lambda ca: ca.issue([*(f"n{number}.test" for number in range(40)), NAME]),
    "with-an-address": lambda ca: ca.issue([NAME, "127.0.0.1", "::1"]),
    "with-its-root": lambda ca: rewritten(ca.issue([NAME]), 0, 1, also=ca.root_path.read_bytes()),
    "root-in-the-middle": lambda ca: rewritten(
        rewritten(ca.issue([NAME]), 0, 1, also=ca.root_path.read_bytes()), 0, 2, 1
    ),
    "intermediate-twice": lambda ca: rewritten(ca.issue([NAME]), 0, 1, 1),
    "with-a-stranger": lambda ca: rewritten(
        ca.issue([NAME]), 0, 1, also=stranger(ca.folder).root_path.read_bytes()
    ),
}


def served(proxy: str, made: Make, folder: Path) -> tuple[set[str], bool]:
    """The problems found, without their area, and whether OpenSSL's client takes it."""
    authority = Authority(folder / "ca")
    certificate = made(authority)
    folder.chmod(0o755)
    sites = [Site(NAME, free_port())]
    with PROXIES[proxy](folder, certificate, sites) as port:
        problems = asyncio.run(found(port, authority.root_path))
        return problems, openssl_takes(port, authority.root_path)


async def found(port: int, root: Path) -> set[str]:
    endpoint = Endpoint("https", NAME, 443)
    made, chain = await handshake(
        Road(endpoint, Family.IPV4, "127.0.0.1", port),
        context=client_context(str(root)),
        timeout_s=5.0,
        started=time.monotonic(),
        given=given_roots(str(root)),
    )
    assert chain is not None, made
    lookup = AddressLookup(
        host=NAME,
        resolver="system",
        outcome="found",
        addresses=(Address(family=Family.IPV4, address="127.0.0.1"),),
    )
    tcp = TcpConnect(
        endpoint=str(endpoint),
        family=Family.IPV4,
        address="127.0.0.1",
        port=port,
        outcome="connected",
    )
    asked = Asked(frozenset({"tls"}), addresses=(endpoint,))
    seen = Seen(Target("t"), asked, datetime.now(UTC), (lookup, tcp, made, chain))
    findings = judge_all(seen, catalogue())
    return {finding.id.removeprefix("tls.") for finding in findings if finding.status.is_problem}


def openssl_takes(port: int, root: Path) -> bool:
    words = ["s_client", "-connect", f"127.0.0.1:{port}", "-servername", NAME, "-brief"]
    verifying = ["-verify_hostname", NAME, "-verify_return_error", "-CAfile", str(root)]
    done = subprocess.run(
        [require("openssl"), *words, *verifying],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=20,
    )
    return done.returncode == 0


@pytest.mark.parametrize("proxy", PROXIES)
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_called_by_its_name(name: str, proxy: str, tmp_path: Path) -> None:
    made, expected = FAULTS[name]
    problems, is_taken = served(proxy, made, tmp_path)
    assert expected in problems
    assert is_taken == (expected in WARNINGS)
    kinds = {problem.partition(".")[0] for problem in problems}
    assert kinds <= {"handshake", expected.partition(".")[0]}


@pytest.mark.parametrize("proxy", PROXIES)
@pytest.mark.parametrize("name", ODDITIES)
def test_what_is_merely_unusual_is_no_fault(name: str, proxy: str, tmp_path: Path) -> None:
    assert served(proxy, ODDITIES[name], tmp_path) == (set(), True)


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
