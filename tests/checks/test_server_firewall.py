"""The server's rules beside what was met from outside."""

from __future__ import annotations

import ipaddress
import json
from typing import Any

import pytest

from eloquence_ops.checks.server_firewall import firewall
from eloquence_ops.checks.server_media import media_firewall, media_name
from eloquence_ops.endpoints import parse
from eloquence_ops.observations import AnyObservation, LiveKitConfig, ServerFirewall
from eloquence_ops.observations.server import Unknown
from eloquence_ops.observations.server_firewall import Ufw
from eloquence_ops.observations.server_livekit import Setting
from eloquence_ops.observations.transport import TcpOutcome
from eloquence_ops.settings import Redirection, Target
from tests.checks.server_facts import (
    LIVEKIT,
    PAST_PROXY,
    PLAIN,
    THROUGH_PROXY,
    connecting,
    listening,
    lookup,
    seen,
)

LISTENS = listening(("0.0.0.0", 8083, "eloquence-api.service"))
_INPUT = {"family": "inet", "table": "guard", "name": "input"}


def rule(verdict: str, *, low: int, high: int | None = None, protocol: str = "tcp") -> Any:
    right: Any = low if high is None else {"range": [low, high]}
    left = {"payload": {"protocol": protocol, "field": "dport"}}
    match = {"match": {"op": "==", "left": left, "right": right}}
    return {"family": "inet", "table": "guard", "chain": "input", "expr": [match, {verdict: None}]}


def rules(*of_input: Any, policy: str = "accept", **more: Any) -> ServerFirewall:
    """One chain at input, as nft tells it; iptables has none."""
    chain = _INPUT | {"type": "filter", "hook": "input", "prio": 0, "policy": policy}
    objects = [
        {"metainfo": {"version": "1.0.6", "json_schema_version": 1}},
        {"table": {"family": "inet", "name": "guard"}},
        {"chain": chain},
        *({"rule": entry} for entry in of_input),
    ]
    told: dict[str, Any] = {
        "at_s": 0.0,
        "nft": json.dumps({"nftables": objects}),
        "iptables": "",
        "ip6tables": "",
    }
    return ServerFirewall.model_validate(told | more)


UFW = Ufw(enabled=True)
UFWS = "*filter\n:INPUT DROP [0:0]\n:ufw-user-input - [0:0]\n-A INPUT -j ufw-user-input\n{}COMMIT\n"
DROPS = rules(rule("drop", low=8083))
OPEN = rules()


@pytest.mark.parametrize(
    ("told", "met", "outcome"),
    [
        (OPEN, "connected", "ok"),
        (OPEN, "silent", "before"),
        (OPEN, "refused", "ok"),
        (OPEN, None, "ok"),
        (DROPS, "silent", "denied"),
        (DROPS, None, "denied"),
        (DROPS, "connected", "reached"),
        (DROPS, "refused", "reached"),
        (rules(rule("reject", low=8083)), "refused", "denied"),
        (rules(rule("reject", low=8083)), "connected", "reached"),
        (rules(policy="drop"), "silent", "denied"),
        (rules(rule("accept", low=8083), policy="drop"), "connected", "ok"),
        (rules(rule("drop", low=443)), "connected", "ok"),
        (rules(iptables=UFWS.format(""), ufw=UFW), "silent", "ufw-denies"),
        (
            rules(
                iptables=UFWS.format("-A ufw-user-input -p tcp -m tcp --dport 8083 -j DROP\n"),
                ufw=UFW,
            ),
            "silent",
            "ufw-denies",
        ),
        (
            rules(
                iptables=UFWS.format("-A ufw-user-input -p tcp -m tcp --dport 8083 -j ACCEPT\n"),
                ufw=UFW,
            ),
            "silent",
            "before",
        ),
        (rules(nft=None), "silent", "not-read"),
        (rules(nft=None), "connected", "reached"),
        (rules(nft='{"nftables": []}'), "connected", "ok"),
        (rules({**rule("drop", low=8083), "expr": [{"xt": None}, {"drop": None}]}), None, "open"),
    ],
)
def test_the_rules_and_what_came_of_a_connection(
    told: ServerFirewall, met: TcpOutcome | None, outcome: str
) -> None:
    tried = [connecting(met)] if met else [lookup(PLAIN.host, PLAIN.host)]
    (verdict,) = firewall("api", seen(told, LISTENS, *tried, target=PAST_PROXY))
    assert (verdict.outcome, verdict.family) == (outcome, "ipv4")


