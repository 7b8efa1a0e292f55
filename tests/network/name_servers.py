"""Real name servers on loopback: nsd with signed zones, and unbound, which verifies them."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import dns.message
import dns.query

from tests.probes.peers import free_port
from tests.real import require

ZONE: Final = "xn--loquence-90a.test"
HEAD: Final = "$TTL 60\n@ SOA ns1 hostmaster 1 3600 600 86400 30\n@ NS ns1\n@ NS ns2\n"


@dataclass(frozen=True)
class NameServers:
    """The ports on 127.0.0.1 of the resolver and of the zones' two servers."""

    resolver: int
    first: int
    second: int


def records(*lines: str) -> str:
    """A zone with two name servers and these records."""
    return HEAD + "".join(f"{line}\n" for line in lines)


def sign(zone: str, text: str, folder: Path, *, expired: bool = False) -> tuple[str, str]:
    """The zone with signatures, and its public key; `expired`: they ran out years ago."""
    require("ldns-signzone")
    key = _run("ldns-keygen", "-a", "ECDSAP256SHA256", "-k", f"{zone}.", folder=folder).strip()
    plain = folder / f"{zone}.plain"
    plain.write_text(f"$ORIGIN {zone}.\n{text}", encoding="utf-8")
    dates = ("-i", "20190101", "-e", "20190201") if expired else ()
    _run("ldns-signzone", *dates, "-o", f"{zone}.", str(plain), key, folder=folder)
    anchor = (folder / f"{key}.key").read_text(encoding="utf-8")
    return (folder / f"{zone}.plain.signed").read_text(encoding="utf-8"), anchor


@contextlib.contextmanager
def name_servers(
    folder: Path,
    first: Mapping[str, str],
    second: Mapping[str, str],
    anchors: tuple[str, ...] = (),
    resolved: Mapping[str, str] | None = None,
) -> Iterator[NameServers]:
    """Zones by name on each of two servers; the resolver asks the first for all of `first`.

    `resolved`: names of which the resolver has an address of its own, as one that remembers what
    was; an empty one: that there was none.
    """
    ports = NameServers(*(free_port() for _ in range(3)))
    with contextlib.ExitStack() as stack:
        stack.enter_context(_nsd(folder / "first", ports.first, first))
        stack.enter_context(_nsd(folder / "second", ports.second, second))
        stack.enter_context(_unbound(folder, ports, first, anchors, resolved or {}))
        yield ports


@contextlib.contextmanager
def _nsd(folder: Path, port: int, zones: Mapping[str, str]) -> Iterator[None]:
    folder.mkdir()
    lines = [
        *("server:", f"  port: {port}", "  ip-address: 127.0.0.1", '  username: ""'),
        *(f'  zonesdir: "{folder}"', f'  pidfile: "{folder}/pid"', '  database: ""'),
        *(f'  xfrdfile: "{folder}/xfrd"', f'  zonelistfile: "{folder}/list"'),
        *(f'  xfrdir: "{folder}"', "  rrl-ratelimit: 0", "remote-control:"),
        "  control-enable: no",
    ]
    for number, (zone, text) in enumerate(zones.items()):
        (folder / f"{number}.zone").write_text(f"$ORIGIN {zone}.\n{text}", encoding="utf-8")
        lines += ["zone:", f'  name: "{zone}"', f'  zonefile: "{number}.zone"']
    (folder / "nsd.conf").write_text("\n".join(lines) + "\n", encoding="utf-8")
    with _running([require("nsd"), "-d", "-c", str(folder / "nsd.conf")], folder, port):
        yield


@contextlib.contextmanager
def _unbound(
    folder: Path,
    ports: NameServers,
    zones: Mapping[str, str],
    anchors: tuple[str, ...],
    resolved: Mapping[str, str],
) -> Iterator[None]:
    (folder / "anchors").write_text("".join(anchors), encoding="utf-8")
    lines = [
        *("server:", f"  port: {ports.resolver}", "  interface: 127.0.0.1", '  username: ""'),
        *(f'  directory: "{folder}"', '  chroot: ""', f'  pidfile: "{folder}/unbound.pid"'),
        *("  do-daemonize: no", "  use-syslog: no", "  do-not-query-localhost: no"),
        *(
            "  do-ip6: no",
            '  module-config: "validator iterator"',
            '  local-zone: "test." nodefault',
        ),
        *(f'  trust-anchor-file: "{folder}/anchors"', "  qname-minimisation: no"),
    ]
    for zone, address in resolved.items():
        kind = "redirect" if address else "always_nxdomain"
        lines.append(f'  local-zone: "{zone}." {kind}')
        if address:
            lines.append(f'  local-data: "{zone}. 60 A {address}"')
    lines += ["remote-control:", "  control-enable: no"]
    for zone in zones:
        lines += ["stub-zone:", f'  name: "{zone}"', f"  stub-addr: 127.0.0.1@{ports.first}"]
    # Whatever else is asked for leads nowhere: nothing leaves this machine.
    lines += ["forward-zone:", '  name: "."', f"  forward-addr: 127.0.0.1@{ports.first}"]
    (folder / "unbound.conf").write_text("\n".join(lines) + "\n", encoding="utf-8")
    command = [require("unbound"), "-d", "-c", str(folder / "unbound.conf")]
    with _running(command, folder, ports.resolver):
        yield


@contextlib.contextmanager
def _running(command: list[str], folder: Path, port: int) -> Iterator[None]:
    log = folder / f"{port}.log"
    with log.open("w", encoding="utf-8") as written:
        process = subprocess.Popen(command, cwd=folder, stdout=written, stderr=written)
    try:
        _wait_for(port, process, log)
        yield
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    query = dns.message.make_query("nobody.test", "A")
    deadline = time.monotonic() + 10
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(Exception):
            dns.query.udp(query, "127.0.0.1", timeout=0.3, port=port)
            return
        time.sleep(0.05)
    raise AssertionError(log.read_text(encoding="utf-8"))


def _run(*command: str, folder: Path) -> str:
    done = subprocess.run(
        command, cwd=folder, check=True, capture_output=True, text=True, timeout=30
    )
    return done.stdout


def closed_port() -> int:
    """A UDP port of loopback on which nobody answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
