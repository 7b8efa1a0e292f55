"""Names: do they lead to an address?"""

from __future__ import annotations

from eloquence_ops.checks.dns_told import resolvers, until
from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.endpoints import Endpoint


@check(
    "dns.resolves",
    feeds=("names",),
    outcomes={
        "ok": "host addresses",
        "no-name": "host resolver until",
        "no-address": "host resolver until",
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
            yield Verdict(lookup.outcome, evidence | {"until": _absent_until(lookup.host, seen)})


def _absent_until(host: str, seen: Seen) -> str:
    """When the last of the resolvers asked forgets that there is none, should there be one now."""
    survey = seen.survey(host)
    kept = [answer.negative_ttl_s for answer in resolvers(survey) if answer.outcome != "found"]
    seconds = max((entry for entry in kept if entry is not None), default=None)
    return until(seconds, survey, seen) if survey else "unknown-time"
