"""Faults of the DNS on real name servers (nsd and a verifying unbound), each with its cause."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.findings import Status
from eloquence_ops.run.carry_out import Execution
from eloquence_ops.run.examine import Result, examine
from eloquence_ops.run.plan import Plan
from eloquence_ops.secrets import Redactor
from eloquence_ops.settings import build_target
from tests.network.name_servers import (
    NameServers,
    closed_port,
    name_servers,
    records,
    sign,
)

pytestmark = pytest.mark.real

SERVER, OLD, CLOUDFLARE = "203.0.113.10", "203.0.113.7", "104.16.132.229"


@dataclass(frozen=True)
class Story:
    """One zone. `second`: what the other of its servers has, where that is not the same.

    `name` is examined; by default `api` in the zone. `problems` are the findings that must come of
    it, with their causes; `also` are others that are worth saying. `away`: the second server is not
    there. `settings`: the server that the target names.
    """

    lines: tuple[str, ...]
    problems: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    second: tuple[str, ...] | None = None
    lame: bool = False
    away: bool = False
    name: str = "api"
    signed: str = ""
    remembers: str | None = None
    server: str = ""
    unanswered: bool = field(default=False)


GOOD = (f"api A {SERVER}",)
STORIES = {
    "healthy": Story(GOOD, also=("dns.answers.ok", "dns.delegation.ok", "dns.dnssec.unsigned")),
    "both-families": Story((*GOOD, "api AAAA 2001:db8::10"), also=("dns.answers.ok",)),
    "signed": Story(GOOD, signed="well", also=("dns.dnssec.ok",)),
    "alias": Story(("api CNAME www", f"www A {SERVER}"), also=("dns.alias.leads",)),
    "round-robin": Story(
        tuple(f"api A 203.0.113.{last}" for last in range(10, 15)), also=("dns.answers.ok",)
    ),
    "signed-alias": Story(
        ("api CNAME www", f"www A {SERVER}"), signed="well", also=("dns.dnssec.ok",)
    ),
    "signed-wildcard": Story((f"* A {SERVER}",), signed="well", also=("dns.dnssec.ok",)),
    "slip-under-a-wildcard": Story(
        (*GOOD, f"* A {SERVER}"), name="apo", also=("dns.wildcard.covers",)
    ),
    "old-address-beside-the-servers": Story(
        (*GOOD, f"api A {OLD}"), server=SERVER, also=("dns.server.ok",)
    ),
    "wildcard": Story((f"* A {SERVER}",), also=("dns.wildcard.covers",)),
    "caa": Story((*GOOD, '@ CAA 0 issue "ca.test"'), also=("dns.caa.ok",)),
    "caa-nearer": Story((*GOOD, 'api CAA 0 issue ";"'), also=("dns.caa.ok",)),
    "private": Story(("api A 10.0.0.7",), also=("dns.addresses.ok",)),
    "api-behind-a-cdn": Story((f"api A {CLOUDFLARE}",), also=("dns.addresses.api-proxied",)),
    "the-server-of-the-settings": Story(GOOD, server=SERVER, also=("dns.server.ok",)),
    "expired-signatures": Story(
        GOOD, signed="expired", problems=("dns.dnssec.bogus",), causes=("dns-dnssec-bogus",)
    ),
    "another-key": Story(
        GOOD, signed="another-key", problems=("dns.dnssec.bogus",), causes=("dns-dnssec-bogus",)
    ),
    "stripped-signatures": Story(
        GOOD, signed="stripped", problems=("dns.dnssec.bogus",), causes=("dns-dnssec-bogus",)
    ),
    "no-such-name": Story(
        (f"www A {SERVER}",), problems=("dns.resolves.no-name",), causes=("dns-no-record",)
    ),
    "no-address": Story(
        ('api TXT "nothing"',), problems=("dns.resolves.no-address",), causes=("dns-no-record",)
    ),
    "empty-non-terminal": Story(
        (f"deep.api A {SERVER}",),
        problems=("dns.resolves.no-address",),
        causes=("dns-no-record",),
    ),
    "dangling-alias": Story(
        ("api CNAME gone",),
        problems=("dns.alias.dangling", "dns.resolves.no-name"),
        causes=("dns-no-record",),
    ),
    "alias-without-an-address": Story(
        ("api CNAME www", 'www TXT "nothing"'),
        problems=("dns.alias.dangling", "dns.resolves.no-address"),
        causes=("dns-no-record",),
    ),
    "lame-server": Story(
        GOOD, lame=True, problems=("dns.delegation.lame",), causes=("dns-resolvers-disagree",)
    ),
    "silent-server": Story(
        GOOD, away=True, problems=("dns.delegation.silent",), causes=("dns-resolvers-disagree",)
    ),
    "change-on-one-server-only": Story(
        GOOD,
        second=(f"api A {OLD}",),
        problems=("dns.answers.authorities-differ",),
        causes=("dns-resolvers-disagree",),
    ),
    "name-on-one-server-only": Story(
        GOOD,
        second=(f"www A {SERVER}",),
        problems=("dns.answers.authorities-differ",),
        causes=("dns-resolvers-disagree",),
    ),
    "resolver-remembers": Story(
        GOOD,
        remembers=OLD,
        problems=("dns.answers.stale",),
        causes=("dns-resolvers-disagree",),
    ),
    "resolver-remembers-that-there-was-none": Story(
        GOOD,
        remembers="",
        problems=("dns.answers.missing", "dns.resolves.no-name"),
        causes=("dns-resolvers-disagree",),
    ),
    "only-the-other-family-on-one-server": Story(
        GOOD,
        second=("api AAAA 2001:db8::10",),
        problems=("dns.answers.authorities-differ",),
        causes=("dns-resolvers-disagree",),
    ),
    "no-address-on-one-server": Story(
        GOOD,
        second=('api TXT "nothing"',),
        problems=("dns.answers.authorities-differ",),
        causes=("dns-resolvers-disagree",),
    ),
    "alias-to-nothing-on-one-server": Story(
        GOOD,
        second=("api CNAME gone",),
        problems=("dns.answers.authorities-differ",),
        causes=("dns-resolvers-disagree",),
    ),
    "signed-and-no-such-name": Story(
        (f"www A {SERVER}",),
        signed="well",
        problems=("dns.resolves.no-name",),
        causes=("dns-no-record",),
        also=("dns.dnssec.ok",),
    ),
    "signed-and-dangling": Story(
        ("api CNAME gone",),
        signed="well",
        problems=("dns.alias.dangling", "dns.resolves.no-name"),
        causes=("dns-no-record",),
    ),
    "expired-wildcard": Story(
        (f"* A {SERVER}",),
        signed="expired",
        problems=("dns.dnssec.bogus",),
        causes=("dns-dnssec-bogus",),
    ),
    "expired-alias": Story(
        ("api CNAME www", f"www A {SERVER}"),
        signed="expired",
        problems=("dns.dnssec.bogus",),
        causes=("dns-dnssec-bogus",),
    ),
    "private-ipv6-beside-public": Story(
        (*GOOD, "api AAAA fd00::7"),
        problems=("dns.addresses.mixed",),
        causes=("dns-points-elsewhere",),
    ),
    "loopback-beside-public": Story(
        (*GOOD, "api A 127.0.0.1"),
        problems=("dns.addresses.mixed",),
        causes=("dns-points-elsewhere",),
    ),
    "another-server-by-alias": Story(
        ("api CNAME www", f"www A {OLD}"),
        server=SERVER,
        problems=("dns.server.elsewhere",),
        causes=("dns-points-elsewhere",),
    ),
    "mixed-addresses": Story(
        (*GOOD, "api A 10.0.0.7"),
        problems=("dns.addresses.mixed",),
        causes=("dns-points-elsewhere",),
    ),
    "another-server": Story(
        (f"api A {OLD}",),
        server=SERVER,
        problems=("dns.server.elsewhere",),
        causes=("dns-points-elsewhere",),
    ),
    "alias-loop": Story(("api CNAME b", "b CNAME api"), unanswered=True),
}


def zone_of(name: str) -> str:
    return f"{name}.xn--loquence-90a.test"


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NameServers]:
    """Every zone of the stories on the same three servers."""
    folder = tmp_path_factory.mktemp("dns")
    first: dict[str, str] = {}
    second: dict[str, str] = {}
    anchors: list[str] = []
    for name, story in STORIES.items():
        zone, text = zone_of(name), records(*story.lines)
        if story.signed:
            signed, anchor = sign(zone, text, folder, expired=story.signed == "expired")
            if story.signed == "another-key":
                keys = folder / "other"
                keys.mkdir()
                anchor = sign(zone, text, keys)[1]
            text = text if story.signed == "stripped" else signed
            anchors.append(anchor)
        first[zone] = text
        if not story.lame:
            second[zone] = text if story.second is None else records(*story.second)
    first["eloquence.test"] = second["eloquence.test"] = records(f"@ A {OLD}")
    remembered = {
        f"api.{zone_of(n)}": s.remembers for n, s in STORIES.items() if s.remembers is not None
    }
    with name_servers(folder, first, second, tuple(anchors), remembered) as running:
        yield running


def examined(name: str, story: Story, at: NameServers) -> Result:
    """check-punycode-dns of the story's name, by way of the real servers."""
    zone = zone_of(name)
    second = closed_port() if story.away else at.second
    values: dict[str, str | tuple[str, ...]] = {
        "resolver": f"127.0.0.1:{at.resolver}",
        "connect_to": (
            f"ns1.{zone}:53=127.0.0.1:{at.first}",
            f"ns2.{zone}:53=127.0.0.1:{second}",
        ),
    }
    if story.server:
        values["server"] = f"root@{story.server}"
    plan = Plan(
        target=build_target("t", values, origin=str),
        areas=frozenset({"dns"}),
        environ={},
        redactor=Redactor(),
        timeout_s=2.0,
        named=frozenset({"dns"}),
        names=(f"{story.name}.{zone}",),
    )
    recording = asyncio.run(Execution(plan, "check-punycode-dns").carry_out())
    return examine(recording, catalogue())


@pytest.mark.parametrize("name", STORIES)
def test_a_fault_of_the_dns_is_named_and_what_is_well_is_left_alone(
    name: str, servers: NameServers
) -> None:
    story = STORIES[name]
    result = examined(name, story, servers)
    found = {finding.id for finding in result.findings}
    assert sorted({finding.id for finding in result.problems}) == sorted(story.problems)
    assert [cause.cause.id for cause in result.diagnosis.causes] == list(story.causes)
    assert result.diagnosis.unexplained == ()
    assert set(story.also) <= found
    assert Status.ERROR not in {finding.status for finding in result.findings}
    if story.unanswered:
        assert result.verdict == "undetermined"
