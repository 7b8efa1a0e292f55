"""What several name servers say of one host, those that lie, stall and talk nonsense among them."""

from __future__ import annotations

import asyncio
import contextlib
import time

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from eloquence_ops.observations import NameSurvey
from eloquence_ops.probes.name_server import NameServer, addresses_of
from eloquence_ops.probes.name_survey import survey
from tests.probes.peers import free_port
from tests.probes.resolvers import Answering, answers, resolver

HOST = "api.xn--loquence-90a.test"
ZONE = "xn--loquence-90a.test"


def zone_of(*records: str, authoritative: bool = False) -> Answering:
    """Answers from records written `name. TYPE data`; NXDOMAIN with a SOA for other names."""

    def answering(query: dns.message.Message) -> bytes:
        response = dns.message.make_response(query)
        if authoritative:
            response.flags |= dns.flags.AA
        asked = query.question[0]
        known = [record.split(maxsplit=2) for record in records]
        for owner, kind, data in known:
            if (owner, kind) == (asked.name.to_text(), dns.rdatatype.to_text(asked.rdtype)):
                response.answer.append(dns.rrset.from_text(owner, 60, "IN", kind, data))
        if not response.answer:
            soa = f"ns.{ZONE}. h.{ZONE}. 1 2 3 4 30"
            apexes = [owner for owner, kind, _ in known if kind == "NS"]
            served = (apex for apex in apexes if asked.name.to_text().endswith(apex))
            apex = next(served, f"{ZONE}.")
            response.authority.append(dns.rrset.from_text(apex, 300, "IN", "SOA", soa))
            if asked.name.to_text() not in {owner for owner, _, _ in known} | {f"{ZONE}."}:
                response.set_rcode(dns.rcode.NXDOMAIN)
        return response.to_wire()

    return answering


def surveyed(
    *resolvers: Answering,
    zone: Answering | None = None,
    timeout_s: float = 2.0,
    host: str = HOST,
    in_use: tuple[str, ...] = (),
) -> NameSurvey:
    async def story() -> NameSurvey:
        async with contextlib.AsyncExitStack() as stack:
            asked = []
            for number, answering in enumerate(resolvers):
                port, _ = await stack.enter_async_context(resolver(answering))
                asked.append(NameServer(f"resolver-{number}", "127.0.0.1", port))
            there = free_port()
            if zone is not None:
                there, _ = await stack.enter_async_context(resolver(zone))
            return await survey(
                host,
                resolvers=tuple(asked),
                redirect=lambda host, _: ("127.0.0.1", there) if host.startswith("ns") else None,
                timeout_s=timeout_s,
                started=time.monotonic(),
                in_use=in_use,
            )

    return asyncio.run(story())


def addresses(seen: NameSurvey) -> list[list[str]]:
    return [[entry.address for entry in answer.addresses] for answer in seen.answers]


RECORDS = (
    f"{HOST}. A 192.0.2.1",
    f"{HOST}. AAAA 2001:db8::1",
    f"{ZONE}. NS ns1.{ZONE}.",
    f'{ZONE}. CAA 0 issue "ca.test"',
    "api.eloquence.test. A 192.0.2.66",
    "eloquence.test. NS ns.other.test.",
)


def test_everything_that_there_is_to_know() -> None:
    seen = surveyed(zone_of(*RECORDS), zone=zone_of(*RECORDS[:4], authoritative=True))
    assert addresses(seen) == [["192.0.2.1", "2001:db8::1"]] * 2
    assert [answer.authoritative for answer in seen.answers] == [False, True]
    assert (seen.zone, seen.name_servers) == (ZONE, (f"ns1.{ZONE}",))
    assert (seen.caa, seen.caa_at) == (('0 issue "ca.test"',), ZONE)
    assert seen.wildcard == ()
    assert seen.look_alike is not None
    assert seen.look_alike.host == "api.eloquence.test"
    assert [entry.address for entry in seen.look_alike.addresses] == ["192.0.2.66"]
    assert seen.look_alike.name_servers == ("ns.other.test",)
    assert seen.unchecked is None


