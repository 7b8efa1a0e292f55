"""10,001 ports beside nmap: over TCP the same question, over UDP the one that nmap cannot answer.

In two network namespaces with nothing else on the way; nmap is Debian's. Of ours the scan itself is
timed, of nmap its whole process. UDP is proven on the tests' host, over SSH; nmap's time for it is
extrapolated from a few ports, since the kernel sends about one ICMP error a second.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from bench.far_away import SERVER, far_away
from tests.host.examining import PUBLIC, fingerprint
from tests.host.hosts import hosts
from tests.network.namespaces import SERVER_V4, Host, two_hosts
from tests.real import require_host

_ROUNDS: Final = 5
_OURS: Final = (
    "import collections, json, sys, time; from eloquence_ops.findings import Family; "
    "from eloquence_ops.probes.ports.scan import Scan; begun = time.monotonic(); "
    "found = Scan(Family.IPV4, sys.argv[1], tuple(range(50000, 60001))).run(); "
    "took = time.monotonic() - begun; "
    "print(json.dumps([took, collections.Counter(end.state for end in found.values())]))"
)
_PLAIN: Final = ("-sT", "-p50000-60000", "-Pn", "-n")
_FAST: Final = ("-T5", "--min-rate", "100000")
_UDP_PORTS: Final = 24
_ALL: Final = 10_001

Verdicts = Counter[str]


def main() -> None:
    """Goals: 1.5 of nmap's fastest where nothing is dropped; half of plain nmap where half is; no
    false verdict where one SYN in twenty is lost; 1.5 s for UDP with SSH."""
    if not shutil.which("nmap"):
        sys.exit("bench: install nmap first (apt-get install nmap)")
    with two_hosts() as (client, server):
        _beside(client, "nothing dropped, 0 ms", SERVER_V4, _FAST, goal=1.5)
        with far_away(client, server, 0.04) as way:
            _beside(client, "nothing dropped, 40 ms of round trip", SERVER, _FAST, goal=1.5)
            print(f"  packets that the way had no room for: {way.dropped}")
        with _rule(server, "tcp dport 55000-60000 drop"):
            _beside(client, "half dropped", SERVER_V4, (), goal=0.5, rounds=2)
        with _rule(server, "tcp flags syn numgen random mod 100 < 5 drop"):
            _verdicts(client)
        _nmap_udp(client)
    _udp()


@contextlib.contextmanager
def _rule(server: Host, rule: str) -> Iterator[None]:
    chain = "add table inet t; add chain inet t c { type filter hook input priority 0; }; "
    server.run("nft", f"{chain}add rule inet t c {rule}")
    yield
    server.run("nft", "delete table inet t")


def _ours(client: Host, address: str) -> tuple[float, Verdicts]:
    took, states = json.loads(client.run(sys.executable, "-c", _OURS, address))
    return float(took), Counter(states)


def _nmap(client: Host, address: str, *more: str) -> tuple[float, Verdicts]:
    begun = time.monotonic()
    said = client.run("nmap", *_PLAIN, *more, address)
    took = time.monotonic() - begun
    found: Verdicts = Counter()
    for count, state in re.findall(r"(\d+) (closed|filtered) tcp ports? \(", said):
        found[state] += int(count)
    for state in re.findall(r"^\d+/tcp +(open|closed|filtered)", said, re.MULTILINE):
        found[state] += 1
    return took, found


def _beside(
    client: Host,
    title: str,
    address: str,
    more: tuple[str, ...],
    *,
    goal: float,
    rounds: int = _ROUNDS,
) -> None:
    seconds: dict[str, list[float]] = {}
    verdicts: dict[str, Verdicts] = {}
    sides: dict[str, Callable[[], tuple[float, Verdicts]]] = {
        "eloquence, the scan itself": lambda: _ours(client, address),
        " ".join(("nmap -sT", *more)): lambda: _nmap(client, address, *more),
    }
    for number in range(rounds + 1):
        for name, once in sides.items():
            took, found = once()
            verdicts[name] = found
            if number:
                seconds.setdefault(name, []).append(took)
    print(f"\n10,001 TCP ports, {title}")
    for name, values in seconds.items():
        told = ", ".join(f"{count} {state}" for state, count in sorted(verdicts[name].items()))
        low, high = min(values), max(values)
        print(f"  {name:<36} {statistics.median(values):6.2f} s ({low:.2f} to {high:.2f})  {told}")
    ours, peer = (statistics.median(values) for values in seconds.values())
    print(f"  ratio {ours / peer:.2f} (goal {goal})")


def _verdicts(client: Host) -> None:
    """Every port is closed: what is called filtered is called so wrongly."""
    print("\n10,001 TCP ports, one SYN in twenty lost")
    sides: dict[str, Callable[[], tuple[float, Verdicts]]] = {
        "eloquence": lambda: _ours(client, SERVER_V4),
        "nmap -sT": lambda: _nmap(client, SERVER_V4),
        "nmap -sT -T5": lambda: _nmap(client, SERVER_V4, "-T5"),
        "nmap -sT -T5 --min-rate 100000": lambda: _nmap(client, SERVER_V4, *_FAST),
    }
    for name, once in sides.items():
        runs = [once() for _ in range(3)]
        wrong = [found["filtered"] for _, found in runs]
        took = statistics.median(seconds for seconds, _ in runs)
        print(f"  {name:<36} {took:6.2f} s  filtered wrongly, of three runs: {wrong}")


def _nmap_udp(client: Host) -> None:
    begun = time.monotonic()
    last = 50000 + _UDP_PORTS - 1
    client.run("timeout", "120", "nmap", "-sU", "-Pn", "-n", f"-p50000-{last}", SERVER_V4)
    took = time.monotonic() - begun
    hours = took / _UDP_PORTS * _ALL / 3600
    print("\n10,001 UDP ports")
    print(f"  nmap -sU, {_UDP_PORTS} of them {took:20.1f} s, so {hours:.1f} h for all")


def _udp() -> None:
    with hosts(Path(require_host())) as boot_host, boot_host() as host:
        took = []
        with tempfile.TemporaryDirectory() as folder, host.resolver() as resolver:
            record = Path(folder) / "run.json"
            for _ in range(_ROUNDS):
                host.eloquence(
                    *("check-ports", *PUBLIC, "--resolver", resolver, "--ca", str(host.ca_path)),
                    *("--server", f"ubuntu@{host.address}", "--server-key", fingerprint(host)),
                    *("--record", str(record)),
                    ELOQUENCE_SSH_KEY=str(host.key_path),
                )
                made = json.loads(record.read_text(encoding="utf-8"))["observations"]
                seconds = {entry["kind"]: entry["duration_s"] for entry in made}
                (proof,) = (entry for entry in made if entry["kind"] == "ports.udp")
                proven = sum(one["count"] for one in proof["spans"] if one["state"] == "answered")
                took.append((seconds["server.reach"], seconds["ports.udp"], proven))
    whole = statistics.median(ssh + proof for ssh, proof, _ in took)
    print(f"  eloquence, SSH and the proof {whole:19.2f} s (goal 1.5), proven: {took[-1][2]}")
    for ssh, proof, _ in took:
        print(f"    of these SSH {ssh:.2f} s, the proof {proof:.2f} s")
