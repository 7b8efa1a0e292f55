"""Real livekit-servers at a public address of a namespace, each with something about its media.

One server machine for all of them: names, nginx with TLS in front, HAProxy that sorts TURN's names
at 443, two coturns. `python -m tests.network.livekit_stories` (as root) renews the recordings.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

from eloquence_ops.endpoints import a_label
from eloquence_ops.ice_urls import Login
from eloquence_ops.lab.services.certificates import Authority, IssuedCertificate
from eloquence_ops.run.carry_out import Execution
from eloquence_ops.run.plan import Plan
from eloquence_ops.run.recording import Recording, write
from eloquence_ops.secrets import Redactor, Secret
from eloquence_ops.settings import Value, build_target
from tests.network.namespaces import PROXY_V4, SERVER_V4, SERVER_V6, Host, two_hosts
from tests.real import require

RECORDINGS: Final = Path(__file__).resolve().parents[1] / "recordings"
KEY, SECRET = "a-key", "a-secret-of-livekit-that-is-long-enough"
TURN_USER, TURN_PASSWORD = "somebody", "a-password-of-coturn"
COTURN, OPEN_COTURN, NOWHERE = 3478, 3479, 3999
_NAME, _TURN_NAME = "livekit.éloquence.test", "turn.éloquence.test"
# A name of TURN's that leads to the web server, as it does where nobody sorts at 443.
_TURN_AT_WEB = "turn-at-web.éloquence.test"
# LiveKit ends at its start where this is a U-label ("TURN domain is not correct").
_TURN_LABEL, _WEB_LABEL = a_label(_TURN_NAME), a_label(_TURN_AT_WEB)
_SIGNALLING, _ICE_TCP, _TURN_TLS, _TURN_UDP = 7880, 7881, 5349, 3480
_STARTING_S: Final = 20.0
_TURN: Final[Mapping[str, Any]] = {
    "enabled": True,
    "domain": _TURN_LABEL,
    "tls_port": _TURN_TLS,
    "udp_port": _TURN_UDP,
}


@dataclass(frozen=True)
class Story:
    """What differs from a LiveKit in order. `turn` None: none is on; `turn_certificate`: which one
    its TLS has. `pair`: the one that the settings hold."""

    rtc: Mapping[str, Any] = field(default_factory=dict)
    turn: Mapping[str, Any] | None = field(default_factory=lambda: _TURN)
    turn_certificate: str = "valid"
    pair: tuple[str, str] = (KEY, SECRET)
    values: Mapping[str, Value] = field(default_factory=dict)
    login: Login | None = None
    read_only: bool = False
    runs: bool = True
    extra: Mapping[str, Any] = field(default_factory=dict)


def _coturn(credential: str, port: int = COTURN, protocol: str = "udp") -> dict[str, Any]:
    """An entry of rtc.turn_servers."""
    return {
        "host": SERVER_V4,
        "port": port,
        "protocol": protocol,
        "username": TURN_USER,
        "credential": credential,
    }


STORIES: Final[Mapping[str, Story]] = {
    "healthy": Story(),
    "media-wrong-address": Story(rtc={"node_ip": "172.17.0.2"}),
    "media-tcp-missing": Story(rtc={"tcp_port": 0}),
    "turn-missing": Story(turn=None),
    "turn-unreachable": Story(turn={**_TURN, "domain": _WEB_LABEL}),
    "turn-wrong-secret": Story(rtc={"turn_servers": [_coturn("another-password")]}),
    "turn-certificate-invalid": Story(turn_certificate="expired"),
    "turn-open": Story(rtc={"turn_servers": [_coturn("any-password-at-all", OPEN_COTURN)]}),
    "own-livekit-pair-wrong": Story(pair=(KEY, "a-secret-from-before-the-last-change-of-keys")),
    "another-public-address": Story(rtc={"node_ip": "203.0.113.99"}),
    "private-address": Story(rtc={"node_ip": "10.0.0.5"}),
    "turn-over-udp-only": Story(turn={"enabled": True, "udp_port": _TURN_UDP}),
    "turn-of-coturn": Story(
        rtc={"turn_servers": [_coturn(TURN_PASSWORD), _coturn(TURN_PASSWORD, protocol="tcp")]}
    ),
    "turn-is-stopped": Story(rtc={"turn_servers": [_coturn("x" * 12, NOWHERE, "tcp")]}),
    "turn-of-the-settings": Story(
        values={"turn": (f"turn:{SERVER_V4}:{COTURN}?transport=udp",)},
        login=Login(TURN_USER, Secret(TURN_PASSWORD)),
    ),
    "own-turn-with-a-wrong-password": Story(
        values={"turn": (f"turn:{SERVER_V4}:{_TURN_UDP}?transport=udp",)},
        login=Login(TURN_USER, Secret("not-the-password")),
    ),
    "turn-without-its-password": Story(
        values={"turn": (f"turn:{SERVER_V4}:{COTURN}?transport=tcp",)}
    ),
    "unknown-key": Story(pair=("a-key-of-nobody", SECRET)),
    "makes-no-rooms": Story(extra={"room": {"auto_create": False}}),
    "read-only": Story(read_only=True),
    "stopped": Story(runs=False),
}
SHOWN: Final = (
    "media-wrong-address",
    "media-tcp-missing",
    "turn-missing",
    "turn-unreachable",
    "turn-wrong-secret",
    "turn-certificate-invalid",
    "turn-open",
    "own-livekit-pair-wrong",
)
"""Those whose recordings prove the cause that they are called by."""


Result = TypeVar("Result")


def in_thread(host: Host, do: Callable[[], Result]) -> Result:
    """What `do` comes to in a namespace, which a thread enters, and those that it starts."""
    found: list[Result] = []

    def run() -> None:
        with host.entered():
            found.append(do())

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return found[0]


def _is_healthy() -> None:
    """LiveKit listens before it answers."""
    connection = http.client.HTTPConnection("127.0.0.1", _SIGNALLING, timeout=_STARTING_S)
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"OK"
    connection.close()


Watch = Callable[[Execution], None]


@dataclass(frozen=True)
class World:
    """Both machines, and the files of what runs on the server."""

    client: Host
    server: Host
    folder: Path
    authority: Authority
    certificates: Mapping[str, IssuedCertificate]

    @contextlib.contextmanager
    def livekit(self, story: Story) -> Iterator[subprocess.Popen[bytes] | None]:
        """LiveKit as the story has it, once it is healthy."""
        if not story.runs:
            yield None
            return
        config = self.folder / "livekit.yaml"
        config.write_text(json.dumps(self._config(story)), encoding="utf-8")  # JSON is YAML
        command = ["ip", "netns", "exec", self.server.name, require("livekit-server")]
        quiet = subprocess.DEVNULL
        with subprocess.Popen(
            [*command, "--config", str(config)], stdout=quiet, stderr=quiet
        ) as it:
            try:
                self._wait(("127.0.0.1", _SIGNALLING))
                in_thread(self.server, _is_healthy)
                yield it
            finally:
                it.kill()  # told to end while it starts, it waits for participants without end

    def _config(self, story: Story) -> dict[str, Any]:
        rtc = {
            "node_ip": SERVER_V4,
            "tcp_port": _ICE_TCP,
            "port_range_start": 50000,
            "port_range_end": 50100,
            "use_external_ip": False,
            "stun_servers": [f"{SERVER_V4}:{COTURN}"],
            **story.rtc,
        }
        config: dict[str, Any] = {
            "port": _SIGNALLING,
            "bind_addresses": ["127.0.0.1"],
            "keys": {KEY: SECRET},
            "rtc": rtc,
            **story.extra,
        }
        if story.turn is not None:
            shown = self.certificates[story.turn_certificate]
            files = {"cert_file": str(shown.chain_path), "key_file": str(shown.key_path)}
            config["turn"] = {**story.turn, **(files if "tls_port" in story.turn else {})}
        return config

    def _wait(self, place: tuple[str, int]) -> None:
        """Until somebody listens there, in the server's namespace."""

        def listens() -> bool:
            sockets = self.server.run("ss", "-Hltn", f"sport = :{place[1]}")
            return bool(sockets.strip())

        deadline = time.monotonic() + _STARTING_S
        while not listens():
            assert time.monotonic() < deadline, f"nobody listens at {place}"
            time.sleep(0.05)

    def plan(self, story: Story) -> Plan:
        key, secret = story.pair
        values: dict[str, Value] = {
            "livekit": f"wss://{_NAME}",
            "ca": str(self.authority.root_path),
            "resolver": f"{SERVER_V4}:53",
            **story.values,
        }
        return Plan(
            target=build_target("t", values, origin=str),
            areas=frozenset({"livekit"}),
            environ={},
            redactor=Redactor(Secret(secret)),
            timeout_s=3.0,
            named=frozenset({"livekit"}),
            read_only=story.read_only,
            livekit_key=key,
            livekit_secret=Secret(secret),
            turn_login=story.login,
        )

    def examined(self, story: Story, watch: Watch = lambda _execution: None) -> Recording:
        """check-livekit from the other machine, within this process.

        `watch` is given the run before it begins, inside its event loop.
        """

        async def carry_out() -> Recording:
            execution = Execution(self.plan(story), "check-livekit")
            watch(execution)
            return await execution.carry_out()

        return in_thread(self.client, lambda: asyncio.run(carry_out()))

    def recorded(self, name: str) -> Recording:
        with self.livekit(STORIES[name]):
            return self.examined(STORIES[name])


