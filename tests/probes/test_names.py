"""Lookups, by the system and by a resolver that answers as it is told."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import time

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from eloquence_ops.findings import Family
from eloquence_ops.observations import AddressLookup
from eloquence_ops.probes import names
from tests.probes.peers import free_port
from tests.probes.resolvers import Answering, answers, resolver

HOST = "xn--loquence-90a.test"


async def looked_up(host: str, at: tuple[str, int] | None, timeout_s: float) -> AddressLookup:
    return await names.look_up(host, resolver=at, timeout_s=timeout_s, started=time.monotonic())


def seen_of(
    answering: Answering,
    over_tcp: Answering | None = None,
    *,
    host: str = HOST,
    timeout_s: float = 3.0,
) -> AddressLookup:
    async def story() -> AddressLookup:
        async with resolver(answering, over_tcp) as (port, _):
            return await looked_up(host, ("127.0.0.1", port), timeout_s)

    return asyncio.run(story())


def addresses(seen: AddressLookup) -> list[str]:
    return [entry.address for entry in seen.addresses]


@pytest.mark.parametrize(
    ("literal", "family"),
    [("192.0.2.7", Family.IPV4), ("2001:db8::7", Family.IPV6), ("fe80::1%eth0", Family.IPV6)],
)
def test_an_address_needs_no_lookup(literal: str, family: Family) -> None:
    seen = asyncio.run(looked_up(literal, ("127.0.0.1", free_port()), 1))
    assert (seen.outcome, seen.resolver) == ("found", "none")
    assert [(entry.family, entry.address) for entry in seen.addresses] == [(family, literal)]


@pytest.mark.parametrize("at", [None, ("127.0.0.1", 1)])
def test_localhost_is_this_machine_whatever_the_resolver_says(at: tuple[str, int] | None) -> None:
    seen = asyncio.run(looked_up("localhost", at, 5))
    assert (seen.outcome, seen.resolver) == ("found", "system")
    assert set(addresses(seen)) <= {"127.0.0.1", "::1"}


def test_both_families_are_found_ipv4_first_and_once() -> None:
    seen = seen_of(answers("AAAA 2001:db8::1", "A 192.0.2.2", "A 192.0.2.2", "A 192.0.2.1"))
    assert seen.outcome == "found"
    assert seen.addresses[-1].family is Family.IPV6
    assert sorted(addresses(seen)) == ["192.0.2.1", "192.0.2.2", "2001:db8::1"]
    assert seen.resolver.startswith("127.0.0.1:")


def test_at_most_sixteen_addresses() -> None:
    many = [f"A 192.0.2.{number}" for number in range(1, 30)]
    assert len(seen_of(answers(*many)).addresses) == 16


def test_an_alias_is_followed() -> None:
    seen = seen_of(
        answers(
            "CNAME a.test.", "a.test. CNAME b.test.", "b.test. A 192.0.2.9", "c.test. A 192.0.2.8"
        )
    )
    assert (seen.outcome, addresses(seen)) == ("found", ["192.0.2.9"])


@pytest.mark.parametrize(
    ("answering", "outcome", "detail"),
    [
        (answers(rcode=dns.rcode.NXDOMAIN), "no-name", ""),
        (answers(), "no-address", ""),
        (answers("CNAME gone.test.", rcode=dns.rcode.NXDOMAIN), "no-name", "an alias: gone.test"),
        (answers("CNAME empty.test."), "no-address", "an alias: empty.test"),
        (answers(rcode=dns.rcode.SERVFAIL), "no-answer", "SERVFAIL"),
        (answers(rcode=dns.rcode.REFUSED), "no-answer", "REFUSED"),
        (answers("CNAME b.test.", f"b.test. CNAME {HOST}."), "no-answer", "Chain"),
        (lambda _: None, "no-answer", "nothing within"),
        (lambda _: b"garbage", "no-answer", "nothing within"),
    ],
)
def test_what_a_resolver_may_say(answering: Answering, outcome: str, detail: str) -> None:
    seen = seen_of(answering, timeout_s=1.0)
    assert (seen.outcome, seen.addresses) == (outcome, ())
    assert detail in seen.detail


def test_one_family_is_enough_and_the_other_one_is_told() -> None:
    def half(query: dns.message.Message) -> bytes:
        if query.question[0].rdtype == dns.rdatatype.AAAA:
            return answers(rcode=dns.rcode.SERVFAIL)(query) or b""
        return answers("A 192.0.2.1")(query) or b""

    seen = seen_of(half)
    assert (seen.outcome, addresses(seen), seen.detail) == (
        "found",
        ["192.0.2.1"],
        "AAAA: SERVFAIL",
    )


def test_half_an_answer_is_no_answer() -> None:
    def half(query: dns.message.Message) -> bytes:
        failed = query.question[0].rdtype == dns.rdatatype.AAAA
        rcode = dns.rcode.SERVFAIL if failed else dns.rcode.NOERROR
        return answers(rcode=rcode)(query) or b""

    assert seen_of(half).outcome == "no-answer"


def test_a_long_answer_comes_over_tcp() -> None:
    seen = seen_of(answers(truncated=True), answers("A 192.0.2.1"))
    assert (seen.outcome, addresses(seen)) == ("found", ["192.0.2.1"])


def test_one_lost_packet_is_asked_again() -> None:
    lost: set[int] = set()

    def lossy(query: dns.message.Message) -> bytes | None:
        kind = int(query.question[0].rdtype)
        if kind not in lost:
            lost.add(kind)
            return None
        return answers("A 192.0.2.1")(query)

    assert seen_of(lossy, timeout_s=2).outcome == "found"


def test_a_forged_answer_is_not_taken() -> None:
    def forged(query: dns.message.Message) -> bytes:
        other = dns.message.make_query(HOST, query.question[0].rdtype, id=(query.id + 1) % 65536)
        return answers("A 203.0.113.66")(other) or b""

    assert seen_of(forged, timeout_s=0.6).outcome == "no-answer"


def test_no_resolver_there() -> None:
    seen = asyncio.run(looked_up(HOST, ("127.0.0.1", free_port()), 3))
    assert seen.outcome == "no-answer"


def test_a_resolver_on_ipv6() -> None:
    async def story() -> AddressLookup:
        async with resolver(answers("A 192.0.2.1"), host="::1") as (port, _):
            return await looked_up(HOST, ("::1", port), 3)

    seen = asyncio.run(story())
    assert (seen.outcome, seen.resolver[:6]) == ("found", "[::1]:")


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (socket.EAI_NONAME, "no-name"),
        (getattr(socket, "EAI_NODATA", socket.EAI_NONAME), "no-address"),
        (socket.EAI_AGAIN, "no-answer"),
        (socket.EAI_FAIL, "no-answer"),
    ],
)
def test_what_getaddrinfo_says(code: int, outcome: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if code == socket.EAI_NONAME and outcome == "no-address":
        pytest.skip("this system does not tell the two apart")

    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(code, "words of the system")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    seen = asyncio.run(looked_up("a.test", None, 5))
    assert (seen.outcome, seen.detail, seen.resolver) == (outcome, "words of the system", "system")


def test_the_system_may_say_an_address_several_times(monkeypatch: pytest.MonkeyPatch) -> None:
    def several(*_: object, **__: object) -> list[tuple[object, ...]]:
        six = (socket.AF_INET6, 1, 6, "", ("fe80::1", 0, 0, 7))
        return [six, *[(socket.AF_INET, 1, 6, "", ("192.0.2.1", 0))] * 2, six]

    monkeypatch.setattr(socket, "getaddrinfo", several)
    seen = asyncio.run(looked_up("a.test", None, 5))
    assert addresses(seen) == ["192.0.2.1", "fe80::1%7"]


def test_a_name_that_can_be_none_does_not_raise() -> None:
    for host in ("a" * 300 + ".test", "é.test", "a..test", "\x00.test"):
        assert asyncio.run(looked_up(host, None, 5)).outcome != "found"
        assert asyncio.run(looked_up(host, ("127.0.0.1", free_port()), 1)).outcome == "no-answer"


def test_a_hanging_resolver_holds_up_neither_the_probe_nor_the_end_of_the_program() -> None:
    script = (
        "import asyncio, socket, time\n"
        "socket.getaddrinfo = lambda *a, **k: time.sleep(60)\n"
        "from eloquence_ops.probes import names\n"
        "print(asyncio.run(names.look_up('a.test', resolver=None, timeout_s=0.3, "
        "started=time.monotonic())).outcome)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True
    )
    assert (done.stdout.strip(), done.stderr) == ("no-answer", "")


def test_an_answer_after_the_end_of_the_program_is_dropped_in_silence() -> None:
    script = (
        "import asyncio, socket, time\n"
        "real = socket.getaddrinfo\n"
        "socket.getaddrinfo = lambda *a, **k: (time.sleep(0.5), real('127.0.0.1', 0))[1]\n"
        "from eloquence_ops.probes import names\n"
        "asyncio.run(names.look_up('a.test', resolver=None, timeout_s=0.1, started=0.0))\n"
        "time.sleep(1)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stderr == ""
