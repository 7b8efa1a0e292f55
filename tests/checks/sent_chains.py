"""Chains by hand, healthy unless said otherwise: a leaf, its intermediate, a public root."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from eloquence_ops.android_roots import android_roots
from eloquence_ops.checks.registry import Judge, Verdict
from eloquence_ops.checks.seen import Asked, Seen
from eloquence_ops.endpoints import Endpoint, parse_secure
from eloquence_ops.findings import Evidence, Family
from eloquence_ops.observations import (
    AddressLookup,
    AnyObservation,
    TcpConnect,
    TlsChain,
    TlsHandshake,
)
from eloquence_ops.observations.certificates import Anchor, SentCertificate
from eloquence_ops.observations.names import Address
from eloquence_ops.observations.transport import Certificate, TlsOutcome
from eloquence_ops.settings import Target

NOW: Final = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DAY: Final = timedelta(days=1)
NAME: Final = "api.xn--loquence-90a.com"
ADDRESS: Final = parse_secure(NAME)
KNOWN_ROOT: Final = next(iter(android_roots().names))


def certificate(subject: str, issuer: str, **different: Any) -> SentCertificate:
    fields: dict[str, Any] = {
        "subject": f"CN={subject}",
        "issuer": f"CN={issuer}",
        "names": (),
        "not_before": NOW - 10 * DAY,
        "not_after": NOW + 80 * DAY,
        "key": "EC secp256r1",
        "key_bits": 256,
        "digest": "sha256",
        "is_authority": True,
        "sha256": sha256(subject.encode()).hexdigest(),
    }
    return SentCertificate(**(fields | different))


def leaf(issuer: str = "R11", **different: Any) -> SentCertificate:
    fields: dict[str, Any] = {
        "names": (NAME,),
        "is_authority": False,
        "issuer_url": "http://r11.test/",
        "scts": 2,
    }
    return certificate("leaf", issuer, **(fields | different))


MIDDLE: Final = certificate("R11", "X1")
ROOT: Final = certificate("X1", "X1")
STRANGER: Final = certificate("Stranger", "Nobody")


def sent(*certificates: SentCertificate, **different: Any) -> TlsChain:
    """Trusted, unless `verify_code` says otherwise."""
    fields: dict[str, Any] = {
        "endpoint": str(ADDRESS),
        "family": Family.IPV4,
        "address": "203.0.113.10",
        "server_name": NAME,
        "certificates": certificates or (leaf(), MIDDLE),
        "sent": len(certificates) or 2,
        "anchor": None
        if different.get("verify_code")
        else Anchor(subject="CN=X1", sha256=KNOWN_ROOT),
    }
    return TlsChain(**(fields | different))


def connected(address: Endpoint = ADDRESS) -> TcpConnect:
    return TcpConnect(
        endpoint=str(address),
        family=Family.IPV4,
        address="203.0.113.10",
        port=address.port,
        outcome="connected",
    )


def resolved() -> AddressLookup:
    found = Address(family=Family.IPV4, address="203.0.113.10")
    return AddressLookup(host=NAME, outcome="found", addresses=(found,), resolver="system")


def shaken(outcome: TlsOutcome, one: SentCertificate, detail: str = "") -> TlsHandshake:
    return TlsHandshake(
        endpoint=str(ADDRESS),
        family=Family.IPV4,
        address="203.0.113.10",
        server_name=NAME,
        outcome=outcome,
        certificate=Certificate(
            subject=one.subject,
            issuer=one.issuer,
            names=one.names,
            not_before=one.not_before,
            not_after=one.not_after,
        ),
        detail=detail,
    )


def seen(*observations: AnyObservation, address: Endpoint = ADDRESS) -> Seen:
    asked = Asked(frozenset({"tls"}), addresses=(address,))
    return Seen(Target("t", api=address), asked, NOW, (connected(address), *observations))


def verdicts(judge: Judge, *observations: AnyObservation) -> list[Verdict]:
    return list(judge(ADDRESS, seen(*observations)))


def judged(judge: Judge, *observations: AnyObservation) -> tuple[str, Evidence]:
    """The only verdict."""
    (verdict,) = verdicts(judge, *observations)
    return verdict.outcome, verdict.evidence
