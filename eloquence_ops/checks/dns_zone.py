"""What several name servers say of a host: do they agree, and is it the server they lead to?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from eloquence_ops.checks.cdn_ranges import cdn_of
from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.endpoints import Endpoint, ip_address, scope_of
from eloquence_ops.findings import Scalar
from eloquence_ops.observations.names import NameSurvey, ServerAnswer

_KNOWS: Final = frozenset({"found", "no-name", "no-address"})


@check(
    "dns.answers",
    feeds=("survey",),
    outcomes={
        "ok": "servers",
        "alone": "",
        "missing": "resolver authority addresses negative_ttl",
        "stale": "resolver told authority addresses ttl",
        "authorities-differ": "one told other addresses",
        "resolvers-differ": "one told other addresses",
    },
)
def answers(endpoint: Endpoint, seen: Seen) -> Judgement:
    """The resolvers against one another, and against those who know."""
    survey = seen.survey(endpoint.host)
    if survey is None:
        return
    told = [answer for answer in survey.answers if answer.outcome in _KNOWS]
    authorities = [answer for answer in told if answer.authoritative]
    resolvers = [answer for answer in told if not answer.authoritative]
    if not resolvers:
        return
    if pair := _differing(authorities):
        yield Verdict("authorities-differ", _two(*pair))
    elif len(told) == 1:
        yield Verdict("alone")
    elif authorities:
        yield _against(authorities[0], resolvers, len(told))
    elif pair := _differing(resolvers):
        yield Verdict("resolvers-differ", _two(*pair))
    else:
        yield Verdict("ok", {"servers": len(told)})


def _against(known: ServerAnswer, resolvers: list[ServerAnswer], servers: int) -> Verdict:
    for resolver in resolvers:
        if not _differ(resolver, known):
            continue
        evidence: dict[str, Scalar | tuple[str, ...]] = {
            "resolver": resolver.server,
            "authority": known.server,
        }
        if resolver.outcome != "found":
            seconds = resolver.negative_ttl_s
            evidence |= {"addresses": _texts(known), "negative_ttl": seconds}
            return Verdict("missing", evidence)
        evidence |= {"told": _texts(resolver), "addresses": _texts(known), "ttl": resolver.ttl_s}
        return Verdict("stale", evidence)
    return Verdict("ok", {"servers": servers})


def _differing(told: list[ServerAnswer]) -> tuple[ServerAnswer, ServerAnswer] | None:
    return next(((told[0], other) for other in told[1:] if _differ(told[0], other)), None)


def _differ(one: ServerAnswer, other: ServerAnswer) -> bool:
    """Servers that share an address agree: some hand out another part of them each time."""
    if one.outcome == "found" == other.outcome:
        return not set(_texts(one)) & set(_texts(other))
    return (one.outcome == "found") != (other.outcome == "found")


def _two(one: ServerAnswer, other: ServerAnswer) -> dict[str, str | tuple[str, ...]]:
    return {
        "one": one.server,
        "told": _texts(one) or (one.outcome,),
        "other": other.server,
        "addresses": _texts(other) or (other.outcome,),
    }


def _texts(answer: ServerAnswer) -> tuple[str, ...]:
    return tuple(entry.address for entry in answer.addresses)


@check(
    "dns.delegation",
    feeds=("survey",),
    outcomes={
        "ok": "zone name_servers",
        "not-found": "",
        "lame": "server rcode",
        "silent": "server",
    },
)
def delegation(endpoint: Endpoint, seen: Seen) -> Judgement:
    """Whether every server that is named for the zone serves it."""
    survey = seen.survey(endpoint.host)
    if survey is None:
        return
    authorities = [answer for answer in survey.answers if answer.authoritative]
    if not authorities:
        yield Verdict("not-found")
        return
    lame = [answer for answer in authorities if answer.outcome == "lame"]
    silent = [answer for answer in authorities if answer.outcome in ("silent", "failed")]
    for answer in lame[:1]:
        yield Verdict("lame", {"server": answer.server, "rcode": answer.rcode})
    for answer in silent[:1]:
        # All of them silent is a network that lets no questions out to strangers.
        outcome = "not-found" if len(silent) == len(authorities) else "silent"
        yield Verdict(outcome, {"server": answer.server} if outcome == "silent" else {})
    if not lame and not silent:
        yield Verdict("ok", {"zone": survey.zone, "name_servers": survey.name_servers})


@check(
    "dns.alias",
    feeds=("survey",),
    outcomes={"ok": "", "leads": "aliases", "dangling": "aliases", "loop": "aliases"},
)
def alias(endpoint: Endpoint, seen: Seen) -> Judgement:
    """Where the aliases of the host end."""
    told = _resolvers(seen.survey(endpoint.host))
    if not told:
        return
    first = told[0]
    if first.outcome == "loop":
        yield Verdict("loop", {"aliases": first.aliases})
    elif first.aliases:
        outcome = "leads" if first.outcome == "found" else "dangling"
        yield Verdict(outcome, {"aliases": first.aliases})
    else:
        yield Verdict("ok")


def _resolvers(survey: NameSurvey | None) -> list[ServerAnswer]:
    told = survey.answers if survey else ()
    return [a for a in told if not a.authoritative and a.outcome in _KNOWS | {"loop"}]


@check(
    "dns.dnssec",
    feeds=("survey",),
    outcomes={"ok": "resolver", "unsigned": "", "bogus": "resolver"},
)
def dnssec(endpoint: Endpoint, seen: Seen) -> Judgement:
    """Whether a resolver that verifies signatures refuses what one that does not would give."""
    survey = seen.survey(endpoint.host)
    if survey is None:
        return
    for answer in survey.answers:
        if answer.rcode == "SERVFAIL" and not answer.authoritative and survey.unchecked in _KNOWS:
            yield Verdict("bogus", {"resolver": answer.server})
            return
    told = _resolvers(survey)
    if verified := next((answer for answer in told if answer.authenticated), None):
        yield Verdict("ok", {"resolver": verified.server})
    elif told:
        yield Verdict("unsigned")


@check(
    "dns.addresses",
    feeds=("survey",),
    outcomes={"ok": "scope", "mixed": "public private", "proxied": "cdn", "api-proxied": "cdn"},
)
def addresses(endpoint: Endpoint, seen: Seen) -> Judgement:
    """Whose addresses they are: public or private ones, or those of a network in front."""
    survey = seen.survey(endpoint.host)
    texts = _published(survey)
    if survey is None or not texts:
        return
    public = tuple(text for text in texts if scope_of(text) == "public")
    inner = tuple(text for text in texts if text not in public)
    aliases = tuple(name for answer in survey.answers for name in answer.aliases)
    if public and inner:
        yield Verdict("mixed", {"public": public, "private": inner})
    elif cdn := cdn_of(texts, aliases):
        # LiveKit's own connections (TURN, ICE over TCP) pass through no HTTP proxy.
        media = endpoint in seen.livekits
        yield Verdict("proxied" if media else "api-proxied", {"cdn": cdn})
    else:
        yield Verdict("ok", {"scope": "public" if public else "private"})


def _published(survey: NameSurvey | None) -> tuple[str, ...]:
    """Every address that any server gives."""
    told = survey.answers if survey else ()
    return tuple(dict.fromkeys(text for answer in told for text in _texts(answer)))


@check(
    "dns.server",
    feeds=("survey",),
    outcomes={"ok": "server", "elsewhere": "addresses server", "not-known": "", "proxied": "cdn"},
)
def server(endpoint: Endpoint, seen: Seen) -> Judgement:
    """Whether the name leads to the server that the settings name."""
    survey = seen.survey(endpoint.host)
    texts = _published(survey)
    if survey is None or not texts:
        return
    own = _server_addresses(seen)
    if not own:
        yield Verdict("not-known")
    elif set(texts) & set(own):
        yield Verdict("ok", {"server": own[0]})
    elif cdn := cdn_of(texts, ()):
        yield Verdict("proxied", {"cdn": cdn})
    else:
        yield Verdict("elsewhere", {"addresses": texts, "server": own[0]})


def _server_addresses(seen: Seen) -> tuple[str, ...]:
    """Those by which the server is reached, where the settings say so and they are public."""
    written = (seen.target.server or "").rpartition("@")[2]
    host = written.partition("]")[0].lstrip("[") if "[" in written else written.partition(":")[0]
    found = ip_address(host)
    return (found.compressed,) if found and scope_of(host) == "public" else ()


@check("dns.wildcard", feeds=("survey",), outcomes={"none": "", "covers": "zone addresses"})
def wildcard(endpoint: Endpoint, seen: Seen) -> Judgement:
    """Whether a name that nobody made leads somewhere, so that a slip is not noticed."""
    survey = seen.survey(endpoint.host)
    if survey is None or not _resolvers(survey):
        return
    if survey.wildcard:
        parent = endpoint.host.partition(".")[2]
        yield Verdict("covers", {"zone": parent, "addresses": _plain(survey.wildcard)})
    else:
        yield Verdict("none")


def _plain(entries: Iterable[object]) -> tuple[str, ...]:
    return tuple(str(getattr(entry, "address", entry)) for entry in entries)


@check("dns.caa", feeds=("survey",), outcomes={"none": "", "ok": "at records"})
def caa(endpoint: Endpoint, seen: Seen) -> Judgement:
    """Who may issue certificates for the host."""
    survey = seen.survey(endpoint.host)
    if survey is None or not _resolvers(survey):
        return
    if survey.caa:
        yield Verdict("ok", {"at": survey.caa_at, "records": survey.caa})
    else:
        yield Verdict("none")


@check(
    "dns.sibling",
    feeds=("survey",),
    outcomes={"none": "", "absent": "name", "same": "name", "other": "name addresses name_servers"},
)
def sibling(endpoint: Endpoint, seen: Seen) -> Judgement:
    """What there is by the same name without its accents. No fault, whatever it is."""
    survey = seen.survey(endpoint.host)
    if survey is None or not _resolvers(survey):
        return
    plain = survey.look_alike
    if plain is None:
        yield Verdict("none")
    elif plain.outcome != "found":
        yield Verdict("absent", {"name": plain.host})
    elif set(_plain(plain.addresses)) & set(_published(survey)):
        yield Verdict("same", {"name": plain.host})
    else:
        evidence: dict[str, Scalar | tuple[str, ...]] = {"name": plain.host}
        evidence |= {"addresses": _plain(plain.addresses), "name_servers": plain.name_servers}
        yield Verdict("other", evidence)
