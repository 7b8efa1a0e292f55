"""A port that only a rule of the firewall leads into a container."""

from __future__ import annotations

import json
from typing import Any

import pytest

from eloquence_ops.checks.published_ports import leads_to
from eloquence_ops.checks.server_ports import api_port
from eloquence_ops.observations import ServerFirewall, ServerListeners
from tests.checks.facts import outcome, seen, unit
from tests.checks.server_facts import exchange

TO = "172.17.0.2:8000"
# Docker 24 on Debian 12, with `"userland-proxy": false`.
DOCKERS = f"""\
*filter
:INPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 9999 -j DNAT --to-destination 1.2.3.4:9999
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8083 -j DNAT --to-destination {TO}
-A DOCKER ! -i docker0 -p udp -m udp --dport 7880 -j DNAT --to-destination 172.17.0.3:7880
-A DOCKER -d 127.0.0.1/32 ! -i docker0 -p tcp -m tcp --dport 7881 -j DNAT --to-destination {TO}
COMMIT
"""


def matching(port: object) -> dict[str, Any]:
    left = {"payload": {"protocol": "tcp", "field": "dport"}}
    return {"match": {"op": "==", "left": left, "right": port}}


def nft(*expressions: dict[str, Any]) -> str:
    rule = {"family": "ip", "table": "nat", "chain": "pre", "expr": list(expressions)}
    return json.dumps({"nftables": [{"metainfo": {}}, {"rule": rule}]})


DNAT = {"dnat": {"family": "ip", "addr": "172.17.0.2", "port": 8000}}


@pytest.mark.parametrize(
    ("port", "texts", "to"),
    [
        (8083, {"iptables": DOCKERS}, TO),
        (8083, {"iptables_legacy": DOCKERS}, TO),
        (7880, {"iptables": DOCKERS}, None),
        (7881, {"iptables": DOCKERS}, None),
        (9999, {"iptables": DOCKERS}, None),
        (8083, {"nft": nft(matching(8083), DNAT)}, TO),
        (8083, {"nft": nft(matching({"set": [80, 8083]}), DNAT)}, TO),
        (8084, {"nft": nft(matching(8083), DNAT)}, None),
        (8083, {"nft": nft(matching(8083), {"accept": None})}, None),
        (8083, {"nft": "no JSON"}, None),
        (8083, {"nft": '{"nftables": [{"rule": {"expr": [1]}}]}'}, None),
        (8083, {}, None),
    ],
)
def test_where_a_port_leads(port: int, texts: dict[str, str], to: str | None) -> None:
    assert leads_to(port, seen(ServerFirewall(at_s=0.0, **texts))) == to  # type: ignore[arg-type]


NOBODY_LISTENS = ServerListeners(at_s=0.0, listeners=(), processes=(), left_out=0)
RULES = ServerFirewall(at_s=0.0, iptables=DOCKERS)
AT_REST: dict[str, Any] = {"load_state": "not-found", "active_state": "inactive"}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"status": 405}, "published"),
        ({"status": 200, "headers": (("content-type", "text/html"),)}, "published-unknown"),
        ({"outcome": "silent"}, "published-unknown"),
        (None, "published-unknown"),
    ],
)
def test_it_is_not_nobodys_port(answer: dict[str, Any] | None, expected: str) -> None:
    given = {"endpoint": "http://127.0.0.1:8083", **answer} if answer is not None else None
    asked = (exchange("server-api", **given),) if given else ()
    run = seen(unit(**AT_REST), NOBODY_LISTENS, RULES, *asked)
    assert outcome(api_port, run) == expected


def test_without_such_a_rule_it_is() -> None:
    assert outcome(api_port, seen(unit(**AT_REST), NOBODY_LISTENS)) == "nobody"
