"""What several name servers say of a host: do they agree, and do they serve it as they should?"""

from __future__ import annotations

from typing import Final

from eloquence_ops.checks.dns_told import KNOWS, differ, is_inner, resolvers, texts, until
from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.endpoints import Endpoint
from eloquence_ops.findings import Family, Scalar
from eloquence_ops.observations.names import NameSurvey, ServerAnswer

_Fields = dict[str, Scalar | tuple[str, ...]]
# What an authority says that serves the zone.
_SERVES: Final = KNOWS | {"alias", "loop"}


@check(
    "dns.answers",
    feeds=("survey",),
    outcomes={
        "ok": "servers",
        "alone": "",
        "missing": "resolver authority addresses until",
        "split": "resolver told authority addresses",
        "stale": "resolver told authority addresses until",
        "authorities-differ": "one told other addresses",
        "resolvers-differ": "one told other addresses",
    },
)
def answers(endpoint: Endpoint, seen: Seen) -> Judgement:
    """The resolvers against one another, and against those who know."""
    survey = seen.survey(endpoint.host)
    if survey is None:
        return
    told = [answer for answer in survey.answers if answer.outcome in KNOWS]
    authorities = [answer for answer in told if answer.authoritative]
    asked = [answer for answer in told if not answer.authoritative]
    if not asked:
        return
    if pair := _differing(authorities):
        yield Verdict("authorities-differ", _two(*pair))
    elif len(told) == 1:
        yield Verdict("alone")
    elif authorities:
        different = (entry for entry in asked if differ(entry, authorities[0]))
        first = next(different, None)
        yield (
            _against(authorities[0], first, survey, seen)
            if first
            else Verdict("ok", {"servers": len(told)})
        )
    elif pair := _differing(asked):
        yield Verdict("resolvers-differ", _two(*pair))
    else:
        yield Verdict("ok", {"servers": len(told)})


def _against(
    known: ServerAnswer, resolver: ServerAnswer, survey: NameSurvey, seen: Seen
) -> Verdict:
    who: _Fields = {"resolver": resolver.server, "authority": known.server}
    there: _Fields = {"addresses": texts(known) or (known.outcome,)}
    if resolver.outcome != "found":
        end = until(resolver.negative_ttl_s, survey, seen)
        return Verdict("missing", who | there | {"until": end})
    there |= {"told": texts(resolver)}
    if is_inner(resolver) and not is_inner(known):
        return Verdict("split", who | there)
    # Of an address that it has not, it remembers that there was none.
    kept = [s for s in (resolver.ttl_s, resolver.negative_ttl_s) if s is not None]
    seconds = max(kept, default=None)
    return Verdict("stale", who | there | {"until": until(seconds, survey, seen)})


def _differing(told: list[ServerAnswer]) -> tuple[ServerAnswer, ServerAnswer] | None:
    return next(((told[0], other) for other in told[1:] if differ(told[0], other)), None)


def _two(one: ServerAnswer, other: ServerAnswer) -> dict[str, str | tuple[str, ...]]:
    return {
        "one": one.server,
        "told": texts(one) or (one.outcome,),
        "other": other.server,
        "addresses": texts(other) or (other.outcome,),
    }


@check(
    "dns.delegation",
    feeds=("survey",),
    outcomes={
        "ok": "zone name_servers",
        "not-found": "",
        "lame": "server rcode",
        "silent": "server",
        "nowhere": "server",
        "nobody": "zone name_servers",
    },
)
def delegation(endpoint: Endpoint, seen: Seen) -> Judgement:
    """Whether every server that is named for the zone serves it."""
    survey = seen.survey(endpoint.host)
    if survey is None:
        return
    authorities = [a for a in survey.answers if a.authoritative and _can_be_asked(a, seen)]
    zone: _Fields = {"zone": survey.zone, "name_servers": survey.name_servers}
    at_fault = [answer for answer in authorities if answer.outcome not in _SERVES]
    if not at_fault:
        yield Verdict("ok", zone) if authorities else Verdict("not-found")
    elif len(at_fault) == len(authorities) and _resolvers_fail(survey):
        yield Verdict("nobody", zone)
    elif all(answer.outcome in ("silent", "failed") for answer in authorities):
        # All of them silent is a network that lets no questions out to strangers.
        yield Verdict("not-found")
    else:
        yield from _each_kind(at_fault)


def _each_kind(at_fault: list[ServerAnswer]) -> Judgement:
    """One server of each kind: the others are mended with it."""
    found: dict[str, Verdict] = {}
    for answer in at_fault:
        evidence: _Fields = {"server": answer.server}
        if answer.outcome == "lame":
            found.setdefault("lame", Verdict("lame", evidence | {"rcode": answer.rcode}))
        else:
            outcome = "nowhere" if answer.outcome == "nowhere" else "silent"
            found.setdefault(outcome, Verdict(outcome, evidence))
    yield from found.values()


def _can_be_asked(authority: ServerAnswer, seen: Seen) -> bool:
    """A server with an IPv6 address only is not at fault for a machine without IPv6."""
    return ":" not in authority.address or seen.has_route(Family.IPV6)


def _resolvers_fail(survey: NameSurvey) -> bool:
    """Whether a resolver that is there came to no end with the name, and none did."""
    asked = [answer for answer in survey.answers if not answer.authoritative]
    return not resolvers(survey) and any(answer.rcode for answer in asked)


@check(
    "dns.alias",
    feeds=("survey",),
    outcomes={"ok": "", "leads": "aliases", "dangling": "aliases", "loop": "aliases"},
)
def alias(endpoint: Endpoint, seen: Seen) -> Judgement:
    """Where the aliases of the host end."""
    survey = seen.survey(endpoint.host)
    told = resolvers(survey)
    turning = [a for a in (survey.answers if survey else ()) if a.outcome == "loop"]
    if turning:
        yield Verdict("loop", {"aliases": turning[0].aliases})
    elif not told:
        return
    elif told[0].aliases:
        outcome = "leads" if told[0].outcome == "found" else "dangling"
        yield Verdict(outcome, {"aliases": told[0].aliases})
    else:
        yield Verdict("ok")
