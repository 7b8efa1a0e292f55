"""What is made of the answers of several name servers, and of names as they are written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from eloquence_ops.checks import (
    dns_addresses,
    dns_around,
    dns_certificate,
    dns_connects,
    dns_dnssec,
    dns_labels,
    dns_resolvers,
    dns_zone,
)
from eloquence_ops.checks.registry import Judge
from eloquence_ops.checks.seen import Asked, Seen
from eloquence_ops.endpoints import ip_address, parse
from eloquence_ops.findings import Family
from eloquence_ops.observations import (
    AddressLookup,
    AnyObservation,
    MachineNetwork,
    NameSurvey,
    TcpConnect,
    TlsHandshake,
)
from eloquence_ops.observations.names import (
    Address,
    ChainOfTrust,
    LookAlike,
    Neighbour,
    ServerAnswer,
)
from eloquence_ops.observations.transport import Certificate
from eloquence_ops.probes.name_forms import shown
from eloquence_ops.settings import Target

API = parse("https://api.éloquence.com", "api")
LIVEKIT = parse("wss://livekit.éloquence.com", "livekit")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def entries(*texts: str) -> tuple[Address, ...]:
    families = {text: Family.IPV6 if ":" in text else Family.IPV4 for text in texts}
    assert all(ip_address(text) for text in texts)
    return tuple(Address(family=families[text], address=text) for text in texts)


def said(server: str, *addresses: str, **more: Any) -> ServerAnswer:
    """Found, where there are addresses; a name that begins with `ns` is an authority's."""
    outcome = "found" if addresses else "no-name"
    fields: dict[str, Any] = {"outcome": outcome, "authoritative": server.startswith("ns")} | more
    return ServerAnswer(server=server, addresses=entries(*addresses), **fields)


def seen(*observations: AnyObservation, server: str | None = None) -> Seen:
    target = Target("t", api=API, livekit=LIVEKIT, server=server)
    return Seen(target, Asked(frozenset({"dns"})), NOW, observations)


def outcomes(judge: Judge, thing: object, world: Seen) -> list[str]:
    return [verdict.outcome for verdict in judge(thing, world)]


def surveyed(*answers: ServerAnswer, **more: Any) -> NameSurvey:
    return NameSurvey(host=API.host, answers=answers, **more)


OLD, NEW = "192.0.2.1", "192.0.2.2"
BOTH = tuple(Family)
BEFORE, AFTER = NOW - timedelta(days=1), NOW + timedelta(days=1)
FAILED = said("r", outcome="failed", rcode="SERVFAIL")
FAILED_TOO = FAILED.model_copy(update={"unchecked": "failed"})
REFUSING = FAILED.model_copy(update={"server": "v", "unchecked": "found"})