@contextlib.contextmanager
def livekit_world(tag: str | None = None) -> Iterator[World]:
    """Everything but LiveKit, for the length of the block."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="eloquence-media-")))
        folder.chmod(0o755)
        client, server = stack.enter_context(two_hosts(tag=tag or f"k{os.getpid():x}"))
        authority, now = Authority(folder / "ca"), datetime.now(UTC)
        certificates = {
            "valid": authority.issue((_TURN_NAME, _TURN_AT_WEB)),
            "expired": authority.issue((_TURN_NAME,), not_after=now - timedelta(days=1)),
            "web": authority.issue((_NAME, _TURN_AT_WEB)),
        }
        names = (
            f"{_NAME}={SERVER_V4}+{SERVER_V6},{_TURN_NAME}={PROXY_V4},{_TURN_AT_WEB}={SERVER_V4}"
        )
        made = World(client, server, folder, authority, certificates)
        stack.enter_context(server.services(f"dns={SERVER_V4}:53,{names}"))
        for command in (
            _nginx(folder, certificates["web"]),
            _haproxy(folder),
            _turnserver(folder, COTURN, "--lt-cred-mech", f"--user={TURN_USER}:{TURN_PASSWORD}"),
            _turnserver(folder, OPEN_COTURN, "--no-auth"),
        ):
            stack.enter_context(server.running(command, ""))
        for port in (443, COTURN, OPEN_COTURN):
            made._wait((SERVER_V4, port))
        yield made


def _nginx(folder: Path, certificate: IssuedCertificate) -> list[str]:
    (folder / "nginx.conf").write_text(
        f"pid {folder}/nginx.pid; error_log {folder}/error.log; user root; daemon off;\n"
        "events {}\nhttp { access_log off;\n"
        "map $http_upgrade $connection_upgrade { default upgrade; '' close; }\n"
        f"server {{ listen {SERVER_V4}:443 ssl; listen [{SERVER_V6}]:443 ssl; "
        f"ssl_certificate {certificate.chain_path}; "
        f"ssl_certificate_key {certificate.key_path};\n"
        f"location / {{ proxy_pass http://127.0.0.1:{_SIGNALLING}; proxy_http_version 1.1; "
        "proxy_set_header Host $host; proxy_set_header Upgrade $http_upgrade; "
        "proxy_set_header Connection $connection_upgrade; } }\n}\n",
        encoding="utf-8",
    )
    return [require("nginx"), "-c", str(folder / "nginx.conf"), "-p", str(folder)]


def _haproxy(folder: Path) -> list[str]:
    """Sorts by name before TLS ends: what the remedy of `turn-unreachable` says."""
    (folder / "haproxy.cfg").write_text(
        "defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 30s\n  timeout server 30s\n"
        f"frontend turn\n  bind {PROXY_V4}:443\n"
        "  tcp-request inspect-delay 5s\n"
        "  tcp-request content accept if { req.ssl_hello_type 1 }\n"
        f"  use_backend turn if {{ req.ssl_sni -i {_TURN_LABEL} }}\n"
        f"backend turn\n  server s 127.0.0.1:{_TURN_TLS}\n",
        encoding="utf-8",
    )
    return [require("haproxy"), "-db", "-f", str(folder / "haproxy.cfg")]


def _turnserver(folder: Path, port: int, *how: str) -> list[str]:
    return [
        require("turnserver"),
        "-n",
        "--realm=eloquence.test",
        f"--listening-ip={SERVER_V4}",
        f"--relay-ip={SERVER_V4}",
        f"--listening-port={port}",
        "--no-tls",
        "--no-dtls",
        "--no-cli",
        "--simple-log",
        f"--log-file={folder}/turn-{port}.log",
        f"--pidfile={folder}/turn-{port}.pid",
        *how,
    ]


if __name__ == "__main__":
    with livekit_world() as at:
        for story_name in sys.argv[1:] or SHOWN:
            write(at.recorded(story_name), RECORDINGS / f"livekit-{story_name}.json")
            print(story_name)
