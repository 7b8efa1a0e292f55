"""Real name servers in a network of their own: nsd with a signed domain that delegates to zones on
two others, and unbound, which verifies them from the top. Nothing leaves the machine.

Each zone is a `Story`: what is in it, before and after a change, and what is wrong with it.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import dns.message
import dns.query

from tests.network.namespaces import SERVER_V4, Host, two_hosts
from tests.real import require, require_namespaces

# Of the server's namespace. The domain above, and the two servers of the zones below it.
_PARENT, _FIRST, _SECOND = "192.0.2.51", "192.0.2.53", "192.0.2.54"
_ABOVE: Final = "xn--loquence-90a.test"
_OTHERS: Final = ("eloquence.test", "xn--loquence-90b.test")
"""The domain without its accent, and the one that is a slip away."""
_NOBODY: Final = "192.0.2.99"
"""No host has it, and nothing comes back from there."""
_SHOWN_AT = ("203.0.113.31", "203.0.113.32", "203.0.113.33")
AUTHORITY_V4, OTHER_AUTHORITY_V4, LOOK_ALIKE_V4 = _SHOWN_AT
"""Each shows a certificate of its own."""
WEB_V4, WEB_V6 = "203.0.113.30", "2001:db8:1::30"

RESOLVERS: Final = {
    "fresh": "192.0.2.60",  # verifies, and remembers nothing
    "held": "192.0.2.61",  # was asked before the change, and remembers
    "inner": "192.0.2.62",  # has private addresses of its own
    "lost": "192.0.2.63",  # is led to servers that nobody runs
    "closed": "192.0.2.64",  # serves other people's networks only
    "credulous": "192.0.2.65",  # does not verify
    "udp-only": "192.0.2.66",  # a firewall lets nobody in over TCP
    "absent": "192.0.2.67",  # nothing listens there
}
INNER_V4: Final = "10.0.0.7"


@dataclass(frozen=True)
class Story:
    """One zone below `test`, and what must come of examining a name in it.

    `lines` are its records, on the second server `second` where that has others, before the change
    `before`. `served`: by whom. `signed`: how the signatures stand. `names` are examined, by
    default `api` in the zone; `in_settings` are the target's API and LiveKit, or are not there.
    `certificate` is the organisation that issued the one shown at `shown_at`, for `certified`
    instead of the name. `hosts` are lines of the machine's hosts file; `by_system`: the resolvers
    are those of its resolv.conf, and not named in the settings. `problems` are the findings that
    must come of it, with their `causes`, `perhaps` such as come by chance, since a resolver may ask
    either server; `also` are others that are worth saying.
    """

    lines: tuple[str, ...]
    problems: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    second: tuple[str, ...] | None = None
    before: tuple[str, ...] | None = None
    served: str = "both"
    signed: str = ""
    names: tuple[str, ...] = ("api",)
    in_settings: tuple[str, ...] = ()
    resolvers: tuple[str, ...] = ("fresh",)
    server: str = ""
    certificate: str = ""
    certified: str = ""
    shown_at: str = AUTHORITY_V4
    hosts: tuple[str, ...] = ()
    perhaps: tuple[str, ...] = ()
    perhaps_causes: tuple[str, ...] = ()
    by_system: bool = False
    undetermined: bool = False


def tls_folder(address: str) -> str:
    """Where the certificate that is shown there lies, in the folder of the world."""
    return f"tls-{address.strip('[]').replace(':', '-')}"


def zone_of(name: str) -> str:
    return f"{name}.{_ABOVE}"


@dataclass(frozen=True)
class World:
    """The two namespaces with everything in them; `client` is where one looks from."""

    client: Host
    folder: Path


@contextlib.contextmanager
def world(folder: Path, stories: Mapping[str, Story], tag: str | None = None) -> Iterator[World]:
    """Every zone of `stories` on the same servers, after their changes."""
    require_namespaces()
    with two_hosts(tag=tag) as (client, server), contextlib.ExitStack() as stack:
        for address in (_PARENT, _FIRST, _SECOND, WEB_V4, *_SHOWN_AT, *RESOLVERS.values()):
            server.run("ip", "address", "add", f"{address}/32", "dev", "lo")
        server.run("ip", "address", "add", f"{WEB_V6}/128", "dev", "lo")
        client.run("ip", "-6", "route", "add", "default", "via", "2001:db8::10")
        server.run("nft", _ONLY_UDP)
        zones = _zones(folder, stories)
        with contextlib.ExitStack() as earlier:
            earlier.enter_context(_nsd(server, folder / "parent", _PARENT, zones.parent))
            earlier.enter_context(_nsd(server, folder / "before-1", _FIRST, zones.before))
            earlier.enter_context(_nsd(server, folder / "before-2", _SECOND, zones.before))
            held = stack.enter_context(_unbound(server, folder, "held", zones.anchor))
            for name, story in stories.items():
                if story.before is not None:
                    _ask_for_both(server, held, f"api.{zone_of(name)}")
        stack.enter_context(_nsd(server, folder / "parent-now", _PARENT, zones.parent))
        stack.enter_context(_nsd(server, folder / "first", _FIRST, zones.first))
        stack.enter_context(_nsd(server, folder / "second", _SECOND, zones.second))
        for kind in sorted(set(RESOLVERS) - {"held", "absent"}):
            stack.enter_context(_unbound(server, folder, kind, zones.anchor, inner=zones.inner))
        for address, name, organisation in _ends(stories):
            at = folder / tls_folder(address)
            stack.enter_context(_tls_end(server, at, address, name, organisation))
        yield World(client, folder)


# TCP to the one resolver is dropped, as a firewall does that was told of UDP alone.
_ONLY_UDP: Final = (
    "add table inet dns; add chain inet dns in { type filter hook input priority 0; }; "
    f"add rule inet dns in ip daddr {RESOLVERS['udp-only']} tcp dport 53 drop"
)
_MOST_PATIENT: Final = 10


# Zones


@dataclass(frozen=True)
class _Zones:
    """By name, of each server. `anchor` is the key of the domain at the top."""

    parent: Mapping[str, str]
    before: Mapping[str, str]
    first: Mapping[str, str]
    second: Mapping[str, str]
    inner: tuple[str, ...]
    anchor: str


def _zones(folder: Path, stories: Mapping[str, Story]) -> _Zones:
    before: dict[str, str] = {}
    first: dict[str, str] = {zone: _records((f"@ A {AUTHORITY_V4}",), _SECOND) for zone in _OTHERS}
    second: dict[str, str] = dict(first)
    above: list[str] = []
    for name, story in stories.items():
        zone = zone_of(name)
        second_at = _NOBODY if story.served == "silent-second" else _SECOND
        above += [f"{zone}. NS ns1.{zone}.", f"{zone}. NS ns2.{zone}."]
        above += [f"ns1.{zone}. A {_FIRST}", f"ns2.{zone}. A {second_at}"]
        text = _records(story.lines, second_at)
        if story.signed:
            text, delegation = _signed(zone, text, story.signed, folder)
            above.append(delegation)
        if story.before is not None:
            before[zone] = _records(story.before, second_at)
        if story.served != "nobody":
            first[zone] = text
        if story.served == "both":
            second[zone] = text if story.second is None else _records(story.second, second_at)
    top = f"$TTL 60\n@ SOA ns hostmaster 1 3600 600 86400 30\n@ NS ns\nns A {_PARENT}\n"
    parent, _ = _sign(_ABOVE, top + "".join(f"{line}\n" for line in above), folder)
    anchor = next(folder.glob(f"K{_ABOVE}.+*.key")).read_text(encoding="utf-8")
    inner = tuple(
        f"api.{zone_of(name)}" for name, story in stories.items() if "inner" in story.resolvers
    )
    return _Zones({_ABOVE: parent}, before, first, second, inner, anchor)


def _records(lines: tuple[str, ...], second: str) -> str:
    """A zone with two name servers and these records. What it has not may be remembered for a
    quarter of an hour, what it has for an hour."""
    head = ("$TTL 3600", "@ SOA ns1 hostmaster 1 3600 600 86400 900", "@ NS ns1", "@ NS ns2")
    glue = (f"ns1 A {_FIRST}", f"ns2 A {second}")
    return "".join(f"{line}\n" for line in (*head, *glue, *lines))


def _signed(zone: str, text: str, how: str, folder: Path) -> tuple[str, str]:
    """The zone as it is served, and its delegation's DS record."""
    signed, delegation = _sign(zone, text, folder, expired=how == "expired")
    match how:
        case "another-key":
            others = folder / f"others-{zone}"
            others.mkdir()
            return signed, _sign(zone, text, others)[1]
        case "stripped":
            return text, delegation
        case "forged":
            # The address was changed, and its signature is still that of the one before.
            return signed.replace(SERVER_V4, AUTHORITY_V4), delegation
        case _:
            return signed, delegation


