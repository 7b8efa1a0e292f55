"""Faults that loopback cannot have, each made for real and examined by the real command.

`python -m tests.network.scenarios` (as root) renews the recordings that prove them.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.lab.services.certificates import Authority, IssuedCertificate
from eloquence_ops.run.examine import examine
from eloquence_ops.run.recording import write
from tests.network.dns_stories import STORIES
from tests.network.name_examination import examined
from tests.network.name_servers import world
from tests.network.namespaces import (
    PROXY_V4,
    SERVER_V4,
    SERVER_V6,
    Host,
    doctor,
    doctor_in,
    two_hosts,
    wait_for,
)
from tests.network.real_stack import real_stack
from tests.real import require

RECORDINGS: Final = Path(__file__).resolve().parents[1] / "recordings"
_KEY: Final = {"ELOQUENCE_API_KEY": "lab-api-key"}
_API: Final = ("--api", f"http://{SERVER_V4}:8083")
_LIVEKIT: Final = ("--livekit", f"ws://{SERVER_V4}:7880")
_SERVICES: Final = ("api=0.0.0.0:8083,ws://203.0.113.10:7880", "livekit=0.0.0.0:7880")

Scenario = Callable[[Path], int]


@contextlib.contextmanager
def _dropping(host: Host, *rules: str) -> Iterator[None]:
    """A firewall that drops what `rules` match, and lets everything else in."""
    table = "add table inet t; add chain inet t in { type filter hook input priority 0; }; "
    host.run("nft", table + "; ".join(f"add rule inet t in {rule} drop" for rule in rules))
    yield


def own_network_no_ipv6(record: Path) -> int:
    """The target has an IPv6 address only, this machine has no IPv6."""
    with two_hosts(client_has_ipv6=False) as (client, _server):
        return doctor(client, record, "--api", f"http://[{SERVER_V6}]:8083", **_KEY)


def own_proxy_required(record: Path) -> int:
    """This network lets nothing out but what goes through its proxy."""
    with (
        two_hosts() as (client, server),
        server.services(*_SERVICES, f"proxy={PROXY_V4}:3128"),
        _dropping(server, f"iifname != lo ip daddr {SERVER_V4} tcp dport {{ 8083, 7880 }}"),
    ):
        environ = {"http_proxy": f"http://{PROXY_V4}:3128", **_KEY}
        return doctor(client, record, *_API, "--timeout", "2", **environ)


def server_unreachable(record: Path) -> int:
    """Nothing at all comes back from the server."""
    with two_hosts() as (client, server), _dropping(server, "meta l4proto { tcp, udp, icmp }"):
        return doctor(client, record, *_API, *_LIVEKIT, "--timeout", "3", **_KEY)


def firewall_before_server(record: Path) -> int:
    """8083 is dropped on the way, 7880 is let through."""
    with (
        two_hosts() as (client, server),
        server.services(*_SERVICES),
        _dropping(server, "tcp dport 8083"),
    ):
        return doctor(client, record, *_API, *_LIVEKIT, "--timeout", "3", **_KEY)


def dns_ipv6_broken(record: Path) -> int:
    """The name has an AAAA record, and nothing listens there."""
    with (
        two_hosts() as (client, server),
        server.services(
            *_SERVICES, f"dns={SERVER_V4}:53,api.éloquence.test={SERVER_V4}+{SERVER_V6}"
        ),
    ):
        api = ("--api", "http://api.éloquence.test:8083", "--resolver", SERVER_V4)
        return doctor(client, record, *api, **_KEY)


def dns_points_elsewhere(record: Path) -> int:
    """The name still leads to the machine from before the move, which answers as it always did."""
    with (
        two_hosts() as (client, server),
        server.services(*_SERVICES, f"dns={SERVER_V4}:53,api.éloquence.test={PROXY_V4}"),
    ):
        api = ("--api", "http://api.éloquence.test:8083", "--resolver", SERVER_V4)
        return doctor(client, record, *api, "--server", f"root@{SERVER_V4}", "--only", "dns")


def app_unicode_host(record: Path) -> int:
    """The app's source writes the API's name with its accent; the system itself is in order."""
    with (
        two_hosts() as (client, server),
        server.services(*_SERVICES, f"dns={SERVER_V4}:53,api.éloquence.test={SERVER_V4}"),
        tempfile.TemporaryDirectory() as made,
    ):
        source = Path(made) / "eloquence_app" / "lib" / "api.dart"
        source.parent.mkdir(parents=True)
        source.write_text(
            "const api = 'http://api.éloquence.test:8083/api';\n"
            "const push = 'https://push.example';\n",
            encoding="utf-8",
        )
        api = ("--api", "http://api.éloquence.test:8083", "--resolver", SERVER_V4)
        app = ("--app", "eloquence_app", "--only", "dns")
        return doctor_in(Path(made), client, record, *api, *app)


@contextlib.contextmanager
def _certificates_at(
    host: Host, folder: Path, shown: Mapping[str, IssuedCertificate], *, port_80: bool = True
) -> Iterator[None]:
    """nginx in this namespace, with a certificate of its own at port 443 of each address."""
    plain = "listen {}:80; " if port_80 else ""
    sites = "\n".join(
        f"server {{ {plain.format(address)}listen {address}:443 ssl; "
        f"ssl_certificate {one.chain_path}; "
        f'ssl_certificate_key {one.key_path}; location / {{ return 404 "not here"; }} }}'
        for address, one in shown.items()
    )
    (folder / "nginx.conf").write_text(
        f"pid {folder}/pid; error_log {folder}/error.log; user root; daemon off;\n"
        f"events {{}}\nhttp {{ access_log off;\n{sites}\n}}\n",
        encoding="utf-8",
    )
    with host.running([require("nginx"), "-c", str(folder / "nginx.conf"), "-p", str(folder)], ""):
        wait_for(folder / "pid")
        yield


def cert_differs_by_address(record: Path) -> int:
    """Two machines answer to one name; the renewal reached the first only."""
    with two_hosts() as (client, server), tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        authority, now = Authority(folder / "ca"), datetime.now(UTC)
        renewed = authority.issue(["api.éloquence.test"])
        forgotten = authority.issue(["api.éloquence.test"], not_after=now - timedelta(days=1))
        with (
            server.services(f"dns={SERVER_V4}:53,api.éloquence.test={SERVER_V4}+{PROXY_V4}"),
            _certificates_at(server, folder, {SERVER_V4: renewed, PROXY_V4: forgotten}),
        ):
            api = ("--api", "https://api.éloquence.test", "--resolver", SERVER_V4)
            root = ("--ca", str(authority.root_path))
            return doctor(client, record, *api, *root, "--only", "tls")


def cert_renewal_blocked(record: Path) -> int:
    """A certificate in its last days, and nobody at port 80 whom its authority could ask."""
    with two_hosts() as (client, server), tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        authority, now = Authority(folder / "ca"), datetime.now(UTC)
        ending = authority.issue(
            ["api.éloquence.test"],
            not_before=now - timedelta(days=85),
            not_after=now + timedelta(days=5),
        )
        with (
            server.services(f"dns={SERVER_V4}:53,api.éloquence.test={SERVER_V4}"),
            _certificates_at(server, folder, {SERVER_V4: ending}, port_80=False),
        ):
            api = ("--api", "https://api.éloquence.test", "--resolver", SERVER_V4)
            root = ("--ca", str(authority.root_path))
            return doctor(client, record, *api, *root, "--only", "tls")


def real_stack_healthy(record: Path) -> int:
    """The reference API and the real LiveKit behind the real nginx, over TLS."""
    with real_stack() as stack:
        return stack.doctor(record)


def real_stack_livekit_down(record: Path) -> int:
    """The same with LiveKit stopped: nginx's own 502."""
    with real_stack(livekit=False) as stack:
        return stack.doctor(record)