def trust(**more: Any) -> ChainOfTrust:
    fields: dict[str, Any] = {"named": (7,), "keys": (7,), "holds": True, "is_signed": True}
    return ChainOfTrust(**fields | more)


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        ((said("r", NEW), said("ns1", NEW), said("ns2", NEW)), "ok"),
        ((said("r", NEW, OLD), said("ns1", NEW)), "ok"),
        ((said("r"), said("ns1")), "ok"),
        ((said("r"), said("ns1", outcome="no-address")), "ok"),
        ((said("r", NEW), said("ns1", outcome="alias")), "alone"),
        ((said("r", NEW), said("ns1", outcome="lame")), "alone"),
        ((said("r", NEW),), "alone"),
        ((said("r", OLD), said("ns1", NEW)), "stale"),
        ((said("r", NEW), said("q", OLD), said("ns1", NEW)), "stale"),
        ((said("r"), said("ns1", NEW)), "missing"),
        ((said("r", NEW), said("q", outcome="no-address"), said("ns1", NEW)), "missing"),
        ((said("r", OLD), said("ns1")), "stale"),
        ((said("r", NEW), said("ns1", NEW), said("ns2", OLD)), "authorities-differ"),
        ((said("r", NEW), said("ns1", NEW), said("ns2")), "authorities-differ"),
        ((said("r", NEW), said("q", OLD)), "resolvers-differ"),
        ((said("r", NEW), said("q")), "resolvers-differ"),
        ((said("r", NEW), said("q", NEW)), "ok"),
        # The same IPv4 address, and another IPv6 one.
        ((said("r", NEW, "2001:db8::1"), said("ns1", NEW, "2001:db8::2")), "stale"),
        ((said("r", NEW, "2001:db8::1"), said("ns1", NEW, "2001:db8::1")), "ok"),
        ((said("r", NEW, told=BOTH), said("ns1", NEW, "2001:db8::2")), "stale"),
        ((said("r", NEW, "2001:db8::1"), said("ns1", NEW, told=BOTH)), "stale"),
        # It was not asked for the other family, or did not answer.
        ((said("r", NEW), said("ns1", NEW, "2001:db8::2")), "ok"),
        # Made of the IPv4 address, for a network with IPv6 only.
        ((said("r", NEW, "64:ff9b::c000:202"), said("ns1", NEW, told=BOTH)), "ok"),
        ((said("r", NEW, "64:ff9b::c000:203"), said("ns1", NEW, told=BOTH)), "stale"),
        ((said("r", "10.0.0.7"), said("ns1", NEW)), "split"),
        ((said("r", "10.0.0.7"), said("ns1")), "split"),
        ((said("r", "10.0.0.7"), said("ns1", "10.0.0.8")), "stale"),
        ((said("r", "10.0.0.7", NEW), said("ns1", OLD)), "stale"),
    ],
)
def test_name_servers_agree_or_not(answers: tuple[ServerAnswer, ...], outcome: str) -> None:
    assert outcomes(dns_zone.answers, API, seen(surveyed(*answers))) == [outcome]


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        ((said("r", NEW),), ["not-found"]),
        ((said("r", NEW), said("ns1", NEW)), ["ok"]),
        ((said("r", NEW), said("ns1", outcome="lame"), said("ns2", NEW)), ["lame"]),
        ((said("r", NEW), said("ns1", outcome="silent"), said("ns2", NEW)), ["silent"]),
        # A network that lets nobody ask strangers.
        ((said("r", NEW), said("ns1", outcome="silent")), ["not-found"]),
        (
            (said("r", NEW), said("ns1", outcome="lame"), said("ns2", outcome="failed")),
            ["lame", "silent"],
        ),
        ((said("r", NEW), said("ns1", NEW), said("ns2", outcome="nowhere")), ["nowhere"]),
        # Nobody serves it, and resolvers say so in their way.
        ((FAILED, said("ns1", outcome="lame"), said("ns2", outcome="silent")), ["nobody"]),
        ((FAILED, said("ns1", outcome="silent")), ["nobody"]),
        ((FAILED, said("ns1", NEW), said("ns2", outcome="lame")), ["lame"]),
        ((said("r", outcome="silent"), said("ns1", outcome="silent")), ["not-found"]),
        # This machine has no IPv6, and the server nothing else.
        (
            (
                said("r", NEW),
                said("ns1", NEW),
                said("ns2", outcome="failed", address="2001:db8::5"),
            ),
            ["ok"],
        ),
    ],
)
def test_servers_that_are_named_for_the_zone(
    answers: tuple[ServerAnswer, ...], found: list[str]
) -> None:
    here = MachineNetwork(routes=(Family.IPV4,))
    assert outcomes(dns_zone.delegation, API, seen(here, surveyed(*answers))) == found


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (said("r", NEW), "ok"),
        (said("r", NEW, aliases=("a.test",)), "leads"),
        (said("r", aliases=("gone.test",)), "dangling"),
        (said("r", outcome="no-address", aliases=("empty.test",)), "dangling"),
        (said("r", outcome="loop", aliases=("a.test", "b.test")), "loop"),
    ],
)
def test_aliases(answer: ServerAnswer, outcome: str) -> None:
    assert outcomes(dns_zone.alias, API, seen(surveyed(answer))) == [outcome]