def _sign(zone: str, text: str, folder: Path, *, expired: bool = False) -> tuple[str, str]:
    """The zone with signatures, and its DS record; `expired`: they ran out years ago."""
    require("ldns-signzone")
    key = _run("ldns-keygen", "-a", "ECDSAP256SHA256", "-k", f"{zone}.", folder=folder).strip()
    plain = folder / f"{zone}.plain"
    plain.write_text(f"$ORIGIN {zone}.\n{text}", encoding="utf-8")
    dates = ("-i", "20190101", "-e", "20190201") if expired else ()
    _run("ldns-signzone", *dates, "-o", f"{zone}.", str(plain), key, folder=folder)
    delegation = (folder / f"{key}.ds").read_text(encoding="utf-8").strip()
    return (folder / f"{zone}.plain.signed").read_text(encoding="utf-8"), delegation


# Servers


@contextlib.contextmanager
def _nsd(host: Host, folder: Path, address: str, zones: Mapping[str, str]) -> Iterator[None]:
    folder.mkdir()
    lines = [
        *("server:", "  port: 53", f"  ip-address: {address}", '  username: ""'),
        *(f'  zonesdir: "{folder}"', f'  pidfile: "{folder}/pid"', '  database: ""'),
        *(f'  xfrdfile: "{folder}/xfrd"', f'  zonelistfile: "{folder}/list"'),
        *(f'  xfrdir: "{folder}"', "  rrl-ratelimit: 0", "  server-count: 1"),
        *("remote-control:", "  control-enable: no"),
    ]
    for number, (zone, text) in enumerate(zones.items()):
        (folder / f"{number}.zone").write_text(f"$ORIGIN {zone}.\n{text}", encoding="utf-8")
        lines += ["zone:", f'  name: "{zone}"', f'  zonefile: "{number}.zone"']
    (folder / "nsd.conf").write_text("\n".join(lines) + "\n", encoding="utf-8")
    with _running(host, [require("nsd"), "-d", "-c", str(folder / "nsd.conf")], folder, address):
        yield