def real_stack_agent_absent(record: Path) -> int:
    """The same with LiveKit in order and nobody who sends a coach."""
    with real_stack(agent=False) as stack:
        return stack.doctor(record)


def real_stack_root_unknown_to_android(record: Path) -> int:
    """The same in order, with a root that is installed on this machine only."""
    with real_stack(installed_root=True) as stack:
        return stack.doctor(record)


def _of_story(name: str, record: Path) -> int:
    """A zone on real name servers: `tests/network/dns_stories.py`."""
    with (
        tempfile.TemporaryDirectory(prefix="eloquence-dns-") as folder,
        world(Path(folder), {name: STORIES[name]}, tag=f"d{os.getpid():x}") as servers,
    ):
        recording = examined(name, STORIES[name], servers)
    write(recording, record)
    return examine(recording, catalogue()).exit_code(strict=False)


# Each shows the cause that it is called by.
SHOWN_BY_STORIES: Final = {
    "caa-forbids-issuer": "caa-bars-the-issuer",
    "dns-alias-dangling": "dangling-alias",
    "dns-alias-loop": "alias-loop",
    "dns-delegation-lame": "served-by-nobody",
    "dns-ds-mismatch": "key-of-another-provider",
    "dns-private-address": "private-livekit",
    "dns-resolver-down": "resolver-of-other-people",
    "dns-signatures-expired": "expired-signatures",
    "dns-split-horizon": "split-horizon",
    "dns-tcp-blocked": "tcp-blocked",
    "dns-wildcard-slip": "slip-under-a-wildcard",
    "own-name-override": "hosts-file-leads-elsewhere",
}


SCENARIOS: Final[dict[str, Scenario]] = {
    "own-network-no-ipv6": own_network_no_ipv6,
    "own-proxy-required": own_proxy_required,
    "server-unreachable": server_unreachable,
    "firewall-before-server": firewall_before_server,
    "dns-ipv6-broken": dns_ipv6_broken,
    "dns-points-elsewhere": dns_points_elsewhere,
    "app-unicode-host": app_unicode_host,
    "cert-differs-by-address": cert_differs_by_address,
    "cert-renewal-blocked": cert_renewal_blocked,
    "real-stack-healthy": real_stack_healthy,
    "real-stack-livekit-down": real_stack_livekit_down,
    "real-stack-agent-absent": real_stack_agent_absent,
    "real-stack-root-unknown-to-android": real_stack_root_unknown_to_android,
    **{cause: partial(_of_story, story) for cause, story in SHOWN_BY_STORIES.items()},
}


if __name__ == "__main__":
    for name in sys.argv[1:] or SCENARIOS:
        code = SCENARIOS[name](RECORDINGS / f"{name}.json")
        print(f"{name}: exit {code}")
