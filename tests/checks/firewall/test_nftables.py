"""What nft says in JSON: the kernel's answers to it are in tests/network/firewall.

Here is what that kernel or that nft lacks, and what makes an answer unknown.
"""

from __future__ import annotations

from typing import Any

import pytest

from eloquence_ops.checks.firewall.answer import Feature
from tests.checks.firewall.asking import (
    ACCEPT,
    DROP,
    TCP_22,
    asked,
    at_input,
    chain,
    listing,
    packet,
)


def match(left: Any, right: Any, operator: str = "==") -> dict[str, Any]:
    return {"match": {"op": operator, "left": left, "right": right}}


LIMIT: dict[str, Any] = {"limit": {"rate": 3, "burst": 5, "per": "minute"}}


@pytest.mark.parametrize(
    ("statement", "feature"),
    [
        (LIMIT, Feature.RATE),
        ({"quota": {"val": 5, "val_unit": "mbytes"}}, Feature.RATE),
        ({"ct count": {"val": 5}}, Feature.RATE),
        ({"set": {"op": "add", "elem": 1, "set": "@s"}}, Feature.CHANGING_SET),
        (match({"meta": {"key": "hour"}}, 5), Feature.TIME),
        (match({"payload": {"protocol": "ip", "field": "ttl"}}, 64), Feature.PACKET_FIELD),
        (match({"fib": {"result": "oif", "flags": ["saddr", "iif"]}}, True), Feature.ROUTING),
        (match({"payload": {"protocol": "tcp", "field": "sport"}}, 5000), Feature.SOURCE_PORT),
        (match({"payload": {"protocol": "tcp", "field": "flags"}}, "syn"), Feature.TCP_FLAGS),
        (match({"osf": {"key": "name"}}, "Linux"), Feature.EXPRESSION),
        (match({"meta": {"key": "l4proto"}}, "@missing"), Feature.UNREADABLE),
        ({"xt": {"type": "match", "name": "geoip"}}, Feature.EXTENSION),
        ({"xt": None}, Feature.EXTENSION),
        ({"queue": {"num": 1}}, Feature.HANDED_OVER),
        ({"synproxy": None}, Feature.HANDED_OVER),
        ({"tproxy": {"port": 1}}, Feature.HANDED_OVER),
        ({"something new": {}}, Feature.EXPRESSION),
        ("nonsense", Feature.EXPRESSION),
        ({"vmap": {"key": {"meta": {"key": "mark"}}, "data": "@missing"}}, Feature.UNREADABLE),
        ({"jump": {"target": "missing"}}, Feature.UNREADABLE),
    ],
)
def test_what_cannot_be_told_makes_the_answer_unknown(statement: Any, feature: Feature) -> None:
    told = asked(at_input([TCP_22, statement, ACCEPT], policy="drop"))
    assert told.verdict == "unknown"
    assert told.doubt is not None
    assert told.doubt.feature is feature
    # And only for the packets that reach it.
    assert asked(at_input([TCP_22, statement, ACCEPT], policy="drop"), packet(80)).verdict == (
        "dropped"
    )


@pytest.mark.parametrize(
    "rules",
    [
        [[LIMIT, {"log": None}], [TCP_22, ACCEPT]],
        [[LIMIT, {"counter": None}, ACCEPT], [ACCEPT]],
        [[LIMIT, {"jump": {"target": "web"}}], [ACCEPT]],
        [[LIMIT, {"return": None}]],
    ],
)
def test_what_decides_nothing_leaves_no_doubt(rules: list[Any]) -> None:
    text = listing(chain("web", [LIMIT, {"log": None}]), chain("input", *rules, hook="input"))
    assert asked(text).verdict == "accepted"


@pytest.mark.parametrize(
    ("statement", "verdict"),
    [
        ({"flow": {"op": "add", "flowtable": "@f"}}, "dropped"),
        ({"dup": {"addr": "192.0.2.1"}}, "accepted"),
        ({"ct helper": "ftp"}, "accepted"),
        ({"last": None}, "accepted"),
        ({"mangle": {"key": {"meta": {"key": "nftrace"}}, "value": 1}}, "accepted"),
        (match({"ct": {"key": "state"}}, ["established", "new"], "in"), "accepted"),
        (match({"ct": {"key": "state"}}, {"|": ["established", "new"]}), "dropped"),
        (match({"exthdr": {"name": "frag"}}, True), "unknown"),
        (match({"meta": {"key": "iifname"}}, "eth\\*"), "dropped"),
        (match({"meta": {"key": "iif"}}, 7), "unknown"),
        (match({"ct": {"key": "state"}}, "from the future", "in"), "unknown"),
    ],
)
def test_a_statement_before_an_accept(statement: Any, verdict: str) -> None:
    assert asked(at_input([statement, ACCEPT], policy="drop")).verdict == verdict


