"""An authority that issues whatever it is asked for: what is right, and what none should issue."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import (
    AuthorityInformationAccessOID,
    ExtendedKeyUsageOID,
    ExtensionOID,
    NameOID,
)

from eloquence_ops.lab.services.certificates import IssuedCertificate

NOW: Final = datetime.now(UTC).replace(microsecond=0)
DAY: Final = timedelta(days=1)

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
Span = tuple[datetime, datetime]

YEARS: Final[Span] = (NOW - 3650 * DAY, NOW + 3650 * DAY)
QUARTER: Final[Span] = (NOW - 10 * DAY, NOW + 80 * DAY)

SERVER: Final = ExtendedKeyUsageOID.SERVER_AUTH
CLIENT: Final = ExtendedKeyUsageOID.CLIENT_AUTH
# Public authorities say where they are to be had. Nobody listens there.
_ISSUER_URL: Final = "http://authority.test/issuer.cer"


def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@dataclass(frozen=True)
class Party:
    """A certificate and the key that goes with it."""

    certificate: x509.Certificate
    key: Key

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def names(self) -> x509.Name:
        return self.certificate.subject

    def authority(
        self,
        called: str,
        *,
        key: Key | None = None,
        span: Span = YEARS,
        path_length: int | None = None,
        usage: x509.KeyUsage | None = None,
        without_usage: bool = False,
        permitted: str = "",
        says_where: bool = True,
    ) -> Party:
        """An intermediate, or with this one's name and key of another, a cross-signed root.

        `permitted`: the only domain that it may issue for (RFC 5280, 4.2.1.10). `says_where`: it
        names an address where this one's certificate is to be had.
        """
        more: list[tuple[x509.ExtensionType, bool]] = []
        if not without_usage:
            more.append((usage or key_usage(signs=True), True))
        if permitted:
            more.append((x509.NameConstraints([x509.DNSName(permitted)], None), True))
        more.append((x509.BasicConstraints(ca=True, path_length=path_length), True))
        subject = _called(called)
        return _signed(subject, key or ec_key(), self, span, more, says_where=says_where)

    def leaf(
        self,
        *names: str,
        key: Key | None = None,
        span: Span = QUARTER,
        purposes: Sequence[x509.ObjectIdentifier] = (SERVER,),
        common_name: str | None = None,
        more: Sequence[tuple[x509.ExtensionType, bool]] = (),
        says_where: bool = True,
    ) -> Party:
        """For a server; a name may be an address. Without names it has but its common name."""
        key = key or ec_key()
        extensions: list[tuple[x509.ExtensionType, bool]] = [
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (key_usage(signs=False, enciphers=isinstance(key, rsa.RSAPrivateKey)), True),
            (x509.ExtendedKeyUsage(purposes), False),
            *more,
        ]
        if names:
            extensions.append((x509.SubjectAlternativeName([_general(n) for n in names]), False))
        called = common_name or names[0]
        subject = _called(called[:64])
        return _signed(subject, key, self, span, extensions, says_where=says_where)


def root(
    called: str, *, key: Key | None = None, span: Span = YEARS, without_usage: bool = False
) -> Party:
    """A root that nobody knows yet."""
    key = key or ec_key()
    nobody = _signed(_called(called), key, None, YEARS, [])
    return nobody.authority(
        called, key=key, span=span, without_usage=without_usage, says_where=False
    )


def self_signed(*names: str) -> Party:
    key = ec_key()
    extension = x509.SubjectAlternativeName([_general(name) for name in names])
    return _signed(_called(names[0]), key, None, QUARTER, [(extension, False)])


def signed_with(digest: Literal["sha1", "md5"], party: Party, issuer: Party) -> Party:
    """The same certificate with a signature that no library makes any more; by an RSA key."""
    assert isinstance(issuer.key, rsa.RSAPrivateKey)
    digests = {"sha1": (hashes.SHA1(), 0x05), "md5": (hashes.MD5(), 0x04)}  # noqa: S303  # meant
    made, last = digests[digest]
    before = bytes.fromhex("300d06092a864886f70d01010b0500")  # sha256WithRSAEncryption, RFC 4055
    algorithm = before[:12] + bytes([last]) + before[13:]
    body = party.certificate.tbs_certificate_bytes.replace(before, algorithm)
    signature = issuer.key.sign(body, padding.PKCS1v15(), made)
    whole = _der(0x30, body + algorithm + _der(0x03, b"\0" + signature))
    return Party(x509.load_der_x509_certificate(whole), party.key)


def spoiled(party: Party) -> Party:
    """With one bit of its signature turned."""
    der = party.certificate.public_bytes(Encoding.DER)
    return Party(x509.load_der_x509_certificate(der[:-1] + bytes([der[-1] ^ 1])), party.key)


def raw_name(name: str) -> x509.DNSName:
    """A name as it is written, where a certificate may hold its A-label only."""
    return x509.DNSName._init_without_validation(name)


def logged() -> tuple[x509.ExtensionType, bool]:
    """The timestamp of a log that nobody knows (RFC 6962, 3.3), as public authorities put it in."""
    stamp = b"\x00" + bytes(32) + bytes(8) + b"\x00\x00" + b"\x04\x03" + b"\x00\x08" + bytes(8)
    one = len(stamp).to_bytes(2) + stamp
    listed = _der(0x04, len(one).to_bytes(2) + one)
    oid = ExtensionOID.PRECERT_SIGNED_CERTIFICATE_TIMESTAMPS
    return x509.UnrecognizedExtension(oid, listed), False


def key_usage(
    *, signs: bool, certificates: bool | None = None, enciphers: bool = False
) -> x509.KeyUsage:
    """`signs`: an authority's, which may be without the right to sign certificates."""
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs if certificates is None else certificates,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=enciphers,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def filed(folder: Path, stem: str, party: Party, *sent: Party) -> IssuedCertificate:
    """On disk, as a server is configured with it: what it sends, and the key."""
    folder.mkdir(parents=True, exist_ok=True)
    chain, key = folder / f"{stem}.pem", folder / f"{stem}.key.pem"
    chain.write_bytes(party.pem + b"".join(one.pem for one in sent))
    key.write_bytes(
        party.key.private_bytes(
            Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return IssuedCertificate(party.certificate, chain, key, ())


def _called(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _signed(
    subject: x509.Name,
    key: Key,
    issuer: Party | None,
    span: Span,
    extensions: Sequence[tuple[x509.ExtensionType, bool]],
    *,
    says_where: bool = False,
) -> Party:
    by = issuer.key if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.names if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(span[0])
        .not_valid_after(span[1])
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if issuer is not None:
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key())
        builder = builder.add_extension(identifier, critical=False)
    if says_where:
        builder = builder.add_extension(_ISSUED_AT, critical=False)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return Party(builder.sign(by, hashes.SHA256()), key)


_ISSUED_AT: Final = x509.AuthorityInformationAccess(
    [
        x509.AccessDescription(
            AuthorityInformationAccessOID.CA_ISSUERS,
            x509.UniformResourceIdentifier(_ISSUER_URL),
        )
    ]
)


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name) if name.isascii() else raw_name(name)


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(length)]) + length + content
