"""Ten thousand ports of a host of our own: over TCP, and over UDP with a responder there."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from eloquence_ops.findings import Family
from eloquence_ops.observations import UdpProof
from eloquence_ops.probes.ports import packets, readiness, scan
from eloquence_ops.probes.ports.proof import prove
from eloquence_ops.probes.ports.scan import Scan
from eloquence_ops.probes.ports.states import FILTERED_AFTER_S
from tests.network.namespaces import PROXY_V4, SERVER_V4, SERVER_V6, Host, two_hosts
from tests.network.responders import LinkInto
from tests.real import require_namespaces

pytestmark = pytest.mark.real

FIRST, LAST = 50000, 60000
RANGE = tuple(range(FIRST, LAST + 1))
HALF = "dport 55000-60000 drop"
LOSSY = "numgen random mod 100 < 5 drop"
# Somebody without CAP_NET_RAW: the responder binds ports.
NOBODY = ("setpriv", "--reuid=1000", "--regid=1000", "--clear-groups")
# Ten of ten in `make soak`; in CI tests/host/test_ports.py does it over SSH, too.
AGAIN = [0, *(pytest.param(time, marks=pytest.mark.soak) for time in range(1, 10))]


@pytest.fixture(scope="module")
def hosts() -> Iterator[tuple[Host, Host]]:
    require_namespaces()
    with two_hosts(tag=f"po{os.getpid():x}") as (client, server):
        yield client, server


@pytest.fixture
def firewall(hosts: tuple[Host, Host]) -> Iterator[Callable[..., None]]:
    """What the server's own rules do, for one test."""
    _, server = hosts

    def load(*rules: str, hook: str = "input") -> None:
        chain = f"add chain inet t c {{ type filter hook {hook} priority 0; }}; "
        added = "; ".join(f"add rule inet t c {rule}" for rule in rules)
        server.run("nft", f"add table inet t; {chain}{added}")

    yield load
    server.run("nft", "flush ruleset")


def scanned(hosts: tuple[Host, Host], address: str = SERVER_V4, **more: object) -> Scan:
    client, _ = hosts
    one = Scan(Family.IPV6 if ":" in address else Family.IPV4, address, RANGE, **more)  # type: ignore[arg-type]
    with client.entered():
        one.run()
    return one


def states(one: Scan) -> Counter[str]:
    assert len(one.found) == len(one.ports)
    return Counter(outcome.state for outcome in one.found.values())


def proven(
    hosts: tuple[Host, Host], address: str = SERVER_V4, *before: str, ports: tuple[int, ...] = RANGE
) -> UdpProof:
    client, server = hosts
    family = Family.IPV6 if ":" in address else Family.IPV4
    with client.entered():
        return asyncio.run(prove(LinkInto(server, *before), family, address, ports))


def spans(proof: UdpProof) -> list[tuple[int, int, int, str]]:
    assert proof.outcome == "made", proof
    return [(one.first, one.last, one.count, one.state) for one in proof.spans]


WHOLE = [(FIRST, LAST, 10_001, "answered")]


# TCP


@pytest.mark.parametrize("address", [SERVER_V4, SERVER_V6])
def test_without_a_firewall_every_port_is_closed_but_those_with_a_listener(
    hosts: tuple[Host, Host], address: str
) -> None:
    _, server = hosts
    with server.entered():
        kind = socket.AF_INET6 if ":" in address else socket.AF_INET
        listener = socket.create_server((address, 55555), family=kind)
    with listener:
        one = scanned(hosts, address)
    assert states(one) == {"closed": 10_000, "open": 1}
    assert one.found[55555].state == "open"