@contextlib.contextmanager
def _unbound(
    host: Host, folder: Path, kind: str, anchor: str, inner: tuple[str, ...] = ()
) -> Iterator[str]:
    """One of `RESOLVERS`; its address."""
    own, address = folder / kind, RESOLVERS[kind]
    own.mkdir()
    (own / "anchor").write_text(anchor, encoding="utf-8")
    modules = "iterator" if kind == "credulous" else "validator iterator"
    networks = "198.51.100.0/24" if kind == "closed" else "0.0.0.0/0"
    lines = [
        *("server:", f"  interface: {address}", f"  outgoing-interface: {address}"),
        *('  username: ""', '  chroot: ""'),
        *(f'  directory: "{own}"', f'  pidfile: "{own}/pid"', "  do-daemonize: no"),
        *("  use-syslog: no", "  do-ip6: no", "  num-threads: 1", "  qname-minimisation: no"),
        *(f'  module-config: "{modules}"', f'  trust-anchor-file: "{own}/anchor"'),
        *('  local-zone: "test." nodefault', f"  access-control: {networks} allow"),
        # A server that was silent once is asked again at once: the stories follow one another.
        *("  infra-host-ttl: 1", "  edns-buffer-size: 1232", "  max-udp-size: 1232"),
    ]
    if kind == "inner":
        for name in inner:
            lines.append(f'  local-zone: "{name}." redirect')
            lines.append(f'  local-data: "{name}. 60 A {INNER_V4}"')
    lines += ["remote-control:", "  control-enable: no"]
    for zone, at in ((_ABOVE, _PARENT), *((other, _FIRST) for other in _OTHERS)):
        lines += ["stub-zone:", f'  name: "{zone}"']
        lines.append(f"  stub-addr: {RESOLVERS['absent'] if kind == 'lost' else at}")
    # Whatever else is asked for is refused: nothing leaves this machine.
    lines += ["forward-zone:", '  name: "."', f"  forward-addr: {_PARENT}"]
    (own / "unbound.conf").write_text("\n".join(lines) + "\n", encoding="utf-8")
    command = [require("unbound"), "-d", "-c", str(own / "unbound.conf")]
    with _running(host, command, own, address):
        yield address