@pytest.mark.parametrize(
    ("flags", "verdict"),
    [
        ("dormant", "accepted"),
        (["dormant"], "accepted"),
        (["owner", "persist"], "dropped"),
        # nft 1.0.6 shows a name where the flag should be.
        ("t", "unknown"),
    ],
)
def test_a_dormant_table_does_nothing(flags: Any, verdict: str) -> None:
    base = chain("input", hook="input", policy="drop")
    assert asked(listing(base, flags=flags)).verdict == verdict


@pytest.mark.parametrize(
    ("device", "interface", "verdict"),
    [
        ({"dev": "eth0"}, "eth0", "dropped"),
        ({"dev": ["eth1", "eth0"]}, "eth0", "dropped"),
        ({"dev": "eth1"}, "eth0", "unknown"),
        ({"dev": "lo"}, "eth0", "accepted"),
        ({"dev": "eth0"}, None, "unknown"),
        ({}, "eth0", "unknown"),
    ],
)
def test_an_ingress_chain_counts_for_its_devices(
    device: dict[str, Any], interface: str | None, verdict: str
) -> None:
    text = listing(chain("in", [TCP_22, DROP], hook="ingress", family="netdev", **device))
    assert asked(text, packet(interface=interface)).verdict == verdict


@pytest.mark.parametrize(
    ("said", "changing"),
    [
        ({}, False),
        ({"flags": ["interval"]}, False),
        ({"flags": ["timeout"]}, True),
        ({"flags": ["dynamic"]}, True),
        ({"timeout": 60}, True),
        ({"name": "written"}, True),
    ],
)
def test_a_set_that_changes_is_not_relied_on(said: dict[str, Any], changing: bool) -> None:
    place = {"family": "inet", "table": "t"}
    held = {"set": place | {"name": "s", "type": "inet_service", "elem": [22]} | said}
    name = said.get("name", "s")
    port = {"payload": {"protocol": "tcp", "field": "dport"}}
    writing = {"set": {"op": "update", "elem": port, "set": "@written"}}
    text = listing(
        [held],
        chain("elsewhere", [writing]),
        chain("input", [match(port, f"@{name}"), DROP], hook="input"),
    )
    assert asked(text).verdict == ("unknown" if changing else "dropped")


def test_an_element_that_expires_is_not_relied_on() -> None:
    port = {"payload": {"protocol": "tcp", "field": "dport"}}
    member = {"elem": {"val": 22, "expires": 30}}
    assert asked(at_input([match(port, {"set": [member]}), DROP])).verdict == "unknown"


def test_a_rule_is_shown_in_nfts_own_words() -> None:
    told = asked(
        at_input(
            [{"counter": {"packets": 1, "bytes": 2}}],
            [
                match({"payload": {"protocol": "tcp", "field": "dport"}}, {"set": [22, 443]}),
                match(
                    {"payload": {"protocol": "ip", "field": "saddr"}},
                    {"prefix": {"addr": "198.51.100.0", "len": 24}},
                ),
                match({"ct": {"key": "state"}}, "new", "in"),
                {"counter": {"packets": 1, "bytes": 2}},
                {"reject": {"type": "tcp reset"}},
            ],
        )
    )
    assert told.verdict == "rejected"
    assert told.rule == (
        "tcp dport { 22, 443 } ip saddr 198.51.100.0/24 ct state new counter reject with tcp reset"
    )
    assert told.place is not None
    assert (told.place.table, told.place.chain, told.place.position) == ("t", "input", 2)


def test_a_rules_text_is_bounded_and_cannot_command_a_terminal() -> None:
    log = {"log": {"prefix": "\x1b]0;owned\x07" + "x" * 5000}}
    told = asked(at_input([log, DROP]))
    assert len(told.rule) <= 300
    assert "\x1b" not in told.rule
    assert "\x07" not in told.rule
