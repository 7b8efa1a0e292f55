"""A certificate as it came off the wire, described. It may be garbage: nothing here raises."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID

from eloquence_ops.endpoints import covers, ip_address
from eloquence_ops.observations.certificates import SentCertificate
from eloquence_ops.observations.transport import Certificate
from eloquence_ops.probes import remote_text
from eloquence_ops.secrets import Redactor
from eloquence_ops.server.remote import der as plain_der
from eloquence_ops.server.remote.reading import Unreadable

_MOST_NAMES: Final = 50
_NAME_LIMIT: Final = 300
_KEY_ID_BYTES: Final = 32
_REFUSALS: Final = (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion)
_Type = TypeVar("_Type", bound=x509.ExtensionType)


def describe(der: bytes, redactor: Redactor, wanted: str = "") -> Certificate | str:
    """The leaf in `der`, or why it cannot be read. Of many names those for `wanted` come first.

    Names that cryptography refuses (a U-label where RFC 5280 wants an A-label) leave `names`
    empty, and the rest is still told.
    """
    with _quietly():
        try:
            leaf = x509.load_der_x509_certificate(der)
            return Certificate(
                subject=_line(leaf.subject.rfc4514_string(), redactor),
                issuer=_line(leaf.issuer.rfc4514_string(), redactor),
                names=tuple(_line(name, redactor) for name in _names(leaf, wanted)),
                not_before=leaf.not_valid_before_utc,
                not_after=leaf.not_valid_after_utc,
            )
        except _REFUSALS as error:
            return _line(f"the certificate cannot be read: {error}", redactor)


def describe_sent(der: bytes, redactor: Redactor, wanted: str = "") -> SentCertificate | str:
    """One certificate of a chain with all that is judged of it, or why it cannot be read.

    Of many names those for `wanted` come first. What stands in a broken extension is left empty;
    the names are told even then, as they stand.
    """
    with _quietly():
        try:
            found = x509.load_der_x509_certificate(der)
            key, bits = _key(found)
            staple = _extension(found, x509.TLSFeature)
            constraints = _extension(found, x509.BasicConstraints)
            timestamps = _extension(found, x509.PrecertificateSignedCertificateTimestamps)
            return SentCertificate(
                subject=_line(found.subject.rfc4514_string(), redactor),
                issuer=_line(found.issuer.rfc4514_string(), redactor),
                names=tuple(
                    _line(name, redactor) for name in _names(found, wanted) or _as_they_stand(der)
                ),
                not_before=found.not_valid_before_utc,
                not_after=found.not_valid_after_utc,
                key=key,
                key_bits=bits,
                digest=_digest(found),
                is_authority=bool(constraints and constraints.ca),
                subject_key=_subject_key(found),
                authority_key=_authority_key(found),
                issuer_url=_line(_issuer_url(found), redactor),
                scts=len(list(timestamps)) if timestamps else 0,
                must_staple=bool(staple and x509.TLSFeatureType.status_request in staple),
                sha256=found.fingerprint(hashes.SHA256()).hex(),
            )
        except _REFUSALS as error:
            return _line(f"the certificate cannot be read: {error}", redactor)


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """cryptography warns of oddities (a negative serial number) on the user's terminal."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _line(text: str, redactor: Redactor) -> str:
    return remote_text.line(text, redactor, limit=_NAME_LIMIT)


def _extension(found: x509.Certificate, kind: type[_Type]) -> _Type | None:
    try:
        return found.extensions.get_extension_for_class(kind).value
    except (
        ValueError,
        UnsupportedAlgorithm,
        x509.ExtensionNotFound,
        x509.DuplicateExtension,
        x509.UnsupportedGeneralNameType,
    ):
        return None


def _names(leaf: x509.Certificate, wanted: str) -> list[str]:
    """At most so many, and never without the one that was asked for: certificates of a CDN have
    a hundred."""
    names = _extension(leaf, x509.SubjectAlternativeName)
    if names is None:
        return []
    # An address that stands there as a name is none: nobody compares it with an address.
    found = [
        name if ip_address(name) is None else f"DNS:{name}"
        for name in names.get_values_for_type(x509.DNSName)
    ]
    addresses = [str(address) for address in names.get_values_for_type(x509.IPAddress)]
    return sorted((*found, *addresses), key=lambda name: not covers(name, wanted))[:_MOST_NAMES]


def _as_they_stand(der: bytes) -> list[str]:
    """Names that cryptography refuses. Bytes beyond ASCII stay readable: they are what is wrong."""
    try:
        return plain_der.certificate(der).names[:_MOST_NAMES]
    except (Unreadable, ValueError, OverflowError):
        return []


def _key(found: x509.Certificate) -> tuple[str, int]:
    try:
        key = found.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return "", 0
    match key:
        case rsa.RSAPublicKey():
            return "RSA", key.key_size
        case ec.EllipticCurvePublicKey():
            return f"EC {key.curve.name}", key.key_size
        case ed25519.Ed25519PublicKey():
            return "Ed25519", 256
        case ed448.Ed448PublicKey():
            return "Ed448", 456
        case _:
            return type(key).__name__.removesuffix("PublicKey"), 0


def _digest(found: x509.Certificate) -> str:
    try:
        digest = found.signature_hash_algorithm
    except (ValueError, UnsupportedAlgorithm):
        return ""
    return digest.name if digest else ""


def _subject_key(found: x509.Certificate) -> str:
    value = _extension(found, x509.SubjectKeyIdentifier)
    return value.digest[:_KEY_ID_BYTES].hex() if value else ""


def _authority_key(found: x509.Certificate) -> str:
    value = _extension(found, x509.AuthorityKeyIdentifier)
    return (value.key_identifier or b"")[:_KEY_ID_BYTES].hex() if value else ""


def _issuer_url(found: x509.Certificate) -> str:
    value = _extension(found, x509.AuthorityInformationAccess)
    for entry in value or ():
        is_issuer = entry.access_method == AuthorityInformationAccessOID.CA_ISSUERS
        if is_issuer and isinstance(entry.access_location, x509.UniformResourceIdentifier):
            return entry.access_location.value
    return ""
