"""Several texts about one firewall: each rule once, and nothing taken for granted."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eloquence_ops.checks.firewall.answer import Feature
from eloquence_ops.checks.firewall.sources import Said, read
from tests.checks.firewall.asking import (
    ACCEPT,
    DROP,
    TCP_22,
    asked,
    chain,
    listing,
    packet,
    saved,
)

NOTHING = '{"nftables": []}'
OPEN = saved(":INPUT ACCEPT [0:0]", "-A INPUT -p tcp -m tcp --dport 22 -m tcpmss --mss 9 -j ACCEPT")
XT = {"xt": {"type": "match", "name": "tcpmss"}}


def in_iptables_table(*rules: list[object], **base: object) -> str:
    """A table with the name of one of iptables', as nft shows it."""
    hooked = {"hook": "input", "policy": "accept"} | base
    return listing(
        chain("INPUT", *rules, table="filter", family="ip", **hooked), family="ip", name="filter"
    )


@pytest.mark.parametrize(
    ("said", "detail"),
    [
        (Said(None, "", ""), "nft"),
        (Said(NOTHING, None, ""), "iptables-save"),
        (Said(), "nft"),
        (Said("{", "", ""), "nft: {"),
        (Said('{"nftables": {}}', "", ""), "nft: nftables"),
        (Said('{"nftables": [1]}', "", ""), "nft: object"),
        (Said("[" * 100_000, "", ""), None),
    ],
)
def test_a_text_that_is_missing_or_broken_leaves_everything_open(
    said: Said, detail: str | None
) -> None:
    told = asked(said)
    assert told.verdict == "unknown"
    assert told.doubt is not None
    assert told.doubt.feature in (Feature.NOT_READ, Feature.UNREADABLE)
    assert told.possible == {"accepted", "dropped", "rejected"}
    if detail is not None:
        assert told.doubt.detail == detail


def test_an_empty_firewall_accepts_and_names_no_rule() -> None:
    told = asked(Said(NOTHING, "", ""))
    assert (told.verdict, told.rule, told.place) == ("accepted", "", None)


def test_only_the_packets_own_family_has_to_be_read() -> None:
    assert asked(Said(NOTHING, "", None)).verdict == "accepted"
    assert asked(Said(NOTHING, None, ""), packet(source="2001:db8::1")).verdict == "accepted"


def test_of_a_table_in_both_texts_iptables_saves_word_counts() -> None:
    shown = in_iptables_table([TCP_22, XT, {"xt": {"type": "target", "name": "REJECT"}}])
    text = saved(":INPUT ACCEPT [0:0]", "-A INPUT -p tcp -m tcp --dport 22 -j REJECT")
    told = asked(Said(shown, text, ""))
    assert told.verdict == "rejected"
    assert told.place is not None
    assert told.place.source == "iptables"


def test_without_it_an_extension_is_only_a_name() -> None:
    told = asked(Said(in_iptables_table([TCP_22, XT, DROP]), "", ""))
    assert told.verdict == "unknown"
    assert told.doubt is not None
    assert (told.doubt.feature, told.doubt.detail) == (Feature.EXTENSION, "tcpmss")


def test_two_texts_of_different_moments_contradict_each_other() -> None:
    told = asked(Said(in_iptables_table([TCP_22, DROP], [DROP]), OPEN, ""))
    assert told.doubt is not None
    assert told.doubt.feature is Feature.CONTRADICTION


def test_a_chain_of_ones_own_in_iptables_table_is_not_iptables() -> None:
    shown = listing(
        chain("incoming", [DROP], table="filter", family="ip", hook="input"),
        family="ip",
        name="filter",
    )
    text = saved(":INPUT ACCEPT [0:0]", ":incoming - [0:0]", "-A incoming -j DROP")
    assert asked(Said(shown, text, "")).verdict == "dropped"