def test_elsewhere_than_on_linux_it_comes_to_the_same(
    hosts: tuple[Host, Host], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on macOS: another selector, a socket for each port, no errors by ICMP."""
    monkeypatch.setattr(scan, "_SERVES_AGAIN", False)
    monkeypatch.setattr(scan, "_NONBLOCK", 0)
    monkeypatch.setattr("eloquence_ops.probes.ports.icmp.IS_TOLD", False)
    one = scanned(hosts, ready_by=readiness.Anywhere)
    assert states(one) == {"closed": 10_001}


def test_half_dropped_is_exactly_that_half(
    hosts: tuple[Host, Host], firewall: Callable[..., None]
) -> None:
    firewall(f"tcp {HALF}")
    one = scanned(hosts)
    assert {port for port, end in one.found.items() if end.state == "filtered"} == set(
        range(55000, 60001)
    )
    assert states(one) == {"closed": 5000, "filtered": 5001}


@pytest.mark.parametrize("time", AGAIN)
def test_one_syn_in_twenty_lost_filters_no_port(
    hosts: tuple[Host, Host], firewall: Callable[..., None], time: int
) -> None:
    firewall(f"tcp flags syn {LOSSY}")
    assert states(scanned(hosts)) == {"closed": 10_001}


def test_a_port_that_is_silent_is_probed_five_times_over_three_seconds(
    hosts: tuple[Host, Host], firewall: Callable[..., None]
) -> None:
    _, server = hosts
    firewall("tcp dport 50000 counter drop")
    client, _ = hosts
    one = Scan(Family.IPV4, SERVER_V4, (50000,))
    with client.entered():
        one.run()
    assert one.found[50000].state == "filtered"
    assert one.patience_s == FILTERED_AFTER_S
    # From Linux 6.5 on a SYN is resent after each second, before that after one and three.
    sent = re.search(r"counter packets (\d+)", server.run("nft", "list", "ruleset"))
    assert sent is not None
    assert int(sent[1]) >= 5


def test_less_patience_gives_the_silence_no_name(
    hosts: tuple[Host, Host], firewall: Callable[..., None]
) -> None:
    firewall(f"tcp {HALF}")
    one = scanned(hosts, patience_s=0.5)
    assert states(one) == {"closed": 5000, "silent": 5001}


def test_a_firewall_that_rejects_is_told_from_a_port_without_a_listener(
    hosts: tuple[Host, Host], firewall: Callable[..., None]
) -> None:
    """Both give ECONNREFUSED. The kernel sends only some ICMP errors a second."""
    firewall("tcp dport 50001 reject", "tcp dport 50002 reject with icmpx admin-prohibited")
    client, _ = hosts
    one = Scan(Family.IPV4, SERVER_V4, (50000, 50001, 50002))
    with client.entered():
        one.run()
    assert {port: end.state for port, end in one.found.items()} == {
        50000: "closed",
        50001: "rejected",
        50002: "rejected",
    }
    assert one.found[50002].detail.endswith(f"prohibited ({SERVER_V4})")


def test_a_machine_that_scans_itself_finds_nothing_open(hosts: tuple[Host, Host]) -> None:
    """The kernel may take the port that is asked about for our own: here it has no other."""
    client, _ = hosts
    client.run("sysctl", "-qw", "net.ipv4.ip_local_port_range=50000 50003")
    try:
        with client.entered():
            for _ in range(20):
                one = Scan(Family.IPV4, "127.0.0.1", (50000, 50001, 50002, 50003))
                assert "open" not in {end.state for end in one.run().values()}
    finally:
        client.run("sysctl", "-qw", "net.ipv4.ip_local_port_range=32768 60999")


def test_a_low_limit_of_open_files_makes_it_slower_and_not_wrong(hosts: tuple[Host, Host]) -> None:
    client, _ = hosts
    script = (
        "import collections; from eloquence_ops.findings import Family; "
        "from eloquence_ops.probes.ports.scan import Scan; "
        f"found = Scan(Family.IPV4, '{SERVER_V4}', tuple(range(50000, 60001))).run(); "
        "print(dict(collections.Counter(end.state for end in found.values())))"
    )
    words = ["ip", "netns", "exec", client.name, "prlimit", "--nofile=256:256"]
    done = subprocess.run(
        [*words, sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "{'closed': 10001}\n"


# UDP


@pytest.mark.parametrize("address", [SERVER_V4, SERVER_V6, PROXY_V4])
def test_every_udp_port_is_proven_by_a_raw_socket_that_binds_none(
    hosts: tuple[Host, Host], address: str
) -> None:
    """The third is a second address of the same machine: it answers from that one."""
    proof = proven(hosts, address)
    assert spans(proof) == WHOLE
    assert (proof.way, proof.sees_arrivals, proof.tries) == ("raw", True, 1)


@pytest.mark.parametrize("address", [SERVER_V4, SERVER_V6, PROXY_V4])
def test_without_the_right_to_raw_sockets_by_bound_ones(
    hosts: tuple[Host, Host], address: str
) -> None:
    proof = proven(hosts, address, *NOBODY)
    assert spans(proof) == WHOLE
    assert (proof.way, proof.sees_arrivals) == ("bound", False)


@pytest.mark.parametrize("time", AGAIN)
@pytest.mark.parametrize(
    ("before", "state"), [((), "stopped"), (NOBODY, "lost-before")], ids=["raw", "bound"]
)
def test_of_a_half_that_is_dropped_exactly_that_half_is_told(
    hosts: tuple[Host, Host],
    firewall: Callable[..., None],
    before: tuple[str, ...],
    state: str,
    time: int,
) -> None:
    firewall(f"udp {HALF}")
    assert spans(proven(hosts, SERVER_V4, *before)) == [
        (50000, 54999, 5000, "answered"),
        (55000, 60000, 5001, state),
    ]


@pytest.mark.parametrize("time", AGAIN)
@pytest.mark.parametrize("before", [(), NOBODY], ids=["raw", "bound"])
def test_one_packet_in_twenty_lost_blocks_no_port(
    hosts: tuple[Host, Host],
    firewall: Callable[..., None],
    before: tuple[str, ...],
    time: int,
) -> None:
    firewall(f"meta l4proto udp {LOSSY}")
    proof = proven(hosts, SERVER_V4, *before)
    assert spans(proof) == WHOLE
    assert 0.03 < proof.loss < 0.08
    assert proof.tries > 1


def test_where_nothing_comes_through_it_is_said_within_seconds(
    hosts: tuple[Host, Host], firewall: Callable[..., None]
) -> None:
    firewall("meta l4proto udp drop")
    proof = proven(hosts)
    assert spans(proof) == [(FIRST, LAST, 10_001, "stopped")]
    assert proof.duration_s < 10


def test_answers_that_the_servers_own_rules_hold_back_are_told_from_packets_that_are_dropped(
    hosts: tuple[Host, Host], firewall: Callable[..., None]
) -> None:
    firewall("udp sport 50000-50999 drop", hook="output")
    proof = proven(hosts)
    assert spans(proof) == [(50000, 50999, 1000, "heard"), (51000, 60000, 9001, "answered")]
    assert proof.held_back == 1000


def test_what_this_machine_does_not_let_out_is_not_the_servers(hosts: tuple[Host, Host]) -> None:
    client, _ = hosts
    client.run(
        "nft",
        "add table inet own; add chain inet own out { type filter hook output priority 0; }; "
        "add rule inet own out udp dport 50000-50999 drop",
    )
    try:
        proof = proven(hosts)
    finally:
        client.run("nft", "flush ruleset")
    assert spans(proof) == [(50000, 50999, 1000, "local"), (51000, 60000, 9001, "answered")]


def test_a_port_that_a_program_has_is_proven_beside_it_and_is_left_alone(
    hosts: tuple[Host, Host],
) -> None:
    _, server = hosts
    with server.entered():
        call = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with call:
        call.bind((SERVER_V4, 50005))
        assert spans(proven(hosts, ports=RANGE[:10])) == [(50000, 50009, 10, "answered")]
        assert spans(proven(hosts, SERVER_V4, *NOBODY, ports=RANGE[:10])) == [
            (50000, 50004, 5, "answered"),
            (50005, 50005, 1, "in-use"),
            (50006, 50009, 4, "answered"),
        ]


def test_where_the_server_tracks_few_connections_more_a_part_of_the_ports_is_asked(
    hosts: tuple[Host, Host], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = packets.ready
    monkeypatch.setattr(packets, "ready", lambda said: real(said | {"room": 400}))
    proof = proven(hosts)
    assert spans(proof) == [(FIRST, LAST, 200, "answered")]


def test_nothing_is_left_in_the_other_namespace(hosts: tuple[Host, Host]) -> None:
    _, server = hosts
    proven(hosts)
    for kind in ("--udp", "--raw", "--packet"):
        assert "python" not in server.run("ss", "--no-header", "--all", "--processes", kind)