def test_a_name_that_is_not_there_yet_says_for_how_long_that_is_remembered() -> None:
    seen = surveyed(zone_of(RECORDS[2]), zone=zone_of(*RECORDS[:4], authoritative=True))
    absent, known = seen.answers
    assert (absent.outcome, absent.negative_ttl_s, known.outcome) == ("no-name", 30, "found")


def test_a_wildcard_answers_for_a_name_that_nobody_made() -> None:
    def anything(query: dns.message.Message) -> bytes | None:
        return answers("A 192.0.2.9")(query)

    assert [entry.address for entry in surveyed(anything).wildcard] == ["192.0.2.9"]


def test_signatures_that_do_not_hold_are_told_from_a_server_that_fails() -> None:
    def verifying(query: dns.message.Message) -> bytes | None:
        if query.flags & dns.flags.CD:
            return answers("A 192.0.2.1")(query)
        return answers(rcode=dns.rcode.SERVFAIL)(query)

    assert surveyed(verifying).unchecked == "found"
    assert surveyed(answers(rcode=dns.rcode.SERVFAIL)).unchecked == "failed"


@pytest.mark.parametrize(
    ("zone", "outcome"),
    [
        (answers(rcode=dns.rcode.REFUSED), "lame"),
        (answers(rcode=dns.rcode.SERVFAIL), "lame"),
        (zone_of(*RECORDS), "lame"),  # it answers, and not as an authority
        (lambda _: None, "silent"),
        (lambda _: b"garbage", "silent"),
        (None, "failed"),  # nobody is there
    ],
)
def test_a_server_that_is_named_for_the_zone_and_does_not_serve_it(
    zone: Answering | None, outcome: str
) -> None:
    seen = surveyed(zone_of(*RECORDS), zone=zone, timeout_s=0.6)
    assert [answer.outcome for answer in seen.answers] == ["found", outcome]


@pytest.mark.parametrize(
    ("records", "outcome", "aliases"),
    [
        (("CNAME a.test.", "a.test. A 192.0.2.1"), "found", ("a.test",)),
        (("CNAME gone.test.",), "no-address", ("gone.test",)),
        (("CNAME b.test.", f"b.test. CNAME {HOST}."), "loop", ("b.test", HOST)),
        (("CNAME b.test.", "b.test. CNAME c.test.", "c.test. CNAME b.test."), "loop", None),
        ((f"CNAME {HOST}.",), "loop", (HOST,)),
    ],
)
def test_where_aliases_lead(
    records: tuple[str, ...], outcome: str, aliases: tuple[str, ...] | None
) -> None:
    answer = surveyed(answers(*records)).answers[0]
    assert answer.outcome == outcome
    if aliases is not None:
        assert answer.aliases == aliases


def _chain(query: dns.message.Message) -> bytes:
    links = [f"l{number}.test. CNAME l{number + 1}.test." for number in range(500)]
    return answers("CNAME l0.test.", *links)(query) or b""


def _huge(query: dns.message.Message) -> bytes:
    return answers(*(f"A 192.0.{n // 256}.{n % 256}" for n in range(1500)))(query) or b""


def _pointing_at_itself(query: dns.message.Message) -> bytes:
    head = query.to_wire()[:2] + b"\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00"
    question = query.to_wire()[12 : 12 + len(query.question[0].name.to_wire() or b"") + 4]
    return (
        head + question + b"\xc0" + bytes([12 + len(question)]) + b"\x00\x01\x00\x01" + b"\0" * 10
    )


def _cut_for_ever(query: dns.message.Message) -> bytes:
    return answers(truncated=True)(query) or b""


def _escapes(query: dns.message.Message) -> bytes:
    return answers("CNAME \\027[2J\\226\\128\\174.test.")(query) or b""


