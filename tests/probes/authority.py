"""A certificate authority for tests: any fault a served chain may have."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Issued:
    """A certificate and its key; `context(folder)` serves it."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def context(self, folder: Path, *, and_send: tuple[Issued, ...] = ()) -> ssl.SSLContext:
        file = folder / f"{self.certificate.serial_number}.pem"
        key = self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        file.write_bytes(self.pem + b"".join(one.pem for one in and_send) + key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


class Authority:
    def __init__(self, name: str = "Test root") -> None:
        self._name = name

    @cached_property
    def root(self) -> Issued:
        return _made(self._name, issuer=None, is_authority=True)

    def leaf(
        self,
        *names: str,
        since: datetime = NOW - DAY,
        until: datetime = NOW + 30 * DAY,
        issuer: Issued | None = None,
        common_name: str = "leaf",
    ) -> Issued:
        return _made(common_name, issuer=issuer or self.root, names=names, since=since, until=until)

    def intermediate(self) -> Issued:
        return _made("Test intermediate", issuer=self.root, is_authority=True)


def self_signed(*names: str) -> Issued:
    return _made("alone", issuer=None, names=names)


def _made(
    common_name: str,
    *,
    issuer: Issued | None,
    names: tuple[str, ...] = (),
    since: datetime = NOW - 300 * DAY,
    until: datetime = NOW + 300 * DAY,
    is_authority: bool = False,
) -> Issued:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    )
    if names:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([_general(name) for name in names]), critical=False
        )
    certificate = builder.sign(issuer.key if issuer else key, hashes.SHA256())
    return Issued(certificate, key)


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