@pytest.mark.parametrize(
    ("survey", "found"),
    [
        (surveyed(said("r", NEW)), ["unsigned"]),
        (surveyed(said("r", NEW, authenticated=True)), ["ok"]),
        (surveyed(FAILED, unchecked="found"), ["bogus"]),
        (surveyed(FAILED, unchecked="no-name"), ["bogus"]),
        (surveyed(FAILED, unchecked="failed"), []),
        (surveyed(FAILED, said("q", NEW), unchecked="found"), ["bogus"]),
        # The first one is broken, and the second one refuses.
        (surveyed(FAILED_TOO, REFUSING, unchecked="failed"), ["bogus"]),
        (surveyed(said("r", NEW), REFUSING), ["bogus"]),
        (surveyed(FAILED_TOO), []),
        (surveyed(REFUSING, trust=trust(expires_at=BEFORE)), ["expired"]),
        (surveyed(REFUSING, trust=trust(expires_at=AFTER)), ["bogus"]),
        (surveyed(REFUSING, trust=trust(expires_at=BEFORE, holds=False)), ["wrong-key"]),
        (surveyed(REFUSING, trust=trust(is_signed=False, holds=False)), ["not-signed"]),
        (surveyed(REFUSING, trust=ChainOfTrust()), ["bogus"]),
        (surveyed(said("r", outcome="silent")), []),
    ],
)
def test_signatures(survey: NameSurvey, found: list[str]) -> None:
    assert outcomes(dns_dnssec.dnssec, API, seen(survey)) == found


@pytest.mark.parametrize(
    ("addresses", "aliases", "for_api", "for_livekit"),
    [
        (("192.0.2.1", "2001:db8::1"), (), "ok", "ok"),
        (("10.0.0.7",), (), "ok", "ok"),
        (("192.0.2.1", "10.0.0.7"), (), "mixed", "mixed"),
        (("192.0.2.1", "::1"), (), "mixed", "mixed"),
        (("104.16.132.229",), (), "api-proxied", "proxied"),
        (("2606:4700::6810:84e5",), (), "api-proxied", "proxied"),
        (("192.0.2.1",), ("d1.cloudfront.net",), "api-proxied", "proxied"),
        (("192.0.2.1",), ("notcloudfront.net",), "ok", "ok"),
        (("104.32.0.1",), (), "ok", "ok"),
    ],
)
def test_whose_addresses_they_are(
    addresses: tuple[str, ...], aliases: tuple[str, ...], for_api: str, for_livekit: str
) -> None:
    answer = said("r", *addresses, aliases=aliases)
    for endpoint, expected in ((API, for_api), (LIVEKIT, for_livekit)):
        world = seen(NameSurvey(host=endpoint.host, answers=(answer,)))
        assert outcomes(dns_addresses.addresses, endpoint, world) == [expected]


@pytest.mark.parametrize(
    ("server", "addresses", "outcome"),
    [
        ("root@192.0.2.1", ("192.0.2.1",), "ok"),
        ("root@192.0.2.1:2222", ("192.0.2.9", "192.0.2.1"), "ok"),
        ("root@[2001:db8::1]:22", ("2001:db8::1",), "ok"),
        ("root@192.0.2.1", ("192.0.2.9",), "elsewhere"),
        ("root@192.0.2.1", ("104.16.132.229",), "proxied"),
        ("root@10.0.0.5", ("192.0.2.9",), "not-known"),
        ("production", ("192.0.2.9",), "not-known"),
        (None, ("192.0.2.9",), "not-known"),
    ],
)
def test_the_server_of_the_settings(
    server: str | None, addresses: tuple[str, ...], outcome: str
) -> None:
    world = seen(surveyed(said("r", *addresses)), server=server)
    assert outcomes(dns_addresses.server, API, world) == [outcome]


@pytest.mark.parametrize(
    ("look_alike", "outcome"),
    [
        (None, "none"),
        (LookAlike(host="a.test", outcome="no-name"), "absent"),
        (LookAlike(host="a.test", outcome="found", addresses=entries(NEW)), "same"),
        (LookAlike(host="a.test", outcome="found", addresses=entries(OLD)), "other"),
    ],
)
def test_the_name_without_accents_is_never_a_fault(
    look_alike: LookAlike | None, outcome: str
) -> None:
    world = seen(surveyed(said("r", NEW), look_alike=look_alike))
    assert outcomes(dns_around.sibling, API, world) == [outcome]