def _ask_for_both(host: Host, resolver: str, name: str) -> None:
    """What it says, it remembers from now on."""
    with host.entered():
        for kind in ("A", "AAAA"):
            dns.query.udp(dns.message.make_query(name, kind), resolver, timeout=5)


def _ends(stories: Mapping[str, Story]) -> Iterator[tuple[str, str, str]]:
    """Where TLS is spoken: address, name and issuer of the certificate."""
    for address in (SERVER_V4, WEB_V4, f"[{WEB_V6}]"):
        yield address, "anybody.test", "Lab"
    for name, story in stories.items():
        if story.certificate:
            yield story.shown_at, story.certified or f"api.{zone_of(name)}", story.certificate


@contextlib.contextmanager
def _tls_end(
    host: Host, folder: Path, address: str, name: str, organisation: str
) -> Iterator[None]:
    folder.mkdir()
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    _run(
        *(require("openssl"), "req", "-x509", "-newkey", "ec", "-nodes", "-days", "30"),
        *("-pkeyopt", "ec_paramgen_curve:P-256", "-subj", f"/O={organisation}/CN=R11"),
        *("-addext", f"subjectAltName=DNS:{name}"),
        *("-keyout", str(key), "-out", str(certificate)),
        folder=folder,
    )
    serve = ["openssl", "s_server", "-www", "-accept", f"{address}:443", "-key", str(key)]
    with _started(host, [*serve, "-cert", str(certificate)], folder / "log") as process:
        place = (address.strip("[]"), 443)
        with host.entered():
            _wait_until(
                lambda: socket.create_connection(place, 0.3).close(), process, folder / "log"
            )
        yield


@contextlib.contextmanager
def _running(host: Host, command: list[str], folder: Path, address: str) -> Iterator[None]:
    query = dns.message.make_query("nobody.test", "A")
    with _started(host, command, folder / "log") as process:
        with host.entered():
            _wait_until(lambda: dns.query.udp(query, address, timeout=0.3), process, folder / "log")
        yield


@contextlib.contextmanager
def _started(host: Host, command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """In the namespace. This thread is not, longer than it takes to ask: what ends in another order
    than it began would leave it there."""
    with log.open("w", encoding="utf-8") as written:
        whole = ["ip", "netns", "exec", host.name, *command]
        process = subprocess.Popen(whole, cwd=log.parent, stdout=written, stderr=written)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(10)


def _wait_until(answers: Callable[[], object], process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _MOST_PATIENT
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(Exception):
            answers()
            return
        time.sleep(0.02)
    raise AssertionError(log.read_text(encoding="utf-8"))


def _run(*command: str, folder: Path) -> str:
    done = subprocess.run(
        command, cwd=folder, check=True, capture_output=True, text=True, timeout=30
    )
    return done.stdout