def test_the_rule_that_denies_is_shown() -> None:
    (verdict,) = firewall("api", seen(DROPS, connecting("silent"), target=PAST_PROXY))
    assert verdict.evidence == {"port": 8083, "rule": "tcp dport 8083 drop"}
    whole = seen(rules(policy="drop"), connecting("silent"), target=PAST_PROXY)
    (verdict,) = firewall("api", whole)
    assert verdict.evidence["rule"] == "input: policy drop"


def test_silence_is_not_before_the_server_where_nobody_listens_for_outside() -> None:
    only_here = listening(("127.0.0.1", 8083, "eloquence-api.service"))
    for listeners in ([], [only_here]):
        saw = seen(OPEN, connecting("silent"), *listeners, target=PAST_PROXY)
        assert [verdict.outcome for verdict in firewall("api", saw)] == ["ok"]


def test_from_the_server_itself_nothing_comes_from_outside() -> None:
    saw = seen(
        DROPS, connecting("connected"), lookup(PLAIN.host, PLAIN.host), target=PAST_PROXY,
        on_server=True,
    )  # fmt: skip
    assert [verdict.outcome for verdict in firewall("api", saw)] == ["denied"]


def test_each_family_has_rules_of_its_own() -> None:
    assert THROUGH_PROXY.api is not None
    told = rules(
        ip6tables=":INPUT DROP [0:0]\n".join(("*filter\n", "COMMIT\n")),
    )
    saw = seen(told, lookup(THROUGH_PROXY.api.host, "203.0.113.10", "2001:db8::10"))
    assert [(found.family, found.outcome) for found in firewall("api", saw)] == [
        ("ipv4", "ok"),
        ("ipv6", "denied"),
    ]


@pytest.mark.parametrize(
    ("missing", "reason", "outcome"),
    [
        ("iptables", "no-such-program", "ok"),
        ("iptables", "permission-denied", "not-read"),
        ("iptables_legacy", "permission-denied", "not-read"),
        ("nft", "no-such-program", "not-read"),
    ],
)
def test_rules_that_were_not_read_are_not_taken_to_be_none(
    missing: str, reason: str, outcome: str
) -> None:
    unknown = (Unknown.model_validate({"fact": missing, "reason": reason}),)
    told = rules().model_copy(update={missing: None, "unknown": unknown})
    (verdict,) = firewall("api", seen(told, connecting("silent"), target=PAST_PROXY))
    assert verdict.outcome == outcome
    if outcome == "not-read":
        assert verdict.evidence == {"reason": reason}


def test_a_private_address_is_asked_about_from_its_own_network() -> None:
    inside = ipaddress.ip_network("10.0.0.0/24")
    accept = rule("accept", low=8083)
    source = {"payload": {"protocol": "ip", "field": "saddr"}}
    prefix = {"prefix": {"addr": str(inside.network_address), "len": inside.prefixlen}}
    accept["expr"].insert(0, {"match": {"op": "==", "left": source, "right": prefix}})
    told = rules(accept, policy="drop")
    target = Target("t", api=parse("http://10.0.0.5:8083", "api"))
    found = firewall("api", seen(told, lookup("10.0.0.5", "10.0.0.5"), target=target))
    assert [verdict.outcome for verdict in found] == ["ok"]


