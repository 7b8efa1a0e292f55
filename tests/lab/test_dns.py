"""The lab's DNS answers as an authority does."""

import asyncio
import struct

import dns.asyncquery
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdatatype
import dns.resolver
import pytest

from eloquence_ops.lab.services.dns import DnsServer
from tests.lab.loopback import run

RECORDS = {
    "éloquence.com": ["192.0.2.1", "2001:db8::1"],
    "api.éloquence.com": ["192.0.2.2"],
    "deep.media.éloquence.com": ["192.0.2.3"],
    "empty.éloquence.com": [],
}
APEX = "xn--loquence-90a.com."


@pytest.mark.parametrize(
    ("name", "kind", "rcode", "answers"),
    [
        (APEX, "A", "NOERROR", ["192.0.2.1"]),
        (APEX, "AAAA", "NOERROR", ["2001:db8::1"]),
        (APEX.upper(), "A", "NOERROR", ["192.0.2.1"]),
        (APEX, "ANY", "NOERROR", ["192.0.2.1", "2001:db8::1"]),
        (f"api.{APEX}", "AAAA", "NOERROR", []),
        (f"api.{APEX}", "CAA", "NOERROR", []),
        (f"empty.{APEX}", "A", "NOERROR", []),
        (f"media.{APEX}", "A", "NOERROR", []),
        (f"nobody.{APEX}", "A", "NXDOMAIN", []),
        ("eloquence.com.", "A", "REFUSED", []),
    ],
)
@pytest.mark.parametrize("over_tcp", [False, True])
def test_answers(name: str, kind: str, rcode: str, answers: list[str], over_tcp: bool) -> None:
    async def main() -> None:
        async with DnsServer(RECORDS) as server:
            query = dns.message.make_query(name, kind)
            ask = dns.asyncquery.tcp if over_tcp else dns.asyncquery.udp
            reply = await ask(query, server.host, timeout=3, port=server.port)
            assert dns.rcode.to_text(reply.rcode()) == rcode
            assert [rdata.to_text() for rrset in reply.answer for rdata in rrset] == answers
            negative = rcode == "NXDOMAIN" or (rcode == "NOERROR" and not answers)
            kinds = [rrset.rdtype for rrset in reply.authority]
            assert kinds == ([dns.rdatatype.SOA] if negative else [])
            assert bool(reply.flags & dns.flags.AA) == (rcode != "REFUSED")
            assert not reply.flags & dns.flags.RA

    run(main())


def test_a_resolver_tells_no_name_from_no_address() -> None:
    async def main() -> None:
        async with DnsServer(RECORDS) as server:
            resolver = dns.resolver.Resolver(configure=False)
            resolver.nameservers, resolver.port = [server.host], server.port

            def look_up(name: str, kind: str) -> list[str]:
                return [rdata.to_text() for rdata in resolver.resolve(name, kind)]

            assert await asyncio.to_thread(look_up, f"api.{APEX}", "A") == ["192.0.2.2"]
            with pytest.raises(dns.resolver.NoAnswer):
                await asyncio.to_thread(look_up, f"api.{APEX}", "AAAA")
            with pytest.raises(dns.resolver.NXDOMAIN):
                await asyncio.to_thread(look_up, f"nobody.{APEX}", "A")

    run(main())


def test_name_servers_are_named_for_every_zone() -> None:
    server = DnsServer(RECORDS, name_servers=["ns1.éloquence.com"])
    reply = server.answer(dns.message.make_query(APEX, "NS").to_wire())
    assert reply is not None
    [rrset] = dns.message.from_wire(reply).answer
    assert [str(record) for record in rrset] == [f"ns1.{APEX}"]


@pytest.mark.parametrize(("flags", "rcode"), [(0, "SERVFAIL"), (dns.flags.CD, "NOERROR")])
def test_bogus_names_are_refused_unless_nothing_is_to_be_checked(flags: int, rcode: str) -> None:
    query = dns.message.make_query(f"api.{APEX}", "A")
    query.flags |= flags
    reply = DnsServer(RECORDS, bogus=["api.éloquence.com"]).answer(query.to_wire())
    assert reply is not None
    assert dns.rcode.to_text(dns.message.from_wire(reply).rcode()) == rcode


def test_a_long_answer_is_truncated_over_udp_and_whole_over_tcp() -> None:
    async def main() -> None:
        addresses = [f"192.0.2.{number}" for number in range(100)]
        async with DnsServer({"many.test": addresses}) as server:
            query = dns.message.make_query("many.test", "A", use_edns=False)
            short = await dns.asyncquery.udp(query, server.host, timeout=3, port=server.port)
            assert short.flags & dns.flags.TC
            assert not short.answer
            whole, used_tcp = await dns.asyncquery.udp_with_fallback(
                query, server.host, timeout=3, port=server.port
            )
            assert used_tcp
            assert len(whole.answer[0]) == 100

    run(main())


@pytest.mark.parametrize(
    ("wire", "rcode"),
    [
        (b"", None),
        (b"\x12\x34", None),
        (b"\x12\x34\x81\x80" + bytes(8), None),  # an answer
        (b"\x12\x34\x01\x00\x00\x01" + bytes(6), dns.rcode.FORMERR),  # announces a question
        (b"\xff" * 2 + b"\x01" + b"\xff" * 30, dns.rcode.FORMERR),
        (b"\x12\x34\x01\x00" + bytes(8), dns.rcode.FORMERR),  # asks nothing
    ],
)
def test_garbage_is_answered_with_formerr_or_not_at_all(
    wire: bytes, rcode: dns.rcode.Rcode | None
) -> None:
    reply = DnsServer(RECORDS).answer(wire)
    if rcode is None:
        assert reply is None
    else:
        assert reply is not None
        assert reply[:2] == wire[:2]
        assert reply[3] & 0x0F == rcode


def test_what_is_not_a_query_is_not_implemented() -> None:
    update = dns.message.make_query(APEX, "A")
    update.set_opcode(dns.opcode.NOTIFY)
    reply = DnsServer(RECORDS).answer(update.to_wire())
    assert reply is not None
    assert dns.message.from_wire(reply).rcode() == dns.rcode.NOTIMP


def test_zones_can_be_given_and_names_must_lie_in_them() -> None:
    server = DnsServer({"livekit.éloquence.com": ["192.0.2.1"]}, zones=["livekit.éloquence.com"])
    reply = server.answer(dns.message.make_query(APEX, "A").to_wire())
    assert reply is not None
    assert dns.message.from_wire(reply).rcode() == dns.rcode.REFUSED
    with pytest.raises(ValueError, match="outside the zones"):
        DnsServer({"a.test": []}, zones=["b.test"])
    with pytest.raises(ValueError, match="not-an-address"):
        DnsServer({"a.test": ["not-an-address"]})


def test_clients_that_go_away_or_stay_silent_do_not_keep_it_from_closing() -> None:
    async def main() -> None:
        async with DnsServer(RECORDS) as server:
            _, silent = await asyncio.open_connection(server.host, server.port)
            _, half = await asyncio.open_connection(server.host, server.port)
            half.write(struct.pack("!H", 100) + b"abc")
            half.close()
            await asyncio.sleep(0.05)
        silent.close()
        await server.close()

    run(main())