@pytest.mark.parametrize(
    ("in_settings", "handed_out", "label", "lookalike"),
    [
        ("api.éloquence.com", "livekit.xn--loquence-90a.com", "ok", "ok"),
        ("api.éloquence.com", "livekit.eloquence.com", "ok", "handed-out"),
        ("api.éloquence.com", "livekit.elоquence.com", "imitating", "handed-out"),
        ("api.éloquence.com", "livekit.xn--loquence-90b.com", "near-handed-out", "ok"),
        ("api.éloquence.com", "other.example", "ok", "ok"),
        ("api.éloquence.com", "xn--eloquence-.com", "refused", None),
        ("api.éloquence.com", "%C3%A9loquence.com", "percent-encoded", "ok"),
        ("api.éloquence.com", "e\u0301loquence.com", "decomposed", "ok"),
        ("api.éloquence.com", "日本я.com", "mixed", "ok"),
        ("api.éloquence.com", "a" * 5000, "refused", None),
    ],
)
def test_names_in_use(in_settings: str, handed_out: str, label: str, lookalike: str | None) -> None:
    first = shown("api", in_settings, started=0.0)
    second = shown("session", handed_out, started=0.0)
    world = seen(second, first)
    assert outcomes(dns_labels.label, first, world) == ["ok"]
    assert outcomes(dns_labels.lookalike, first, world) == ["ok"]
    assert outcomes(dns_labels.label, second, world) == [label]
    expected = [] if lookalike is None else [lookalike]
    assert outcomes(dns_labels.lookalike, second, world) == expected


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        ((said("r", NEW), said("ns1", NEW)), "ok"),
        # Every resolver still leads to the machine from before.
        ((said("r", OLD), said("ns1", NEW)), "partly"),
        ((said("r", NEW), said("q", OLD)), "partly"),
        ((said("r", NEW), said("ns1", NEW), said("ns2", OLD)), "partly"),
        ((said("r", NEW), said("ns1", OLD)), "elsewhere"),
        ((said("r", NEW), said("ns1", "104.16.132.229")), "proxied"),
        ((said("r", NEW), said("ns1", outcome="lame")), "ok"),
    ],
)
def test_whoever_is_asked_for_it_the_name_leads_to_the_server(
    answers: tuple[ServerAnswer, ...], outcome: str
) -> None:
    world = seen(surveyed(*answers), server=f"root@{NEW}")
    assert outcomes(dns_addresses.server, API, world) == [outcome]


def test_addresses_of_several_servers_are_not_put_together() -> None:
    world = seen(surveyed(said("r", "10.0.0.7"), said("ns1", NEW)))
    assert outcomes(dns_addresses.addresses, API, world) == ["ok"]


@pytest.mark.parametrize(("of_api", "outcome"), [(NEW, "narrower"), ("10.0.0.8", "ok"), ("", "ok")])
def test_a_private_address_beside_a_public_name(of_api: str, outcome: str) -> None:
    private = NameSurvey(host=LIVEKIT.host, answers=(said("ns1", "10.0.0.7"),))
    world = seen(private, surveyed(said("ns1", *filter(None, [of_api]))))
    assert outcomes(dns_addresses.addresses, LIVEKIT, world) == [outcome]


def test_until_when_an_answer_may_be_kept() -> None:
    gone = surveyed(said("r", negative_ttl_s=90), said("ns1", NEW), at_s=5.0)
    (verdict,) = dns_zone.answers(API, seen(gone))
    assert verdict.evidence["until"] == "2026-01-01 00:01:35 UTC"
    old = surveyed(said("r", OLD, ttl_s=3600), said("ns1", NEW))
    (verdict,) = dns_zone.answers(API, seen(old))
    assert verdict.evidence["until"] == "2026-01-01 01:00:00 UTC"
    (verdict,) = dns_zone.answers(API, seen(surveyed(said("r", OLD), said("ns1", NEW))))
    assert verdict.evidence["until"] == "unknown-time"


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        ((said("r", NEW),), "ok"),
        ((said("r", NEW), said("q", outcome="silent")), "silent"),
        ((said("r", NEW), said("q", outcome="failed")), "silent"),
        ((said("r", NEW), said("q", outcome="failed", rcode="REFUSED")), "refuses"),
        ((said("r", NEW), FAILED_TOO), "refuses"),
        ((said("r", NEW), REFUSING), "ok"),
        ((said("r", NEW), said("q", outcome="cut")), "cut"),
        ((said("q", outcome="silent"), said("ns1", NEW)), "silent"),
        ((said("q", outcome="silent"),), "nobody"),
        # Nobody serves the zone: that is not the resolver's fault.
        ((FAILED_TOO, said("ns1", outcome="lame")), "ok"),
    ],
)
def test_a_resolver_is_at_fault_where_another_server_answers(
    answers: tuple[ServerAnswer, ...], outcome: str
) -> None:
    assert outcomes(dns_resolvers.resolver, API, seen(surveyed(*answers))) == [outcome]


