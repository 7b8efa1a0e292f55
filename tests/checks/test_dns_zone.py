"""What is made of the answers of several name servers, and of names as they are written."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from eloquence_ops.checks import dns_labels, dns_zone
from eloquence_ops.checks.registry import Judge
from eloquence_ops.checks.seen import Asked, Seen
from eloquence_ops.endpoints import ip_address, parse
from eloquence_ops.findings import Family
from eloquence_ops.observations import AnyObservation, NameSurvey
from eloquence_ops.observations.names import Address, LookAlike, ServerAnswer
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
    ],
)
def test_servers_that_are_named_for_the_zone(
    answers: tuple[ServerAnswer, ...], found: list[str]
) -> None:
    assert outcomes(dns_zone.delegation, API, seen(surveyed(*answers))) == found


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


FAILED = said("r", outcome="failed", rcode="SERVFAIL")


@pytest.mark.parametrize(
    ("survey", "found"),
    [
        (surveyed(said("r", NEW)), ["unsigned"]),
        (surveyed(said("r", NEW, authenticated=True)), ["ok"]),
        (surveyed(FAILED, unchecked="found"), ["bogus"]),
        (surveyed(FAILED, unchecked="no-name"), ["bogus"]),
        (surveyed(FAILED, unchecked="failed"), []),
        (surveyed(FAILED, said("q", NEW), unchecked="found"), ["bogus"]),
        (surveyed(said("r", outcome="silent")), []),
    ],
)
def test_signatures(survey: NameSurvey, found: list[str]) -> None:
    assert outcomes(dns_zone.dnssec, API, seen(survey)) == found


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
        assert outcomes(dns_zone.addresses, endpoint, world) == [expected]


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
    assert outcomes(dns_zone.server, API, world) == [outcome]


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
    assert outcomes(dns_zone.sibling, API, world) == [outcome]


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
