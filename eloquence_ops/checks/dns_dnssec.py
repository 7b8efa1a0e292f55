"""Signatures: does a resolver refuse a host because they do not hold, and why do they not?"""

from __future__ import annotations

from eloquence_ops.checks.dns_told import KNOWS, resolvers
from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.endpoints import Endpoint
from eloquence_ops.observations.names import NameSurvey, ServerAnswer


@check(
    "dns.dnssec",
    feeds=("survey",),
    outcomes={
        "ok": "resolver",
        "unsigned": "",
        "expired": "resolver ended",
        "wrong-key": "resolver zone named keys",
        "not-signed": "resolver zone named",
        "bogus": "resolver",
    },
)
def dnssec(endpoint: Endpoint, seen: Seen) -> Judgement:
    """Whether a resolver that verifies signatures refuses what one that does not would give."""
    survey = seen.survey(endpoint.host)
    if survey is None:
        return
    if refusing := refusing_resolver(survey):
        yield _why(refusing, survey, seen)
        return
    told = resolvers(survey)
    if verified := next((answer for answer in told if answer.authenticated), None):
        yield Verdict("ok", {"resolver": verified.server})
    elif told:
        yield Verdict("unsigned")


def refusing_resolver(survey: NameSurvey) -> ServerAnswer | None:
    """The first resolver that answers only where it need not verify."""
    failing = [a for a in survey.answers if a.rcode == "SERVFAIL" and not a.authoritative]
    for place, answer in enumerate(failing):
        # Recordings from before each was asked again have it of the first one only.
        if (answer.unchecked or (survey.unchecked if place == 0 else None)) in KNOWS:
            return answer
    return None


def _why(refusing: ServerAnswer, survey: NameSurvey, seen: Seen) -> Verdict:
    """The first link of the chain that breaks, from the domain above to the host's records."""
    trust, who = survey.trust, refusing.server
    if trust is None:
        return Verdict("bogus", {"resolver": who})
    named, keys = (tuple(map(str, tags)) for tags in (trust.named, trust.keys))
    if named and not trust.is_signed:
        return Verdict("not-signed", {"resolver": who, "zone": survey.zone, "named": named})
    if named and not trust.holds:
        found = {"resolver": who, "zone": survey.zone}
        return Verdict("wrong-key", found | {"named": named, "keys": keys})
    if trust.expires_at is not None and trust.expires_at < seen.now:
        ended = f"{trust.expires_at:%Y-%m-%d %H:%M} UTC"
        return Verdict("expired", {"resolver": who, "ended": ended})
    return Verdict("bogus", {"resolver": who})
