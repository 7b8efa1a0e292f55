"""The addresses that a host leads to: whose are they, and are they the server's?"""

from __future__ import annotations

from eloquence_ops.checks.cdn_ranges import cdn_of
from eloquence_ops.checks.dns_told import is_inner, leading, published, texts
from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.endpoints import Endpoint, ip_address, scope_of
from eloquence_ops.findings import Evidence
from eloquence_ops.observations.names import ServerAnswer


@check(
    "dns.addresses",
    feeds=("survey",),
    outcomes={
        "ok": "scope",
        "mixed": "public private",
        "narrower": "addresses other",
        "proxied": "cdn",
        "api-proxied": "cdn",
    },
)
def addresses(endpoint: Endpoint, seen: Seen) -> Judgement:
    """Whose addresses they are: public or private ones, or those of a network in front."""
    survey = seen.survey(endpoint.host)
    told = leading(survey)
    if survey is None or not told:
        return
    aliases = tuple(name for answer in survey.answers for name in answer.aliases)
    for each in map(texts, told):
        public = tuple(text for text in each if scope_of(text) == "public")
        inner = tuple(text for text in each if text not in public)
        if public and inner:
            yield Verdict("mixed", {"public": public, "private": inner})
            return
    if cdn := cdn_of(published(survey), aliases):
        # LiveKit's own connections (TURN, ICE over TCP) pass through no HTTP proxy.
        media = endpoint in seen.livekits
        yield Verdict("proxied" if media else "api-proxied", {"cdn": cdn})
    elif not is_inner(told[0]):
        yield Verdict("ok", {"scope": "public"})
    elif other := _public_beside(endpoint, seen):
        yield Verdict("narrower", {"addresses": texts(told[0]), "other": other.display_host})
    else:
        yield Verdict("ok", {"scope": "private"})


def _public_beside(endpoint: Endpoint, seen: Seen) -> Endpoint | None:
    """Another endpoint of the target that the whole world is led to: an app uses both."""
    for other in (seen.target.api, *seen.livekits):
        told = leading(seen.survey(other.host)) if other and other.host != endpoint.host else ()
        if told and not any(map(is_inner, told)):
            return other
    return None


@check(
    "dns.server",
    feeds=("survey",),
    outcomes={
        "ok": "server",
        "elsewhere": "addresses server",
        "partly": "name_server addresses server",
        "not-known": "",
        "proxied": "cdn",
    },
)
def server(endpoint: Endpoint, seen: Seen) -> Judgement:
    """Whether the name leads to the server that the settings name, whoever is asked for it."""
    survey = seen.survey(endpoint.host)
    told = leading(survey)
    if survey is None or not told:
        return
    own = _server_addresses(seen)
    if not own:
        yield Verdict("not-known")
    elif any(_leads_to(own, texts(answer)) for answer in told):
        astray = [a for a in survey.answers if a.addresses and not _leads_to(own, texts(a))]
        if astray:
            yield Verdict("partly", _led_astray(astray[0], own[0]))
        else:
            yield Verdict("ok", {"server": own[0]})
    elif cdn := cdn_of(published(survey), ()):
        yield Verdict("proxied", {"cdn": cdn})
    else:
        yield Verdict("elsewhere", {"addresses": published(survey), "server": own[0]})


def _led_astray(by: ServerAnswer, own: str) -> Evidence:
    return {"name_server": by.server, "addresses": texts(by), "server": own}


def _leads_to(own: tuple[str, ...], addresses: tuple[str, ...]) -> bool:
    return bool(set(own) & set(addresses))


def _server_addresses(seen: Seen) -> tuple[str, ...]:
    """Those by which the server is reached, where the settings say so and they are public."""
    written = (seen.target.server or "").rpartition("@")[2]
    host = written.partition("]")[0].lstrip("[") if "[" in written else written.partition(":")[0]
    found = ip_address(host)
    return (found.compressed,) if found and scope_of(host) == "public" else ()