@pytest.mark.parametrize(
    "answering", [_chain, _huge, _pointing_at_itself, _cut_for_ever, _escapes, lambda _: b"\0" * 12]
)
def test_whatever_a_server_sends_is_bounded_and_safe_to_show(answering: Answering) -> None:
    began = time.monotonic()
    seen = surveyed(answering, answering, zone=answering, timeout_s=0.5)
    assert time.monotonic() - began < 30  # it ends; how fast is not the point
    for answer in seen.answers:
        assert len(answer.addresses) <= 16
        assert len(answer.aliases) <= 16
        assert all(name.isprintable() and "\x1b" not in name for name in answer.aliases)
    assert len(seen.model_dump_json()) < 65536


def test_a_resolver_on_no_port_at_all() -> None:
    server = NameServer("nobody", "127.0.0.1", free_port())
    answer = asyncio.run(addresses_of(HOST, server, 1.0))
    assert (answer.outcome, bool(answer.detail)) == ("failed", True)


def failing_unless(unchecked: Answering) -> Answering:
    """A resolver that refuses signatures: it answers those who do not want them verified (CD)."""

    def answering(query: dns.message.Message) -> bytes | None:
        if query.flags & dns.flags.CD:
            return unchecked(query)
        return answers(rcode=dns.rcode.SERVFAIL)(query)

    return answering


def test_each_resolver_that_fails_is_asked_again_without_verifying() -> None:
    broken = answers(rcode=dns.rcode.SERVFAIL)
    seen = surveyed(broken, failing_unless(zone_of(*RECORDS)))
    assert [answer.unchecked for answer in seen.answers] == ["failed", "found", None]


def test_what_a_resolver_does_not_verify_leads_on_to_the_zones_servers() -> None:
    own = zone_of(*RECORDS[:4], authoritative=True)
    seen = surveyed(failing_unless(zone_of(*RECORDS)), zone=own)
    assert [answer.outcome for answer in seen.answers] == ["failed", "found"]
    assert (seen.zone, seen.caa_at) == (ZONE, ZONE)


def delegating(query: dns.message.Message) -> bytes:
    """The resolver's side of a zone that nobody serves: it fails below `test`, and knows `test`."""
    response = dns.message.make_response(query)
    asked = query.question[0].name.to_text()
    if asked.endswith(ZONE + "."):
        response.set_rcode(dns.rcode.SERVFAIL)
    elif query.question[0].rdtype == dns.rdatatype.NS:
        response.answer.append(dns.rrset.from_text("test.", 60, "IN", "NS", "ns0.test."))
    else:
        soa = "ns0.test. h.test. 1 2 3 4 30"
        response.authority.append(dns.rrset.from_text("test.", 60, "IN", "SOA", soa))
    return response.to_wire()


def referring(query: dns.message.Message) -> bytes:
    """The domain above, which gives the name away; and its own servers, which do not take it."""
    response = dns.message.make_response(query)
    servers = (f"ns1.{ZONE}.", f"ns2.{ZONE}.")
    response.authority.append(dns.rrset.from_text(f"{ZONE}.", 60, "IN", "NS", *servers))
    return response.to_wire()


def test_the_domain_above_tells_who_is_named_for_a_zone_that_nobody_serves() -> None:
    seen = surveyed(delegating, zone=referring)
    assert (seen.zone, seen.delegated_by) == (ZONE, "test")
    assert seen.name_servers == (f"ns1.{ZONE}", f"ns2.{ZONE}")
    assert [answer.outcome for answer in seen.answers] == ["failed", "lame", "lame"]


def test_a_server_of_the_zone_whose_name_leads_nowhere_is_kept() -> None:
    named = (*RECORDS[:2], f"{ZONE}. NS lost.{ZONE}.")
    seen = surveyed(zone_of(*named))
    assert [(a.server, a.outcome) for a in seen.answers[1:]] == [(f"lost.{ZONE}", "nowhere")]


