"""Whether an OCSP answer is stapled, asked of OpenSSL's own server."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp

from eloquence_ops.endpoints import Endpoint
from eloquence_ops.findings import Family
from eloquence_ops.lab.services.certificates import Authority, IssuedCertificate
from eloquence_ops.observations import StapleAnswer
from eloquence_ops.probes.road import Road
from eloquence_ops.probes.staple import _read, ask
from eloquence_ops.secrets import Redactor
from tests.real import require
from tests.systems.proxies import free_port, running

pytestmark = pytest.mark.real
NAME = "api.xn--loquence-90a.test"
NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)


def answer(authority: Authority, status: ocsp.OCSPCertStatus, until: datetime) -> bytes:
    """As the authority itself would give it."""
    builder = ocsp.OCSPResponseBuilder().add_response(
        issued(authority).certificate,
        authority.intermediate,
        hashes.SHA256(),
        status,
        until - 2 * DAY,
        until,
        until - 3 * DAY if status is ocsp.OCSPCertStatus.REVOKED else None,
        None,
    )
    signer = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, authority.intermediate)
    made = signer.sign(authority._issuer_key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.DER)


def issued(authority: Authority) -> IssuedCertificate:
    return authority.issue([NAME], must_staple=True)


@contextlib.contextmanager
def shown(one: IssuedCertificate, *more: str) -> Iterator[int]:
    port = free_port()
    files = ("-cert", str(one.chain_path), "-key", str(one.key_path))
    command = [require("openssl"), "s_server", "-www", "-accept", str(port), *files, *more]
    with running(command, port):
        yield port


def road(port: int) -> Road:
    return Road(Endpoint("https", NAME, 443), Family.IPV4, "127.0.0.1", port)


def asked(port: int) -> StapleAnswer:
    started = time.monotonic()
    return asyncio.run(ask(road(port), timeout_s=3.0, started=started, redactor=Redactor()))


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
@pytest.mark.parametrize(
    ("status", "until", "said"),
    [
        (ocsp.OCSPCertStatus.GOOD, NOW + DAY, "good"),
        (ocsp.OCSPCertStatus.GOOD, NOW - DAY, "good"),
        (ocsp.OCSPCertStatus.REVOKED, NOW + DAY, "revoked"),
        (ocsp.OCSPCertStatus.UNKNOWN, NOW + DAY, "unlisted"),
    ],
)
def test_what_is_stapled_is_read(
    version: str, status: ocsp.OCSPCertStatus, until: datetime, said: str, tmp_path: Path
) -> None:
    authority = Authority(tmp_path / "ca")
    stapled = tmp_path / "answer.der"
    stapled.write_bytes(answer(authority, status, until))
    with shown(issued(authority), version, "-status_file", str(stapled)) as port:
        seen = asked(port)
    assert (seen.is_known, seen.status, seen.next_update, seen.detail) == (True, said, until, "")


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_that_nothing_is_stapled_is_known(version: str, tmp_path: Path) -> None:
    with shown(issued(Authority(tmp_path / "ca")), version) as port:
        seen = asked(port)
    assert (seen.is_known, seen.status, seen.detail) == (True, "", "")


def test_garbage_that_is_stapled_is_unreadable(tmp_path: Path) -> None:
    assert _read(b"\x30\x03\x0a\x01\x06") == ("unreadable", None)
    assert _read(b"no answer") == ("unreadable", None)


@pytest.mark.parametrize("sends", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x16\x03\x01"])
def test_a_handshake_that_does_not_pass_says_nothing_of_it(sends: bytes) -> None:
    async def run() -> StapleAnswer:
        async def speak(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(sends)
            await writer.drain()
            writer.close()

        async with await asyncio.start_server(speak, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            return await ask(road(port), timeout_s=3.0, started=0.0, redactor=Redactor())

    seen = asyncio.run(run())
    assert (seen.is_known, seen.status) == (False, "")
    assert seen.detail


def test_a_port_where_nobody_listens_is_no_defect() -> None:
    assert not asked(free_port()).is_known
