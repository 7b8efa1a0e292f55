"""Each fault of a certificate and of a handshake, made by a real server."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from eloquence_ops.endpoints import Endpoint
from eloquence_ops.errors import UsageError
from eloquence_ops.findings import Family
from eloquence_ops.observations import NamelessAnswer, TlsHandshake
from eloquence_ops.observations.transport import Certificate
from eloquence_ops.probes import certificates
from eloquence_ops.probes.road import Road
from eloquence_ops.probes.tls import client_context, handshake, without_name
from eloquence_ops.secrets import Redactor
from tests.probes.authority import DAY, NOW, Authority, Issued, self_signed
from tests.probes.peers import (
    Handler,
    alerts,
    closes_at_once,
    free_port,
    peer,
    resets,
    says,
    silent,
)

NAME = "xn--loquence-90a.test"


async def shaken(
    port: int, context: ssl.SSLContext, *, host: str = NAME, ip: str = "127.0.0.1", timeout_s: float
) -> TlsHandshake:
    family = Family.IPV6 if ":" in ip else Family.IPV4
    seen, _ = await handshake(
        Road(Endpoint("wss", host, 443), family, ip, port),
        context=context,
        timeout_s=timeout_s,
        started=time.monotonic(),
    )
    return seen


def seen_of(
    server: ssl.SSLContext | None,
    context: ssl.SSLContext,
    *,
    handler: Handler = silent,
    host: str = NAME,
    ip: str = "127.0.0.1",
    timeout_s: float = 3.0,
) -> TlsHandshake:
    async def story() -> TlsHandshake:
        async with peer(handler, host=ip, tls=server) as port:
            return await shaken(port, context, host=host, ip=ip, timeout_s=timeout_s)

    return asyncio.run(story())


def test_a_good_certificate(authority: Authority, trusting: ssl.SSLContext, tmp_path: Path) -> None:
    leaf = authority.leaf(NAME, "127.0.0.1", until=NOW + 7 * DAY)
    server = leaf.context(tmp_path)
    names: list[str | None] = []
    server.sni_callback = lambda _socket, name, _context: names.append(name)
    seen = seen_of(server, trusting)
    assert (seen.outcome, seen.detail) == ("ok", "")
    assert (seen.server_name, names) == (NAME, [NAME])
    assert seen.endpoint == "wss://éloquence.test"
    assert seen.version in ("TLSv1.2", "TLSv1.3")
    assert seen.certificate is not None
    assert seen.certificate.names == (NAME, "127.0.0.1")
    assert (seen.certificate.subject, seen.certificate.issuer) == ("CN=leaf", "CN=Test root")
    assert seen.certificate.not_after == NOW + 7 * DAY
    assert TlsHandshake.model_validate_json(seen.model_dump_json()) == seen


@pytest.mark.parametrize("ip", ["127.0.0.1", "::1"])
def test_an_address_is_verified_and_not_sent_as_a_name(
    ip: str, authority: Authority, trusting: ssl.SSLContext, tmp_path: Path
) -> None:
    server = authority.leaf(ip).context(tmp_path)
    names: list[str | None] = []
    server.sni_callback = lambda _socket, name, _context: names.append(name)
    assert seen_of(server, trusting, host=ip, ip=ip).outcome == "ok"
    assert names == [None]
    other = authority.leaf("192.0.2.7").context(tmp_path)
    assert seen_of(other, trusting, host=ip, ip=ip).outcome == "name-mismatch"


FAULTY: dict[str, Callable[[Authority], Issued]] = {
    "expired": lambda ca: ca.leaf(NAME, since=NOW - 9 * DAY, until=NOW - DAY),
    "expired-a-second-ago": lambda ca: ca.leaf(NAME, until=NOW - timedelta(seconds=1)),
    "not-yet-valid": lambda ca: ca.leaf(NAME, since=NOW + DAY, until=NOW + 9 * DAY),
    "other-name": lambda ca: ca.leaf("loquence.test", f"www.{NAME}"),
    "common-name-only": lambda ca: ca.leaf("other.test", common_name=NAME),
    "no-san": lambda ca: ca.leaf(common_name=NAME),
    "self-signed": lambda _: self_signed(NAME),
    "unknown-ca": lambda _: Authority("Nobody").leaf(NAME),
    "without-its-intermediate": lambda ca: ca.leaf(NAME, issuer=ca.intermediate()),
}


@pytest.mark.parametrize(
    ("which", "outcome"),
    [
        ("expired", "expired"),
        ("expired-a-second-ago", "expired"),
        ("not-yet-valid", "not-yet-valid"),
        ("other-name", "name-mismatch"),
        ("common-name-only", "name-mismatch"),
        ("no-san", "name-mismatch"),
        ("self-signed", "untrusted"),
        ("unknown-ca", "untrusted"),
        ("without-its-intermediate", "untrusted"),
    ],
)
def test_a_refused_certificate_is_still_described(
    which: str, outcome: str, authority: Authority, trusting: ssl.SSLContext, tmp_path: Path
) -> None:
    served = FAULTY[which](authority)
    seen = seen_of(served.context(tmp_path), trusting)
    assert seen.outcome == outcome
    assert seen.detail
    assert seen.certificate is not None
    assert seen.certificate.not_after == served.certificate.not_valid_after_utc
    assert seen.certificate.not_before == served.certificate.not_valid_before_utc


def test_the_chain_is_judged_as_it_is_sent(
    authority: Authority, trusting: ssl.SSLContext, tmp_path: Path
) -> None:
    middle = authority.intermediate()
    leaf = authority.leaf(NAME, issuer=middle)
    assert seen_of(leaf.context(tmp_path), trusting).outcome == "untrusted"
    assert seen_of(leaf.context(tmp_path, and_send=(middle,)), trusting).outcome == "ok"


def test_a_private_root_is_trusted_only_when_given(authority: Authority, tmp_path: Path) -> None:
    server = authority.leaf(NAME).context(tmp_path)
    assert seen_of(server, client_context(None)).outcome == "untrusted"
    file = tmp_path / "root.pem"
    file.write_bytes(authority.root.pem)
    context = client_context(str(file))
    assert seen_of(server, context).outcome == "ok"
    assert len(context.get_ca_certs()) == len(client_context(None).get_ca_certs()) + 1


@pytest.mark.parametrize("content", [None, b"", b"no certificate", b"-----BEGIN CERTIFICATE-----"])
def test_a_root_that_cannot_be_read(content: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "root.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UsageError, match=r"root\.pem") as raised:
        client_context(str(file))
    assert raised.value.values["reason"]


async def answers_400(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An HTTP server that does not wait for the end of the line."""
    await reader.read(1)
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    await writer.drain()
    await reader.read()


