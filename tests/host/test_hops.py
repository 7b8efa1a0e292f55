"""Which hop between the app and the services is at fault, each broken for real.

With SSH it is named alone and for certain. From outside it is that too, or among what is stated as
possible; then the probe that is named next selects it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pytest

from tests.host.examining import (
    PUBLIC,
    Report,
    causes,
    directly,
    doctor,
    finding,
    held_possible,
    problems,
)
from tests.host.layout import API_UNIT
from tests.host.machine import Host
from tests.host.next_probes import selected
from tests.host.shown import make

pytestmark = pytest.mark.real


# A packet that is dropped is waited for in vain.
_QUICK: Final = ("--timeout", "2")
_INSIDE: Final = ("--only", "server")


@dataclass(frozen=True)
class Told:
    """The cause, and what the server's vantage saw of it.

    `probe`: the alternative whose next probe, stated from outside, selects the cause; empty where
    it is certain from outside already.
    """

    cause: str
    seen_inside: tuple[str, ...]
    probe: str


THROUGH_NGINX: Final = {
    "nginx-stopped": Told(
        "proxy-not-running", ("server.proxy-unit.stopped",), probe="proxy-not-running"
    ),
    "nginx-wrong-upstream": Told(
        "proxy-wrong-upstream",
        ("server.proxied-api.wrong-upstream", "server.proxy-upstream.wrong"),
        probe="proxy-wrong-upstream",
    ),
    "nginx-without-upgrade": Told(
        "proxy-drops-upgrade", ("server.proxy-upgrade.missing",), probe=""
    ),
    "nginx-times-out": Told("api-hanging", ("server.api-answers.silent",), probe="api-hanging"),
    "nginx-gives-up-early": Told(
        "proxy-timeout", ("server.proxy-timeout.gives-up",), probe="api-hanging"
    ),
}


BY_A_FIREWALL: Final = ("ufw-denies-api", "nftables-drops")


def _is_named(host: Host, told: Told, target: tuple[str, ...]) -> None:
    inside = doctor(host, *_QUICK, target=target)
    assert causes(inside) == {told.cause: "certain"}, problems(inside)
    assert set(told.seen_inside) <= set(problems(inside))
    assert inside["unexplained"] == []


def _is_possible(host: Host, told: Told, target: tuple[str, ...]) -> None:
    outside = doctor(host, *_QUICK, target=target, inside=False)
    if not told.probe:
        assert causes(outside) == {told.cause: "certain"}
        return
    assert told.cause in held_possible(outside)
    assert selected(host, told.probe, _next_probe(outside, told.probe)) == told.cause


def _next_probe(report: Report, of: str) -> str:
    """The command that is stated to be run on the server for an alternative, last, in brackets."""
    alternatives = (other for entry in report["causes"] for other in entry["alternatives"])
    said = {other["id"]: other["next_probe"] for other in alternatives}
    _, _, command = said[of].partition("(server: ")
    assert command.endswith(")")
    return str(command[:-1])


@pytest.mark.parametrize("fault", THROUGH_NGINX)
def test_a_broken_proxy_is_named_from_inside(host: Host, fault: str) -> None:
    make(host, fault)
    _is_possible(host, THROUGH_NGINX[fault], PUBLIC)
    _is_named(host, THROUGH_NGINX[fault], PUBLIC)


def test_a_rule_of_ufw_is_named_from_inside(host: Host) -> None:
    make(host, "ufw-denies-api")
    told = Told("firewall-on-server", ("server.firewall.ufw-denies",), probe="firewall-on-server")
    _is_possible(host, told, directly(host))
    _is_named(host, told, directly(host))
    host.shell("ufw prepend allow 443,8083/tcp")  # the remedy
    assert problems(doctor(host, *_INSIDE, target=directly(host))) == {}


def test_a_rule_of_nftables_is_named_from_inside_and_stays_open_without_root(host: Host) -> None:
    make(host, "nftables-drops")
    told = Told("firewall-on-server", ("server.firewall.denied",), probe="firewall-on-server")
    both = (*directly(host), "--livekit", f"ws://{host.address}:7880")
    _is_possible(host, told, both)
    _is_named(host, told, both)
    report = doctor(host, *_QUICK, target=directly(host), user="guest")
    assert "server.firewall.not-read" in {entry["id"] for entry in report["findings"]}
    assert causes(report) == {"firewall-before-server": "possible"}
    assert held_possible(report) == {"firewall-before-server", "firewall-on-server"}
    assert "server-unreachable" in {entry["id"] for entry in report["ruled_out"]}


def test_what_the_server_lets_in_and_is_silent_is_dropped_before_it(host: Host) -> None:
    host.client.run(
        "nft",
        "add table inet provider; "
        "add chain inet provider out { type filter hook output priority 0; }; "
        "add rule inet provider out tcp dport 8083 drop",
    )
    report = doctor(host, *_QUICK, target=directly(host))
    assert causes(report) == {"firewall-before-server": "certain"}
    outside = doctor(host, *_QUICK, target=directly(host), inside=False)
    command = _next_probe(outside, "firewall-on-server")
    assert selected(host, "firewall-on-server", command) == "firewall-before-server"
    # What is denied on the server and nobody needs is not found fault with.
    host.shell("ufw allow 22,443,7881/tcp; ufw allow 50000:60000/udp; ufw --force enable")
    assert problems(doctor(host, *_INSIDE)) == {}


def test_a_healthy_server_is_healthy_with_less_than_root_and_at_other_ports(host: Host) -> None:
    report = doctor(host, *_INSIDE, user="guest")
    assert (report["verdict"], problems(report)) == ("healthy", {})
    media = finding(report, "server.media-firewall")
    assert (media["status"], media["evidence"]) == ("unknown", {"reason": "permission-denied"})
    unit = f"/etc/systemd/system/{API_UNIT}"
    host.shell(f"sed -i 's/--port 8083/--port 9000/' {unit}; systemctl daemon-reload")
    host.shell("sed -i 's/127.0.0.1:8083/127.0.0.1:9000/' /etc/nginx/sites-available/eloquence")
    host.shell(f"systemctl restart {API_UNIT} nginx")
    host.wait_until("curl -sf http://127.0.0.1:9000/")
    report = doctor(host, *_INSIDE)
    assert problems(report) == {}
    assert finding(report, "server.api-answers")["evidence"]["place"] == "127.0.0.1:9000"
