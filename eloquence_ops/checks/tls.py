"""TLS: is there a connection, and does the handshake pass as a client verifies it?"""

from __future__ import annotations

from typing import Final

from eloquence_ops.checks import reachable
from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.checks.tls_chain import walk
from eloquence_ops.endpoints import Endpoint, covers
from eloquence_ops.findings import Evidence
from eloquence_ops.observations import TcpConnect, TlsChain, TlsHandshake
from eloquence_ops.observations.certificates import SentCertificate
from eloquence_ops.observations.transport import Certificate, TlsOutcome

_OF_CERTIFICATES: Final = frozenset({"expired", "not-yet-valid", "name-mismatch", "untrusted"})


@check(
    "tls.reachable",
    feeds=("reach",),
    outcomes={
        **{name: fields for name, fields in reachable.OUTCOMES.items() if name != "refused"},
        "none": "",
        "elsewhere": "",
    },
)
def reachable_(endpoint: Endpoint, seen: Seen) -> Judgement:
    """TCP, per address family, unless the check of the service says it already."""
    if not endpoint.secure:
        yield Verdict("none")
    elif seen.is_examined(endpoint):
        yield Verdict("elsewhere")
    else:
        yield from reachable.judge(endpoint, seen)


@check(
    "tls.handshake",
    feeds=("reach",),
    outcomes={
        "ok": "version issuer days_left",
        "none": "",
        "not-reached": "",
        "expired": "not_after issuer",
        "not-yet-valid": "not_before issuer",
        "name-mismatch": "server_name names",
        "untrusted": "issuer detail",
        "plaintext": "address",
        "other-protocol": "address protocol excerpt",
        "closed": "detail",
        "silent": "seconds",
        "no-common-version": "detail",
        "failed": "detail",
    },
)
def handshake(endpoint: Endpoint, seen: Seen) -> Judgement:
    """One finding for each address family that was connected to."""
    if not endpoint.secure:
        yield Verdict("none")
        return
    attempts = seen.about(TcpConnect, endpoint)
    if attempts and not any(attempt.outcome == "connected" for attempt in attempts):
        yield Verdict("not-reached")  # which `tls.reachable` tells, or that of its service
        return
    for entry in seen.about(TlsHandshake, endpoint):
        for outcome in _problems(entry, seen):
            evidence = _evidence(entry, outcome, seen)
            yield Verdict(outcome, evidence, entry.family, entry.duration_s)


def _problems(entry: TlsHandshake, seen: Seen) -> tuple[TlsOutcome, ...]:
    """What OpenSSL stopped at, and what else is wrong with the same certificate.

    OpenSSL reports the first problem only; mended, the next one would come up.
    """
    found: dict[TlsOutcome, None] = {entry.outcome: None}
    leaf = entry.certificate
    if leaf is not None and entry.outcome in _OF_CERTIFICATES:
        if leaf.not_after < seen.now:
            found["expired"] = None
        if leaf.not_before > seen.now:
            found["not-yet-valid"] = None
        if not any(covers(name, entry.server_name) for name in leaf.names):
            found["name-mismatch"] = None
    return tuple(found)


def _evidence(entry: TlsHandshake, outcome: TlsOutcome, seen: Seen) -> Evidence:
    leaf = entry.certificate
    issuer = leaf.issuer if leaf else None
    match outcome:
        case "ok":
            days = (leaf.not_after - seen.now).days if leaf else None
            return {"version": entry.version, "issuer": issuer, "days_left": days}
        case "expired":
            return _ended(entry, seen) or {"not_after": None, "issuer": issuer}
        case "not-yet-valid":
            return _to_come(entry, seen) or {"not_before": None, "issuer": issuer}
        case "name-mismatch":
            return {"server_name": entry.server_name, "names": leaf.names if leaf else ()}
        case "untrusted":
            return {"issuer": issuer, "detail": entry.detail}
        case "plaintext" | "other-protocol":
            spoken = {"protocol": entry.protocol, "excerpt": entry.excerpt}
            return {"address": entry.address, **(spoken if outcome == "other-protocol" else {})}
        case "silent":
            return {"seconds": round(entry.duration_s, 1)}
        case _:
            return {"detail": entry.detail}


def _ended(entry: TlsHandshake, seen: Seen) -> Evidence | None:
    """Whose end has come: the leaf's, or that of something above it in the chain."""
    for one in _path(entry, seen):
        if one.not_after < seen.now:
            return {"not_after": f"{one.not_after:%Y-%m-%d %H:%M} UTC", "issuer": one.issuer}
    return None


def _to_come(entry: TlsHandshake, seen: Seen) -> Evidence | None:
    """Whose time is still to come, likewise."""
    for one in _path(entry, seen):
        if one.not_before > seen.now:
            return {"not_before": f"{one.not_before:%Y-%m-%d %H:%M} UTC", "issuer": one.issuer}
    return None


def _path(entry: TlsHandshake, seen: Seen) -> tuple[Certificate | SentCertificate, ...]:
    """From the leaf up."""
    sent = (
        chain.certificates
        for chain in seen.every(TlsChain)
        if (chain.endpoint, chain.address) == (entry.endpoint, entry.address)
    )
    up = walk(next(sent, ()))
    above = up.path[1:] if up else ()
    return (entry.certificate, *above) if entry.certificate else above
