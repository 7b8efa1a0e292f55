"""Certificates that are meant to break their reader, at the API's and at LiveKit's address."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtensionOID, NameOID

from tests.probes.authority import DAY, NOW, Authority, Issued
from tests.systems.hostility import EVIL, Attack, Made, raw
from tests.systems.tls_by_hand import BY_HAND, showing

_HERE: Final = "127.0.0.1"
# What a DNS name in a certificate can hold: ASCII, and no more sense than that.
# X.520: at most 64 bytes.
_EVIL_COMMON: Final = "\x1b]0;x\x07\x1b[2J\x9b31m\r\nSAFE \u202egnp\u2066\u200b\u2028\x00\x7f"
_EVIL_NAME: Final = EVIL.encode("ascii", "ignore").decode()

_LONG_NAME: Final = "n" * 2**16 + ".test"

# OpenSSL passes over this extension, and readers of certificates do not.
_NOT_LOOKED_AT: Final = ExtensionOID.AUTHORITY_INFORMATION_ACCESS

Context = Callable[[Path], ssl.SSLContext]


def _issued(make: Callable[[Authority], Issued]) -> Context:
    """Served by an authority that the client is told to trust."""

    def context(folder: Path) -> ssl.SSLContext:
        authority = Authority()
        (folder / "root.pem").write_bytes(authority.root.pem)
        return make(authority).context(folder)

    return context


def _with_garbage(authority: Authority, oid: x509.ObjectIdentifier, *names: str) -> Issued:
    """An extension whose value is no DER."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _EVIL_COMMON)]))
        .issuer_name(authority.root.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + 30 * DAY)
        .add_extension(x509.UnrecognizedExtension(oid, b"\x30\xff\xff\x1b[31m"), critical=False)
    )
    if names:
        own = [x509.DNSName(name) for name in names]
        builder = builder.add_extension(x509.SubjectAlternativeName(own), critical=False)
    return Issued(builder.sign(authority.root.key, hashes.SHA256()), key)


def _names(count: int, length: int) -> Context:
    """OpenSSL takes 100 KB of certificates, and no more."""
    names = tuple(f"{number}.test".rjust(length, "n") for number in range(count))
    return _issued(lambda authority: authority.leaf(_HERE, *names))


def _evil(authority: Authority) -> Issued:
    return authority.leaf(_HERE, _EVIL_NAME, common_name=_EVIL_COMMON)


def _evil_mismatch(authority: Authority) -> Issued:
    return authority.leaf(_EVIL_NAME, "other.test", common_name=_EVIL_COMMON)


def _evil_untrusted(folder: Path) -> ssl.SSLContext:
    stranger = Authority(_EVIL_COMMON)
    return stranger.leaf(_HERE, _EVIL_NAME, common_name=_EVIL_COMMON).context(folder)


async def _flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"\x16\x03\x03\x00\x00" * 10_000)  # empty records
        await writer.drain()
        await asyncio.sleep(0)


def _by_hand(name: str, made: Made, finding: str) -> Attack:
    return Attack(name, (finding,), api=made, livekit=made, secure=True)


IN_TLS: Final = (
    Attack("5,000 names in a certificate", ("tls.handshake.ok",), "healthy", tls=_names(5_000, 12)),
    Attack("5,000 long names in a certificate", ("tls.handshake.failed",), tls=_names(5_000, 40)),
    Attack(
        "a name of 64 KB in a certificate",
        ("tls.handshake.ok",),
        "healthy",
        tls=_issued(lambda authority: authority.leaf(_HERE, _LONG_NAME)),
    ),
    Attack(
        "a name of 64 KB in a certificate for another name",
        ("tls.handshake.name-mismatch",),
        tls=_issued(lambda authority: authority.leaf(_LONG_NAME)),
    ),
    Attack("escapes in a certificate", ("tls.handshake.ok",), "healthy", tls=_issued(_evil)),
    Attack(
        "escapes in a certificate for another name",
        ("tls.handshake.name-mismatch",),
        tls=_issued(_evil_mismatch),
    ),
    Attack("escapes in the authority's name", ("tls.handshake.untrusted",), tls=_evil_untrusted),
    Attack(
        "an extension of garbage",
        ("tls.handshake.name-mismatch",),
        tls=_issued(lambda a: _with_garbage(a, _NOT_LOOKED_AT, "other.test")),
    ),
    _by_hand(
        "names of garbage",
        raw(
            showing(
                _with_garbage(
                    Authority(), ExtensionOID.SUBJECT_ALTERNATIVE_NAME
                ).certificate.public_bytes(Encoding.DER)
            )
        ),
        "tls.handshake",
    ),
    _by_hand("endless empty records", raw(_flood), "tls.handshake"),
    *(
        _by_hand(name, raw(one.serve), f"tls.handshake.{one.finding}")
        for name, one in BY_HAND.items()
    ),
)
"""Met before any HTTP."""