def looked_up(*addresses: str, outcome: str = "found", resolver: str = "system") -> AddressLookup:
    fields: dict[str, Any] = {"outcome": outcome, "addresses": entries(*addresses)}
    return AddressLookup(host=API.host, resolver=resolver, **fields)


@pytest.mark.parametrize(
    ("told", "answers", "outcome"),
    [
        (looked_up(NEW), (said("r", NEW),), "ok"),
        (looked_up(NEW), (said("r", NEW, "2001:db8::1"),), "ok"),
        (looked_up(NEW), (said("r", OLD), said("q", NEW)), "ok"),
        (looked_up(OLD), (said("r", NEW),), "differs"),
        (looked_up(NEW, "2001:db8::9"), (said("r", NEW, "2001:db8::1"),), "differs"),
        (looked_up(OLD), (said("r"),), "only-here"),
        (looked_up(outcome="no-name"), (said("r", NEW),), "missing"),
        (looked_up(outcome="no-name"), (said("r"),), "ok"),
        (looked_up(outcome="no-answer"), (said("r", NEW),), "not-told"),
        (looked_up(OLD), (said("r", outcome="silent"),), "not-told"),
        (looked_up(OLD), (said("r", outcome="silent"), said("ns1", NEW)), "not-told"),
        (looked_up(OLD, resolver="192.0.2.53:53"), (said("r", NEW),), "not-told"),
        (looked_up(*(f"192.0.2.{n}" for n in range(16))), (said("r", "192.0.3.1"),), "ok"),
    ],
)
def test_applications_on_this_machine_are_told_the_same(
    told: AddressLookup, answers: tuple[ServerAnswer, ...], outcome: str
) -> None:
    assert outcomes(dns_resolvers.system, API, seen(told, surveyed(*answers))) == [outcome]


def tried(outcome: str, address: str = NEW) -> TcpConnect:
    family = Family.IPV6 if ":" in address else Family.IPV4
    fields: dict[str, Any] = {"outcome": outcome, "family": family, "address": address}
    return TcpConnect(endpoint=str(API), port=443, **fields)


@pytest.mark.parametrize(
    ("attempts", "found"),
    [
        ((tried("connected"),), ["ok"]),
        ((tried("connected"), tried("connected", "2001:db8::1")), ["ok"]),
        ((tried("connected"), tried("refused", "2001:db8::1")), ["one-family"]),
        ((tried("silent"), tried("connected", "2001:db8::1")), ["one-family"]),
        ((tried("connected"), tried("no-route-here", "2001:db8::1")), ["ok"]),
        ((tried("connected", "127.0.0.1"), tried("refused", "::1")), ["ok"]),
        ((tried("refused"), tried("refused", "2001:db8::1")), ["nobody"]),
        ((), []),
    ],
)
def test_published_addresses_are_connected_to(
    attempts: tuple[TcpConnect, ...], found: list[str]
) -> None:
    assert outcomes(dns_connects.connects, API, seen(*attempts)) == found


def test_what_an_area_of_its_own_tells_is_not_told_twice() -> None:
    whole = Seen(Target("t", api=API), Asked(frozenset({"dns", "api"})), NOW, (tried("refused"),))
    assert outcomes(dns_connects.connects, API, whole) == ["with-service"]


@pytest.mark.parametrize(
    ("wildcard", "meant", "outcome"),
    [
        ((OLD,), (NEW,), "slip"),
        ((OLD,), (OLD,), "covers"),
        ((OLD,), (), "covers"),
        ((), (), "none"),
    ],
)
def test_a_wildcard_that_hides_a_slip(
    wildcard: tuple[str, ...], meant: tuple[str, ...], outcome: str
) -> None:
    neighbour = Neighbour(host="apo.xn--loquence-90a.com", addresses=entries(*meant))
    world = surveyed(said("r", OLD), wildcard=entries(*wildcard), neighbours=(neighbour,))
    assert outcomes(dns_around.wildcard, API, seen(world)) == [outcome]


@pytest.mark.parametrize(
    ("host", "at", "zone"),
    [
        ("éloquence.com", "xn--loquence-90a.com", "xn--loquence-90a.com"),
        ("éloquence.com", "", "xn--loquence-90a.com"),  # as recordings from before have it
        ("api.éloquence.com", "", "xn--loquence-90a.com"),
    ],
)
def test_a_wildcard_is_told_of_the_names_that_were_asked_for(host: str, at: str, zone: str) -> None:
    endpoint = parse(f"https://{host}", "api")
    survey = NameSurvey(
        host=endpoint.host, answers=(said("r", NEW),), wildcard=entries(OLD), wildcard_at=at
    )
    (verdict,) = dns_around.wildcard(endpoint, seen(survey))
    assert verdict.evidence["zone"] == zone


