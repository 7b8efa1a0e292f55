"""The way through the hooks: several chains, translations, and ends to what is followed."""

from __future__ import annotations

from ipaddress import ip_address, ip_interface
from typing import Any

import pytest

from eloquence_ops.checks.firewall.answer import Feature
from eloquence_ops.checks.firewall.packet import Host, Interface, Packet
from tests.checks.firewall.asking import (
    ACCEPT,
    DROP,
    HOST,
    TCP_22,
    asked,
    chain,
    listing,
    packet,
)

REJECT: dict[str, Any] = {"reject": None}
TO_CONTAINER: dict[str, Any] = {"dnat": {"family": "ip", "addr": "172.17.0.2", "port": 80}}


def nat(*rules: list[Any]) -> list[dict[str, Any]]:
    return chain("nat", *rules, hook="prerouting", type="nat", prio=-100)


def test_an_accept_ends_one_chain_and_a_drop_everything() -> None:
    one = chain("one", [ACCEPT], hook="input", prio=-5)
    two = chain("two", [TCP_22, DROP], hook="input", prio=5)
    told = asked(listing(one, two))
    assert told.verdict == "dropped"
    assert asked(listing(one, two), packet(80)).rule == "accept"


def test_the_earlier_priority_decides_how_a_packet_is_refused() -> None:
    first = chain("first", [REJECT], hook="input", prio=-5)
    second = chain("second", [DROP], hook="input", prio=5)
    assert asked(listing(second, first)).verdict == "rejected"


def test_chains_of_one_priority_that_disagree_leave_it_open() -> None:
    one, two = chain("one", [REJECT], hook="input"), chain("two", [DROP], hook="input")
    told = asked(listing(one, two))
    assert told.verdict == "unknown"
    assert told.possible == {"dropped", "rejected"}
    assert told.doubt is not None
    assert told.doubt.feature is Feature.ORDER
    assert asked(listing(two, chain("three", [DROP], hook="input"))).verdict == "dropped"


@pytest.mark.parametrize(
    ("host", "verdict", "feature"),
    [
        (HOST, "accepted", None),
        (Host(HOST.interfaces, forwards=False), "dropped", None),
        (Host(HOST.interfaces), "unknown", Feature.FORWARDING),
        (Host(forwards=True), "unknown", Feature.TRANSLATION),
        (Host(), "unknown", Feature.TRANSLATION),
    ],
)
def test_a_containers_port_goes_through_forward(
    host: Host, verdict: str, feature: Feature | None
) -> None:
    out = {"match": {"op": "==", "left": {"meta": {"key": "oifname"}}, "right": "docker0"}}
    text = listing(
        nat([TCP_22, TO_CONTAINER]),
        chain("input", hook="input", policy="drop"),
        chain("forward", [out, ACCEPT], hook="forward", policy="drop"),
    )
    told = asked(text, host=host)
    assert told.verdict == verdict
    assert (told.doubt.feature if told.doubt else None) is feature


def test_an_unknown_way_out_leaves_a_rule_about_it_open() -> None:
    elsewhere = {"dnat": {"family": "ip", "addr": "192.0.2.9"}}
    out = {"match": {"op": "==", "left": {"meta": {"key": "oifname"}}, "right": "eth0"}}
    forward = chain("forward", [out, ACCEPT], hook="forward", policy="drop")
    told = asked(listing(nat([elsewhere]), forward))
    assert told.doubt is not None
    assert told.doubt.feature is Feature.FORWARDING


def test_an_address_that_is_this_hosts_too_stays_here() -> None:
    host = Host((Interface("eth0", (ip_interface("203.0.113.99/24"),)),), forwards=True)
    to = {"dnat": {"family": "ip", "addr": "203.0.113.99"}}
    text = listing(nat([to]), chain("input", [TCP_22, DROP], hook="input"))
    assert asked(text, host=host).verdict == "dropped"


def test_an_unknown_interface_is_never_lo() -> None:
    def of(name: str) -> list[Any]:
        return [{"match": {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": name}}, DROP]

    unknown = packet(interface=None)
    assert asked(listing(chain("input", of("lo"), hook="input")), unknown).verdict == "accepted"
    told = asked(listing(chain("input", of("eth1"), hook="input")), unknown)
    assert told.doubt is not None
    assert told.doubt.feature is Feature.INTERFACE


def test_a_mark_that_was_computed_is_not_guessed() -> None:
    computed = {"|": [{"meta": {"key": "mark"}}, 4]}
    setting = {"mangle": {"key": {"meta": {"key": "mark"}}, "value": computed}}
    marked = {"match": {"op": "==", "left": {"meta": {"key": "mark"}}, "right": 4}}
    told = asked(listing(chain("input", [setting], [marked, DROP], hook="input")))
    assert told.doubt is not None
    assert told.doubt.feature is Feature.MARK


def jumping(names: int, *, back_to_first: bool = False) -> str:
    """Chains that each jump twice to the next one: 2^n ways."""
    chains = [chain(f"c{n}", *([[{"jump": {"target": f"c{n + 1}"}}]] * 2)) for n in range(names)]
    last = [[{"jump": {"target": "c0"}}]] if back_to_first else []
    start = chain("input", [{"jump": {"target": "c0"}}], hook="input", policy="drop")
    return listing(*chains, chain(f"c{names}", *last), start)


def test_many_ways_to_one_chain_are_walked_once() -> None:
    assert asked(jumping(14)).verdict == "dropped"


@pytest.mark.parametrize(
    "text",
    [
        jumping(30),
        jumping(3, back_to_first=True),
        listing(*(chain(f"i{n}", [DROP], hook="input") for n in range(5))),
        listing(
            chain(
                "input",
                *(
                    [
                        {"limit": {"rate": 1, "per": "hour"}},
                        {"mangle": {"key": {"meta": {"key": "mark"}}, "value": n}},
                    ]
                    for n in range(1, 100)
                ),
                hook="input",
            )
        ),
    ],
    ids=["deep", "loop", "five equals", "many marks"],
)
def test_what_would_take_too_long_is_unknown(text: str) -> None:
    told = asked(text)
    assert told.verdict == "unknown"
    assert told.doubt is not None
    assert told.doubt.feature is Feature.COMPLEXITY


def test_a_packet_has_one_family() -> None:
    with pytest.raises(ValueError, match="different families"):
        Packet(ip_address("192.0.2.1"), ip_address("2001:db8::1"), 22, "tcp")