async def waits_for_the_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An HTTP server that says nothing to a ClientHello."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 404 Not Found\r\n\r\n")
    await writer.drain()


async def closes_on_what_is_no_get(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    if (await reader.read(3)) == b"GET":
        writer.write(b"HTTP/1.0 200 OK\r\n\r\n")
        await writer.drain()


async def greets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
    await writer.drain()
    await reader.read()


async def greets_late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Says nothing to a ClientHello, which holds no whole line."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"220 mail.test ESMTP Postfix\r\n")
    await writer.drain()
    await reader.read()


async def spits(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Bytes that a terminal would obey, and more of them than anybody wants to read."""
    writer.write(b"\x1b[2J\x00" + b"A" * 100_000)
    await reader.read()


@pytest.mark.parametrize(
    ("handler", "outcome"),
    [
        (answers_400, "plaintext"),
        (waits_for_the_head, "plaintext"),
        (closes_on_what_is_no_get, "plaintext"),
        (says(b"HTTP/1.1 200 OK\r\n\r\n"), "plaintext"),
        (greets, "other-protocol"),
        (greets_late, "other-protocol"),
        (closes_at_once, "closed"),
        (resets, "closed"),
        (silent, "silent"),
        (says(b"\x15\x03\x03\x00\x02\x02\x28"), "silent"),
    ],
)
def test_a_port_that_speaks_no_tls(
    handler: Handler, outcome: str, trusting: ssl.SSLContext
) -> None:
    begun = time.monotonic()
    seen = seen_of(None, trusting, handler=handler, timeout_s=1.0)
    assert (seen.outcome, seen.certificate) == (outcome, None)
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize(
    ("handler", "protocol", "excerpt"),
    [
        (greets, "SSH", "SSH-2.0-OpenSSH_9.2"),
        (greets_late, "SMTP", "220 mail.test ESMTP Postfix"),
    ],
)
def test_what_is_spoken_instead_is_named(
    handler: Handler, protocol: str, excerpt: str, trusting: ssl.SSLContext
) -> None:
    seen = seen_of(None, trusting, handler=handler, timeout_s=1.0)
    assert (seen.protocol, seen.excerpt) == (protocol, excerpt)


def test_what_is_spoken_is_shown_bounded_and_harmless(trusting: ssl.SSLContext) -> None:
    seen = seen_of(None, trusting, handler=spits, timeout_s=1.0)
    assert (seen.outcome, seen.protocol) == ("other-protocol", "unknown-protocol")
    assert seen.excerpt.isprintable()
    assert len(seen.excerpt) <= 60


def test_at_most_one_more_connection_is_made(trusting: ssl.SSLContext) -> None:
    calls: list[int] = []

    async def counted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls.append(1)
        await closes_at_once(reader, writer)

    assert seen_of(None, trusting, handler=counted).outcome == "closed"
    assert len(calls) == 2


def test_what_has_said_http_is_not_asked_again(trusting: ssl.SSLContext) -> None:
    calls: list[int] = []

    async def counted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls.append(1)
        await answers_400(reader, writer)

    assert seen_of(None, trusting, handler=counted).outcome == "plaintext"
    assert len(calls) == 1


def test_a_server_asked_without_a_name_shows_what_it_has_by_default(
    authority: Authority, tmp_path: Path
) -> None:
    leaf = authority.leaf("default.test")
    server = leaf.context(tmp_path)
    names: list[str | None] = []
    server.sni_callback = lambda _socket, name, _context: names.append(name)

    async def story() -> NamelessAnswer:
        async with peer(silent, tls=server) as port:
            return await without_name(
                Road(Endpoint("wss", NAME, 443), Family.IPV4, "127.0.0.1", port),
                timeout_s=3.0,
                started=time.monotonic(),
                redactor=Redactor(),
            )

    seen = asyncio.run(story())
    assert (seen.names, names) == (("default.test",), [None])
    assert len(seen.sha256) == 64


def test_an_alert_in_tls_is_not_taken_for_plaintext(
    authority: Authority, trusting: ssl.SSLContext, tmp_path: Path
) -> None:
    server = authority.leaf(NAME).context(tmp_path)

    def refuse(_socket: object, _name: object, _context: object) -> int:
        return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME

    server.sni_callback = refuse
    seen = seen_of(None, trusting, handler=alerts(server))
    assert seen.outcome == "failed"
    assert "UNRECOGNIZED_NAME" in seen.detail


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_server_that_is_too_old(
    authority: Authority, trusting: ssl.SSLContext, tmp_path: Path
) -> None:
    server = authority.leaf(NAME).context(tmp_path)
    server.set_ciphers("DEFAULT:@SECLEVEL=0")
    server.minimum_version = ssl.TLSVersion.TLSv1
    server.maximum_version = ssl.TLSVersion.TLSv1_1
    seen = seen_of(None, trusting, handler=alerts(server))
    assert seen.outcome == "no-common-version"


def test_a_refused_connection_is_no_tls_fault(trusting: ssl.SSLContext) -> None:
    seen = asyncio.run(shaken(free_port(), trusting, timeout_s=3))
    assert seen.outcome == "failed"
    assert "ECONNREFUSED" in seen.detail


def test_names_are_bounded_redacted_and_visible(
    authority: Authority, trusting: ssl.SSLContext, tmp_path: Path
) -> None:
    names = [f"host-{number}.test" for number in range(80)]
    served = authority.leaf(*names, common_name="a\x1b[2J\u202eb password=hunter2")
    seen = seen_of(served.context(tmp_path), trusting)
    assert seen.outcome == "name-mismatch"
    assert seen.certificate is not None
    assert len(seen.certificate.names) == 50
    assert seen.certificate.subject.isprintable()
    assert "\\x1b" in seen.certificate.subject
    assert "hunter2" not in seen.certificate.subject


def test_a_certificate_of_garbage_does_not_raise(authority: Authority) -> None:
    good = authority.leaf(NAME).certificate.public_bytes(Encoding.DER)
    for der in (b"", b"\x30\x03\x02\x01\x01", b"garbage", good[:-40], bytes(1000)):
        assert "cannot be read" in str(certificates.describe(der, Redactor()))


def test_a_certificate_damaged_anywhere_does_not_raise(authority: Authority) -> None:
    good = authority.leaf(NAME, "127.0.0.1").certificate.public_bytes(Encoding.DER)
    for position in range(len(good)):
        for value in (0x00, 0x7F, 0xFF):
            damaged = good[:position] + bytes([value]) + good[position + 1 :]
            assert isinstance(certificates.describe(damaged, Redactor()), Certificate | str)


def test_a_name_with_its_accents_in_the_certificate() -> None:
    """RFC 5280 wants an A-label; some authorities put the U-label all the same."""
    good = self_signed("xloquence.test").certificate.public_bytes(Encoding.DER)
    latin = good.replace(b"xloquence.test", "éloquence.test".encode("latin-1"))
    assert latin != good
    described = certificates.describe(latin, Redactor())
    assert isinstance(described, Certificate)
    assert described.subject == "CN=alone"
