"""A certificate authority for the lab: a root, an intermediate, and what they issue.

There is an intermediate because the fault people meet most is its absence from what the server
sends: browsers fetch it, Dart on a phone does not.
EC P-256 throughout: making a key takes under a millisecond.
"""

import datetime
import ipaddress
import os
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import idna
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

_DAY = datetime.timedelta(days=1)
# X.520: a common name has at most 64 characters.
_COMMON_NAME_LIMIT = 64
# Public authorities say where they are to be had. Nobody listens there.
_ISSUER_URL = "http://authority.test/issuer.cer"
_Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True)
class IssuedCertificate:
    """A certificate on disk.

    `chain_path`: PEM of what the server sends, leaf first (with the intermediate unless it was
    left out). `key_path`: PEM, mode 0600. `names`: A-labels and addresses, as in the SAN.
    """

    certificate: x509.Certificate
    chain_path: Path
    key_path: Path
    names: tuple[str, ...]


def a_label(name: str) -> str:
    """`éloquence.com` as `xn--loquence-90a.com`; a leading `*.` is kept.

    Raises:
        ValueError: not a domain name (`idna.IDNAError` is one).
    """
    wildcard, bare = ("*.", name[2:]) if name.startswith("*.") else ("", name)
    # NFC first: a name typed on macOS may carry é as two code points, which IDNA refuses.
    normalised = unicodedata.normalize("NFC", bare.rstrip("."))
    return wildcard + idna.encode(normalised, uts46=True).decode("ascii")


class Authority:
    """A lab CA whose files live in `folder`; every instance is a new, unrelated root.

    `root_path` is what a client is told to trust. Two authorities with one folder each are how
    an untrusted certificate is made.
    """

    def __init__(self, folder: Path, *, name: str = "Eloquence lab") -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._issued = 0
        root_name, self._issuer_name = _distinguished(f"{name} root"), _distinguished(f"{name} CA")
        root_key, self._issuer_key = _new_key(), _new_key()
        now = _now()
        # Wide enough that a leaf may lie in the past or the future without its chain doing so.
        lifetime = (now - 3650 * _DAY, now + 3650 * _DAY)
        self.root = _authority_certificate(
            root_name,
            root_key.public_key(),
            root_name,
            root_key,
            lifetime=lifetime,
            path_length=1,
        )
        self.intermediate = _authority_certificate(
            self._issuer_name,
            self._issuer_key.public_key(),
            root_name,
            root_key,
            lifetime=lifetime,
            path_length=0,
        )
        self.root_path = folder / "root.pem"
        self.root_path.write_bytes(_pem(self.root))

    def issue(
        self,
        names: Sequence[str],
        *,
        not_before: datetime.datetime | None = None,
        not_after: datetime.datetime | None = None,
        include_intermediate: bool = True,
        weak_key: bool = False,
        must_staple: bool = False,
        stem: str | None = None,
    ) -> IssuedCertificate:
        """Issue a server certificate for `names`: U-labels, A-labels, wildcards, IP addresses.

        Valid from an hour ago for 90 days unless given (aware datetimes); of one that ended
        already, only the end need be given. The files are `<stem>.pem` and `<stem>.key.pem`; a
        stem that was used before is renewed in place, by default every certificate has its own.
        `weak_key`: RSA of 1024 bits, which clients have refused for years. `must_staple`: it
        demands an OCSP answer in the handshake (RFC 7633).

        Raises:
            ValueError: no name, a name that IDNA refuses, or an end before the beginning.
        """
        if not names:
            raise ValueError("a certificate needs at least one name")
        subjects = [_general_name(name) for name in names]
        texts = tuple(str(subject.value) for subject in subjects)
        start, end = _validity(not_before, not_after)
        if end <= start:
            raise ValueError(f"a certificate cannot end ({end}) before it begins ({start})")
        key = _new_key() if not weak_key else _weak_key()
        builder = (
            x509.CertificateBuilder()
            .subject_name(_distinguished(texts[0][:_COMMON_NAME_LIMIT]))
            .issuer_name(self._issuer_name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(end)
            .add_extension(x509.SubjectAlternativeName(subjects), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(for_authority=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .add_extension(_issued_by(self._issuer_key.public_key()), critical=False)
            .add_extension(_ISSUED_AT, critical=False)
        )
        if must_staple:
            demanded = x509.TLSFeature([x509.TLSFeatureType.status_request])
            builder = builder.add_extension(demanded, critical=False)
        certificate = builder.sign(self._issuer_key, hashes.SHA256())
        self._issued += 1
        if stem is None:
            stem = f"{self._issued:02d}-{texts[0].replace('*', '_').replace(':', '_')}"
        chain_path, key_path = self.folder / f"{stem}.pem", self.folder / f"{stem}.key.pem"
        sent = _pem(certificate) + (_pem(self.intermediate) if include_intermediate else b"")
        chain_path.write_bytes(sent)
        _write_private(key_path, key)
        return IssuedCertificate(certificate, chain_path, key_path, texts)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC).replace(microsecond=0)


def _validity(
    not_before: datetime.datetime | None, not_after: datetime.datetime | None
) -> tuple[datetime.datetime, datetime.datetime]:
    start = not_before
    if start is None:
        start = _now() - _DAY / 24
        if not_after is not None:
            start = min(start, not_after - 90 * _DAY)
    return start, not_after if not_after is not None else start + 90 * _DAY


def _new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _weak_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505  # meant


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _distinguished(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _general_name(name: str) -> x509.DNSName | x509.IPAddress:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(a_label(name))


def _issued_by(key: ec.EllipticCurvePublicKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key)


_ISSUED_AT = x509.AuthorityInformationAccess(
    [
        x509.AccessDescription(
            AuthorityInformationAccessOID.CA_ISSUERS,
            x509.UniformResourceIdentifier(_ISSUER_URL),
        )
    ]
)


def _key_usage(*, for_authority: bool) -> x509.KeyUsage:
    # Python 3.13 verifies strictly (RFC 5280) by default, which demands these.
    return x509.KeyUsage(
        digital_signature=not for_authority,
        key_cert_sign=for_authority,
        crl_sign=for_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _authority_certificate(
    subject: x509.Name,
    key: ec.EllipticCurvePublicKey,
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePrivateKey,
    *,
    lifetime: tuple[datetime.datetime, datetime.datetime],
    path_length: int,
) -> x509.Certificate:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(lifetime[0])
        .not_valid_after(lifetime[1])
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(_key_usage(for_authority=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(_issued_by(issuer_key.public_key()), critical=False)
        .sign(issuer_key, hashes.SHA256())
    )


def _write_private(path: Path, key: _Key) -> None:
    data = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        # The mode given to open() only counts for a new file; a renewed key may be an old one.
        path.chmod(0o600)
        file.write(data)