@pytest.mark.parametrize(
    ("flags", "verdict"), [("dormant", "accepted"), ("owner", "dropped"), ("nat", "unknown")]
)
def test_iptables_save_does_not_tell_that_a_table_sleeps(flags: str, verdict: str) -> None:
    rules = chain("INPUT", [DROP], table="filter", family="ip", hook="input")
    shown = listing(rules, family="ip", name="filter", flags=flags)
    text = saved(":INPUT ACCEPT [0:0]", "-A INPUT -j DROP")
    assert asked(Said(shown, text, "")).verdict == verdict


def test_where_iptables_save_merges_what_was_asked_twice_nft_is_right() -> None:
    port = {"payload": {"protocol": "tcp", "field": "dport"}}
    twice = [
        {"match": {"op": "!=", "left": port, "right": 8083}},
        {"match": {"op": "<=", "left": port, "right": 50010}},
    ]
    shown = in_iptables_table([*twice, {"xt": {"type": "target", "name": "REJECT"}}])
    text = saved(":INPUT ACCEPT [0:0]", "-A INPUT -p tcp -m tcp ! --dport 8083:50010 -j REJECT")
    said = Said(shown, text, "")
    answers = {port: asked(said, packet(port)).verdict for port in (22, 8083, 9000, 60000)}
    assert answers == {22: "rejected", 8083: "accepted", 9000: "rejected", 60000: "accepted"}


def test_the_older_interface_counts_beside_the_newer_one() -> None:
    older = saved(":INPUT ACCEPT [0:0]", "-A INPUT -p tcp -j DROP", kind="")
    told = asked(Said(in_iptables_table([TCP_22, XT, ACCEPT]), OPEN + older, ""))
    assert told.verdict == "dropped"
    assert told.place is not None
    assert told.place.source == "iptables-legacy"


def test_legacy_tables_that_were_not_read_leave_everything_open() -> None:
    warning = "# Warning: iptables-legacy tables present, use iptables-legacy-save to see them\n"
    said = Said(in_iptables_table([TCP_22, XT, ACCEPT]), OPEN + warning, "")
    told = asked(said)
    assert told.doubt is not None
    assert told.doubt.feature is Feature.NOT_READ
    older = saved(":INPUT ACCEPT [0:0]", kind="")
    assert asked(Said(said.nft, OPEN + warning + older, "")).verdict == "accepted"


@pytest.mark.parametrize(
    ("active", "chain_name", "verdict"),
    [
        (True, "other", "unknown"),
        (True, "ufw-user-input", "accepted"),
        (False, "other", "accepted"),
    ],
)
def test_ufw_that_is_active_has_chains(active: bool, chain_name: str, verdict: str) -> None:
    text = saved(":INPUT ACCEPT [0:0]", f":{chain_name} - [0:0]", kind="")
    assert asked(Said(NOTHING, text, "", ufw_active=active)).verdict == verdict


_WORDS = [*OPEN.split(), "\n", "-A", "!", '"', "-m"]
TEXTS = st.one_of(
    st.none(),
    st.text(max_size=60),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.sampled_from(["nftables", "ip", "@s", "*"]),
        lambda inner: st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["nftables", "table", "chain", "rule", "set", "elem", "family", "name", "expr",
                 "match", "left", "right", "op", "vmap", "key", "data", "payload", "meta", "prio",
                 "hook", "type", "policy", "limit", "dnat", "addr", "map", "concat", "mangle"]
            ),
            inner,
            max_size=5,
        ),
        max_leaves=25,
    ).map(lambda value: json.dumps({"nftables": [value, value]})),
)  # fmt: skip


@given(TEXTS, st.lists(st.sampled_from(_WORDS), max_size=20))
def test_no_text_makes_reading_or_asking_fail(text: str | None, words: list[str]) -> None:
    said = Said(text, " ".join(words), "".join(words))
    read(said)
    assert asked(said).verdict in ("accepted", "dropped", "rejected", "unknown")