@pytest.mark.parametrize(
    "target",
    [
        Target("t"),
        Target("t", api=parse("http://127.0.0.1:8083", "api")),
        Target("t", api=PLAIN, connect_to=(Redirection("203.0.113.10", 8083, "127.0.0.1", 9000),)),
    ],
    ids=["no address", "loopback", "another address stands in"],
)
def test_nothing_is_asked_of_a_firewall_that_nothing_passes(target: Target) -> None:
    host = target.api.host if target.api else "t"
    saw = seen(DROPS, lookup(host, "127.0.0.1"), connecting("silent"), target=target)
    assert [verdict.outcome for verdict in firewall("api", saw)] == ["not-needed"]


@pytest.mark.parametrize(
    ("server", "outcome"),
    [
        ("ubuntu@203.0.113.10", "denied"),
        ("ubuntu@203.0.113.10:2222", "denied"),
        ("ubuntu@[2001:db8::10]", "ok"),
        ("alias", "open"),
    ],
)
def test_where_only_the_inside_is_looked_at_rules_are_asked_all_the_same(
    server: str, outcome: str
) -> None:
    target = Target("t", api=parse("http://api.test:8083", "api"), server=server)
    (plainly,) = firewall("api", seen(DROPS, target=target))
    assert plainly.outcome == "denied"
    drop = rule("drop", low=8083)
    own = {"payload": {"protocol": "ip", "field": "daddr"}}
    drop["expr"].insert(0, {"match": {"op": "==", "left": own, "right": "203.0.113.10"}})
    (named,) = firewall("api", seen(rules(drop), target=target))
    assert named.outcome == outcome


def yaml(**settings: int) -> LiveKitConfig:
    written = tuple(Setting(name=f"rtc.{name}", value=value) for name, value in settings.items())
    return LiveKitConfig(at_s=0.0, path="/etc/livekit.yaml", exists=True, settings=written)


NO_UDP = rule("drop", low=50000, high=60000, protocol="udp")
NO_TCP = rule("drop", low=7881)
AT = lookup(LIVEKIT.host, "203.0.113.10")


@pytest.mark.parametrize(
    ("observations", "outcome", "evidence"),
    [
        ([OPEN, AT], "ok", {}),
        (
            [rules(NO_UDP), AT],
            "udp-denied",
            {"udp": "50000-60000", "rule": "udp dport 50000-60000 drop"},
        ),
        ([rules(NO_TCP), AT], "tcp-denied", {"tcp": 7881, "rule": "tcp dport 7881 drop"}),
        (
            [rules(NO_UDP, NO_TCP), AT],
            "denied",
            {"tcp": 7881, "udp": "50000-60000", "rule": "tcp dport 7881 drop"},
        ),
        (
            [rules(rule("drop", low=55001, high=60000, protocol="udp")), AT],
            "udp-denied",
            {"udp": "50000-60000", "rule": "udp dport 55001-60000 drop"},
        ),
        ([rules(NO_UDP), AT, yaml(port_range_start=40000, port_range_end=41000)], "ok", {}),
        (
            [rules(NO_UDP), AT, yaml(udp_port=50001)],
            "udp-denied",
            {"udp": "50001", "rule": "udp dport 50000-60000 drop"},
        ),
        ([rules(NO_TCP), AT, yaml(tcp_port=0)], "ok", {}),
        ([rules(nft=None), AT], "not-read", {"reason": "not-found"}),
        ([OPEN, lookup(LIVEKIT.host)], "not-needed", {}),
    ],
)
def test_media_need_udp_and_a_way_around_it(
    observations: list[AnyObservation], outcome: str, evidence: dict[str, object]
) -> None:
    (verdict,) = media_firewall("t", seen(*observations))
    assert (verdict.outcome, verdict.evidence) == (outcome, evidence)


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({}, "UDP 50000-60000 + TCP 7881"),
        ({"udp_port": 7882, "tcp_port": 0}, "UDP 7882"),
        ({"port_range_start": 60000, "port_range_end": 50000}, "UDP 50000-60000 + TCP 7881"),
    ],
)
def test_media_have_their_ports_for_a_name(settings: dict[str, int], name: str) -> None:
    assert media_name(seen(yaml(**settings))) == name
