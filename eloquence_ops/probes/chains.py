"""The chain of one handshake: what was sent, which root holds it, what a stricter verifier says.

Nothing is fetched: what a server does not send is missing for Dart and Android too.
"""

from __future__ import annotations

import ipaddress
import ssl
import warnings
from dataclasses import dataclass
from typing import Any, Final, Literal

from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from eloquence_ops.observations.certificates import Anchor, SentCertificate, TlsChain
from eloquence_ops.observations.transport import TlsHandshake
from eloquence_ops.probes import certificates, remote_text
from eloquence_ops.secrets import Redactor

# OpenSSL takes 100 KB of certificates, which may be hundreds; no honest chain has more than five.
_DESCRIBED: Final = 10
_SHOWN: Final = 300
_DER: Final = 2  # X509_FILETYPE_ASN1


@dataclass(frozen=True)
class Shown:
    """DER, leaf first. `verified` ends in the trusted root; empty where nothing was verified."""

    sent: tuple[bytes, ...]
    verified: tuple[bytes, ...] = ()


def shown_in(tls: ssl.SSLObject) -> Shown | None:
    """What the peer of a finished handshake sent; None where it showed nothing."""
    leaf = tls.getpeercert(True)
    if leaf is None:
        return None
    is_verified = tls.context.verify_mode is ssl.CERT_REQUIRED
    return Shown(
        _chain(tls, "get_unverified_chain") or (leaf,),
        _chain(tls, "get_verified_chain") if is_verified else (),
    )


def _chain(
    tls: ssl.SSLObject, which: Literal["get_unverified_chain", "get_verified_chain"]
) -> tuple[bytes, ...]:
    """Public from Python 3.13 on, as bytes; before that of the object underneath, as its own."""
    public: Any = getattr(tls, which, None)
    if public is not None:
        return tuple(bytes(one) for one in public() or ())
    private: Any = getattr(getattr(tls, "_sslobj", None), which, None)
    return tuple(one.public_bytes(_DER) for one in private() or ()) if private else ()


def observed(
    shown: Shown,
    handshake: TlsHandshake,
    verify_code: int,
    given: frozenset[str],
    redactor: Redactor,
) -> TlsChain:
    """Described, bounded, redacted. `given` are the fingerprints of roots that the user named."""
    name = handshake.server_name
    described = [certificates.describe_sent(der, redactor, name) for der in shown.sent[:_DESCRIBED]]
    return TlsChain(
        vantage=handshake.vantage,
        at_s=handshake.at_s,
        duration_s=handshake.duration_s,
        endpoint=handshake.endpoint,
        family=handshake.family,
        address=handshake.address,
        server_name=handshake.server_name,
        certificates=tuple(one for one in described if isinstance(one, SentCertificate)),
        sent=len(shown.sent),
        unreadable=tuple(one for one in described if isinstance(one, str)),
        verify_code=verify_code,
        anchor=_anchor(shown, given, redactor),
        disliked=_disliked(shown, handshake.server_name, redactor),
    )


def _anchor(shown: Shown, given: frozenset[str], redactor: Redactor) -> Anchor | None:
    if not shown.verified:
        return None
    root = certificates.describe_sent(shown.verified[-1], redactor)
    if isinstance(root, str):
        return None
    return Anchor(subject=root.subject, sha256=root.sha256, given=root.sha256 in given)


def _disliked(shown: Shown, name: str, redactor: Redactor) -> str:
    """What cryptography's verifier, which follows RFC 5280 and the browsers' rules, has against a
    chain that OpenSSL took."""
    if not shown.verified:
        return ""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            store = Store([x509.load_der_x509_certificate(shown.verified[-1])])
            leaf, *others = (x509.load_der_x509_certificate(der) for der in shown.sent[:_DESCRIBED])
            verifier = PolicyBuilder().store(store).build_server_verifier(_subject(name))
            verifier.verify(leaf, others)
        except (VerificationError, ValueError, TypeError, x509.InvalidVersion) as refusal:
            return remote_text.line(str(refusal), redactor, limit=_SHOWN)
    return ""


def _subject(name: str) -> x509.DNSName | x509.IPAddress:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