def test_aliases_that_turn_in_a_circle_are_found_though_the_resolver_fails() -> None:
    circle = {HOST: "b.test.", "b.test": f"{HOST}."}

    def answering(query: dns.message.Message) -> bytes | None:
        asked = query.question[0].name.to_text(omit_final_dot=True)
        if query.question[0].rdtype == dns.rdatatype.CNAME and asked in circle:
            return answers(f"CNAME {circle[asked]}")(query)
        return answers(rcode=dns.rcode.SERVFAIL)(query)

    (answer,) = surveyed(answering).answers
    assert (answer.outcome, answer.aliases) == ("loop", ("b.test", HOST))


def test_who_may_certify_is_looked_for_up_to_the_domain() -> None:
    deep = f"a.b.c.d.e.f.{ZONE}"
    assert surveyed(zone_of(*RECORDS), host=deep).caa_at == ZONE


def test_the_look_alike_of_a_domain_below_two_labels_is_not_its_registry() -> None:
    host, plain = "xn--loquence-90a.co.test", "eloquence.co.test"
    there = (f"{plain}. A 192.0.2.66", f"{plain}. NS ns.other.test.", "co.test. NS ns.nic.test.")
    seen = surveyed(zone_of(*there), host=host)
    assert seen.look_alike is not None
    assert (seen.look_alike.host, seen.look_alike.name_servers) == (plain, ("ns.other.test",))
    nobody = surveyed(zone_of(there[2]), host=host)
    assert nobody.look_alike is not None
    assert (nobody.look_alike.outcome, nobody.look_alike.name_servers) == ("no-name", ())


@pytest.mark.parametrize(
    ("host", "at"),
    [(ZONE, ZONE), (HOST, ZONE), (f"a.{HOST}", HOST), ("eloquence.co.test", "eloquence.co.test")],
)
def test_a_wildcard_is_looked_for_beside_the_host_and_below_a_domain(host: str, at: str) -> None:
    asked: list[str] = []
    records = (*RECORDS, "eloquence.co.test. NS ns.other.test.")

    def noting(query: dns.message.Message) -> bytes | None:
        asked.append(query.question[0].name.to_text(omit_final_dot=True))
        return zone_of(*records)(query)

    assert surveyed(noting, host=host).wildcard_at == at
    assert any(name.partition(".")[2] == at for name in asked if name.startswith("eloquence-"))


def test_a_name_in_use_that_may_have_been_meant_is_asked_for_under_a_wildcard_alone() -> None:
    def everything(query: dns.message.Message) -> bytes | None:
        if query.question[0].name.to_text().startswith("apis."):
            return answers("A 192.0.2.1")(query)
        return answers("A 192.0.2.9")(query)

    meant = (f"apis.{ZONE}", f"www.{ZONE}")
    seen = surveyed(everything, in_use=meant)
    assert [(n.host, n.addresses[0].address) for n in seen.neighbours] == [(meant[0], "192.0.2.1")]
    assert surveyed(zone_of(*RECORDS), in_use=meant).neighbours == ()


def test_of_many_addresses_the_same_are_left_in_whatever_order_they_come() -> None:
    many = [f"A 192.0.2.{n}" for n in range(1, 60)]
    one, other = surveyed(answers(*many), answers(*reversed(many))).answers[:2]
    assert one.addresses == other.addresses
    assert len(one.addresses) == 8


def test_a_long_answer_that_does_not_come_over_tcp_is_told_from_silence() -> None:
    (answer,) = surveyed(answers(truncated=True), timeout_s=0.5).answers
    assert answer.outcome == "cut"  # TCP answers, and is cut off itself

    async def story() -> str:
        async with resolver(answers(truncated=True), over_tcp=lambda _: None) as (port, _):
            server = NameServer("r", "127.0.0.1", port)
            return (await addresses_of(HOST, server, 1.0)).outcome

    assert asyncio.run(story()) == "cut"


def test_without_a_resolver_nothing_is_said() -> None:
    assert surveyed().answers == ()
