"""TLS: does the handshake pass as a client verifies it?"""

from __future__ import annotations

from typing import Final

from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.endpoints import Endpoint
from eloquence_ops.findings import Evidence
from eloquence_ops.observations import TcpConnect, TlsHandshake
from eloquence_ops.observations.transport import TlsOutcome

_OF_CERTIFICATES: Final = frozenset({"expired", "not-yet-valid", "name-mismatch", "untrusted"})


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
        yield Verdict("not-reached")
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
        if not any(_covers(name, entry.server_name) for name in leaf.names):
            found["name-mismatch"] = None
    return tuple(found)


def _covers(pattern: str, name: str) -> bool:
    """RFC 9525 §6.3: a wildcard stands for the whole leftmost label, nothing else."""
    pattern, name = pattern.lower(), name.lower()
    if pattern.startswith("*."):
        return name.partition(".")[2] == pattern[2:]
    return pattern == name


def _evidence(entry: TlsHandshake, outcome: TlsOutcome, seen: Seen) -> Evidence:
    leaf = entry.certificate
    issuer = leaf.issuer if leaf else None
    match outcome:
        case "ok":
            days = (leaf.not_after - seen.now).days if leaf else None
            return {"version": entry.version, "issuer": issuer, "days_left": days}
        case "expired":
            return {
                "not_after": f"{leaf.not_after:%Y-%m-%d %H:%M} UTC" if leaf else None,
                "issuer": issuer,
            }
        case "not-yet-valid":
            return {
                "not_before": f"{leaf.not_before:%Y-%m-%d %H:%M} UTC" if leaf else None,
                "issuer": issuer,
            }
        case "name-mismatch":
            return {"server_name": entry.server_name, "names": leaf.names if leaf else ()}
        case "untrusted":
            return {"issuer": issuer, "detail": entry.detail}
        case "plaintext":
            return {"address": entry.address}
        case "silent":
            return {"seconds": round(entry.duration_s, 1)}
        case _:
            return {"detail": entry.detail}