def shown_certificate(issuer: str, *names: str) -> TlsHandshake:
    leaf = Certificate(
        subject="CN=x", issuer=issuer, names=names or (API.host,), not_before=NOW, not_after=NOW
    )
    fields: dict[str, Any] = {"family": Family.IPV4, "outcome": "untrusted", "certificate": leaf}
    return TlsHandshake(endpoint=str(API), address=NEW, server_name=API.host, **fields)


LE = "CN=R11,O=Let's Encrypt,C=US"
ANY_OF_THE_DOMAIN = "*.xn--loquence-90a.com"


@pytest.mark.parametrize(
    ("records", "handshake", "outcome"),
    [
        ((), shown_certificate(LE), "none"),
        (('0 issue "letsencrypt.org"',), shown_certificate(LE), "ok"),
        (('0 issue "digicert.com"',), shown_certificate(LE), "forbids"),
        (('0 issue "digicert.com"',), shown_certificate("CN=us,O=Nobody knows"), "ok"),
        (('0 issue "digicert.com"',), shown_certificate(LE, ANY_OF_THE_DOMAIN), "forbids"),
        (('0 issue ";"', '0 issuewild "letsencrypt.org"'), shown_certificate(LE), "forbids"),
        (
            ('0 issue ";"', '0 issuewild "letsencrypt.org"'),
            shown_certificate(LE, ANY_OF_THE_DOMAIN),
            "ok",
        ),
    ],
)
def test_the_authority_of_the_certificate_may_issue_the_next_one(
    records: tuple[str, ...], handshake: TlsHandshake, outcome: str
) -> None:
    world = seen(handshake, surveyed(said("r", NEW), caa=records, caa_at="x"))
    assert outcomes(dns_around.caa, API, world) == [outcome]


def test_two_names_that_were_typed_are_told_apart_and_are_no_fault() -> None:
    names = ("éloquence.com", "eloquence.com", "xn--loquence-90b.com")
    first, alike, near = (shown("asked", name, started=0.0) for name in names)
    world = seen(first, alike, near)
    assert outcomes(dns_labels.lookalike, alike, world) == ["asked"]
    assert outcomes(dns_labels.label, alike, world) == ["ok"]
    assert outcomes(dns_labels.label, near, world) == ["near-asked"]


@pytest.mark.parametrize(
    ("zones", "outcome"),
    [
        (("example.com", "example.com"), "ok"),  # two hosts of one domain
        (("café.example.com", "example.com"), "in-use"),
        (None, "in-use"),
    ],
)
def test_two_hosts_of_one_domain_are_not_two_domains(
    zones: tuple[str, str] | None, outcome: str
) -> None:
    first = shown("api", "café.example.com", started=0.0)
    second = shown("livekit", "cafe.example.com", started=0.0)
    surveys = (
        NameSurvey(host=name.host, zone=zone)
        for name, zone in zip((first, second), zones or (), strict=False)
    )
    assert outcomes(dns_labels.lookalike, second, seen(first, second, *surveys)) == [outcome]


@pytest.mark.parametrize(
    ("held", "outcome"),
    [
        ((API.host,), "a-label"),
        (("other.test", API.host.upper()), "a-label"),
        ((ANY_OF_THE_DOMAIN,), "wildcard"),
        (("api.éloquence.com",), "u-label"),
        (("*.éloquence.com",), "u-label"),
        (("api.\\xc3\\xa9loquence.com",), "u-label"),
        (("\\xff.com",), "others"),
        (("éloquence.com", "*.test"), "others"),
        (("api.eloquence.com",), "others"),
        (("\x1b[31m", "*", "*.", "é" * 300), "others"),
    ],
)
def test_in_which_form_a_certificate_holds_the_name(held: tuple[str, ...], outcome: str) -> None:
    name = shown("api", "api.éloquence.com", started=0.0)
    world = seen(shown_certificate(LE, *held), name)
    assert outcomes(dns_certificate.certificate, name, world) == [outcome]
    assert outcomes(dns_certificate.certificate, name, seen(name)) == ["none"]
