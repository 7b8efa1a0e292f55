"""Which versions a server takes, asked of OpenSSL's own."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from eloquence_ops.endpoints import Endpoint
from eloquence_ops.findings import Family
from eloquence_ops.lab.services.certificates import Authority
from eloquence_ops.observations import TlsVersions
from eloquence_ops.probes.road import Road
from eloquence_ops.probes.tls_versions import VERSIONS, ask
from tests.probes.peers import Handler, closes_at_once, peer, resets, silent
from tests.real import require
from tests.systems.proxies import free_port, running

NAME = "api.xn--loquence-90a.test"


async def asked(port: int, timeout_s: float = 3.0) -> TlsVersions:
    road = Road(Endpoint("https", NAME, 443), Family.IPV4, "127.0.0.1", port)
    return await ask(road, timeout_s=timeout_s, started=time.monotonic())


@pytest.mark.real
@pytest.mark.parametrize(
    ("switched", "taken"),
    [
        ((), ("1.0", "1.1", "1.2", "1.3")),
        (("-no_tls1", "-no_tls1_1"), ("1.2", "1.3")),
        (("-tls1_3",), ("1.3",)),
        (("-tls1_2",), ("1.2",)),
        (("-tls1_1",), ("1.1",)),
        (("-tls1",), ("1.0",)),
    ],
)
def test_each_version_is_offered_alone(
    switched: tuple[str, ...], taken: tuple[str, ...], tmp_path: Path
) -> None:
    shown = Authority(tmp_path / "ca").issue([NAME])
    port = free_port()
    files = ("-cert", str(shown.chain_path), "-key", str(shown.key_path))
    words = ("s_server", "-www", "-cipher", "ALL:@SECLEVEL=0", "-accept", str(port), *files)
    with running([require("openssl"), *words, *switched], port):
        seen = asyncio.run(asked(port))
    assert seen.taken == taken
    assert seen.refused == tuple(name for name in VERSIONS if name not in taken)
    assert seen.unknown == ()


@pytest.mark.parametrize(
    ("handler", "state"),
    [
        (closes_at_once, "refused"),
        (resets, "refused"),
        (silent, "unknown"),
    ],
)
def test_what_speaks_no_tls_takes_none(handler: Handler, state: str) -> None:
    async def run() -> TlsVersions:
        async with peer(handler) as port:
            return await asked(port, timeout_s=0.5)

    seen = asyncio.run(run())
    assert (seen.taken, getattr(seen, state)) == ((), tuple(VERSIONS))


def test_where_nobody_listens_nothing_is_known() -> None:
    assert asyncio.run(asked(free_port())).unknown == tuple(VERSIONS)
