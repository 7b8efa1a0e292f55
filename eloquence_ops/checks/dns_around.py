"""What the DNS has around a host: a wildcard beside it, who may certify it, a domain like it."""

from __future__ import annotations

from collections.abc import Iterable

from eloquence_ops.checks.caa_issuers import Authority, forbids, issuer_of
from eloquence_ops.checks.dns_told import published, resolvers
from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.endpoints import Endpoint, covers
from eloquence_ops.findings import Scalar
from eloquence_ops.observations import TlsHandshake
from eloquence_ops.observations.names import Address, NameSurvey, Neighbour


@check(
    "dns.wildcard",
    feeds=("survey",),
    outcomes={
        "none": "",
        "covers": "zone addresses",
        "slip": "host other addresses other_addresses",
    },
)
def wildcard(endpoint: Endpoint, seen: Seen) -> Judgement:
    """Whether a name that nobody made leads somewhere, so that a slip is not noticed."""
    survey = seen.survey(endpoint.host)
    if survey is None or not resolvers(survey):
        return
    if meant := _meant_instead(survey):
        evidence: dict[str, Scalar | tuple[str, ...]] = {"host": survey.host, "other": meant.host}
        evidence |= {"addresses": _plain(survey.wildcard)}
        yield Verdict("slip", evidence | {"other_addresses": _plain(meant.addresses)})
    elif survey.wildcard:
        # Recordings from before it was kept: a host of two labels was asked for below itself.
        beside = endpoint.host.partition(".")[2]
        zone = survey.wildcard_at or (beside if "." in beside else endpoint.host)
        yield Verdict("covers", {"zone": zone, "addresses": _plain(survey.wildcard)})
    else:
        yield Verdict("none")


def _meant_instead(survey: NameSurvey) -> Neighbour | None:
    """A name in use, a slip away, that has records of its own and leads elsewhere.

    Where both lead to the same server nothing is hidden: whichever is meant, it is reached.
    """
    for neighbour in survey.neighbours:
        if neighbour.addresses and not set(neighbour.addresses) & set(survey.wildcard):
            return neighbour
    return None


def _plain(entries: Iterable[Address]) -> tuple[str, ...]:
    return tuple(entry.address for entry in entries)


@check(
    "dns.caa",
    feeds=("survey",),
    outcomes={"none": "", "ok": "at records", "forbids": "at records issuer names"},
)
def caa(endpoint: Endpoint, seen: Seen) -> Judgement:
    """Who may issue certificates for the host, and whether that is who issued the one shown."""
    survey = seen.survey(endpoint.host)
    if survey is None or not resolvers(survey):
        return
    if not survey.caa:
        yield Verdict("none")
        return
    found: dict[str, Scalar | tuple[str, ...]] = {"at": survey.caa_at, "records": survey.caa}
    if barred := _barred_issuer(endpoint.host, survey, seen):
        yield Verdict("forbids", found | {"issuer": barred.organisation, "names": barred.names})
    else:
        yield Verdict("ok", found)


def _barred_issuer(host: str, survey: NameSurvey, seen: Seen) -> Authority | None:
    """The authority that issued a certificate shown for the host and may not issue another."""
    for entry in seen.every(TlsHandshake):
        leaf = entry.certificate
        if entry.server_name != host or leaf is None:
            continue
        issuer = issuer_of(leaf.issuer)
        by_name = any(name.lower() == host for name in leaf.names)
        wildcard = not by_name and any(covers(name, host) for name in leaf.names)
        if issuer and forbids(survey.caa, issuer, wildcard=wildcard):
            return issuer
    return None


@check(
    "dns.sibling",
    feeds=("survey",),
    outcomes={"none": "", "absent": "name", "same": "name", "other": "name addresses name_servers"},
)
def sibling(endpoint: Endpoint, seen: Seen) -> Judgement:
    """What there is by the same name without its accents. No fault, whatever it is."""
    survey = seen.survey(endpoint.host)
    if survey is None or not resolvers(survey):
        return
    plain = survey.look_alike
    if plain is None:
        yield Verdict("none")
    elif plain.outcome != "found":
        yield Verdict("absent", {"name": plain.host})
    elif set(_plain(plain.addresses)) & set(published(survey)):
        yield Verdict("same", {"name": plain.host})
    else:
        evidence: dict[str, Scalar | tuple[str, ...]] = {"name": plain.host}
        evidence |= {"addresses": _plain(plain.addresses), "name_servers": plain.name_servers}
        yield Verdict("other", evidence)
