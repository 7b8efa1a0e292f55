"""The test host's ports, made as they are in the world, and examined by the real command.

`python -m tests.host.ports [SCENE...]` (as root) renews `tests/recordings/ports-SCENE.json`.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.host.examining import PUBLIC, Report, causes, fingerprint
from tests.host.hosts import hosts
from tests.host.layout import LIVEKIT_UNIT
from tests.host.machine import Host
from tests.network.namespaces import Host as Namespace
from tests.real import require

RECORDINGS: Final = Path(__file__).resolve().parents[1] / "recordings"
_FAR: Final = "198.51.100"
_INPUT: Final = (
    "add table inet ports; add chain inet ports in { type filter hook input priority 0; }; "
)


def check_ports(
    host: Host,
    *more: str,
    inside: bool = True,
    user: str = "ubuntu",
    target: tuple[str, ...] = PUBLIC,
    sudo_password: str = "",
) -> Report:
    """`eloquence check-ports` by the client; `inside`: with a responder, by way of SSH."""
    server = ("--server", f"{user}@{host.address}", "--server-key", fingerprint(host))
    with host.resolver() as resolver:
        done = host.eloquence(
            *("check-ports", *target, "--resolver", resolver, "--output", "json"),
            *("--ca", str(host.ca_path), *(server if inside else ()), *more),
            ELOQUENCE_SSH_KEY=str(host.key_path),
            ELOQUENCE_SUDO_PASSWORD=sudo_password,
        )
    assert done.stdout.startswith("{"), f"exit {done.returncode}\n{done.stdout}{done.stderr}"
    report: Report = json.loads(done.stdout)
    return report


def dropping(host: Host, *rules: str) -> None:
    """The server's own firewall drops what `rules` match; what it dropped before comes in again."""
    added = "; ".join(f"add rule inet ports in {rule} drop" for rule in rules)
    host.shell("nft delete table inet ports 2>/dev/null; true")
    host.shell(f"nft '{_INPUT}{added}'")


@contextlib.contextmanager
def provider_before(host: Host, *rules: str) -> Iterator[Host]:
    """The host as somebody sees it who is behind a router, which drops what `rules` match: what was
    the client's namespace is the provider's firewall."""
    far = f"el-f-{host.client.name[5:]}"
    router, words = host.client, ("ip", "netns")
    subprocess.run([*words, "add", far], check=True, capture_output=True)
    try:
        name = f"far{host.client.name[5:]}"[:15]
        router.run("ip", "link", "add", name, "type", "veth", "peer", "far0", "netns", far)
        router.run("ip", "address", "add", f"{_FAR}.1/24", "dev", name)
        router.run("ip", "link", "set", name, "up")
        router.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
        behind = Namespace(far)
        behind.run("ip", "link", "set", "lo", "up")
        behind.run("ip", "link", "set", "far0", "up")
        behind.run("ip", "address", "add", f"{_FAR}.2/24", "dev", "far0")
        behind.run("ip", "route", "add", "default", "via", f"{_FAR}.1")
        host.server.run("ip", "route", "add", f"{_FAR}.0/24", "via", "203.0.113.1")
        table = "add table inet cloud; "
        table += "add chain inet cloud through { type filter hook forward priority 0; }; "
        router.run(
            "nft", table + "; ".join(f"add rule inet cloud through {rule} drop" for rule in rules)
        )
        yield Host(behind, host.server, host.access, host.keys, host.boot)
    finally:
        subprocess.run(["ip", "netns", "delete", far], check=False, capture_output=True)


# Scenes: what each shows is the cause that it is called by


def _edit_livekit(host: Host, script: str) -> None:
    host.shell(f"sed -i '{script}' /etc/livekit.yaml && systemctl restart {LIVEKIT_UNIT}")
    host.wait_until_healthy()


def media_range_mismatch(host: Host, record: Path) -> Report:
    """livekit.yaml has a range of its own; the firewall was opened by the guide."""
    _edit_livekit(host, "s/_start:.*/_start: 40000/; s/_end:.*/_end: 41000/")
    dropping(host, "udp dport 1024-49999")
    return check_ports(host, "--record", str(record))


def ice_tcp_closed(host: Host, record: Path) -> Report:
    """LiveKit was told to take no media over TCP."""
    _edit_livekit(host, "s/tcp_port:.*/tcp_port: 0/")
    return check_ports(host, "--record", str(record))


def half_dropped_on_server(host: Host, record: Path) -> Report:
    dropping(host, "udp dport 55000-60000")
    return check_ports(host, "--record", str(record))


def half_dropped_before_server(host: Host, record: Path) -> Report:
    with provider_before(host, "udp dport 55000-60000") as seen_from_far:
        return check_ports(seen_from_far, "--record", str(record))


@dataclass(frozen=True)
class Scene:
    make: Callable[[Host, Path], Report]
    cause: str


SCENES: Final[dict[str, Scene]] = {
    "media-range-mismatch": Scene(media_range_mismatch, "media-range-mismatch"),
    "ice-tcp-closed": Scene(ice_tcp_closed, "ice-tcp-closed"),
    "half-dropped-on-server": Scene(half_dropped_on_server, "firewall-on-server"),
    "half-dropped-before-server": Scene(half_dropped_before_server, "firewall-before-server"),
}


def main(names: list[str]) -> None:
    with hosts(Path(require("livekit-server"))) as boot_host:
        for name in names or SCENES:
            with boot_host() as host:
                report = SCENES[name].make(host, RECORDINGS / f"ports-{name}.json")
                print(f"{name}: {causes(report)} {report['duration_s']} s", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
