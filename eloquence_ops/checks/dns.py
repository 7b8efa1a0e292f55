"""Names: do they lead to an address?"""

from __future__ import annotations

from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.endpoints import Endpoint


@check(
    "dns.resolves",
    feeds=("names",),
    outcomes={
        "ok": "host addresses",
        "no-name": "host resolver",
        "no-address": "host resolver",
        "no-answer": "host resolver detail",
    },
)
def resolves(endpoint: Endpoint, seen: Seen) -> Judgement:
    """Whether the host has an A or AAAA record, as this machine resolves names."""
    lookup = seen.lookup(endpoint.host)
    if lookup is None:
        return
    evidence = {"host": lookup.host, "resolver": lookup.resolver}
    match lookup.outcome:
        case "found":
            addresses = tuple(entry.address for entry in lookup.addresses)
            yield Verdict(
                "ok", {"host": lookup.host, "addresses": addresses}, duration_s=lookup.duration_s
            )
        case "no-answer":
            yield Verdict("no-answer", evidence | {"detail": lookup.detail})
        case "no-name" | "no-address":
            yield Verdict(lookup.outcome, evidence)
