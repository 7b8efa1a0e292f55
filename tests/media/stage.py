"""Two hosts of our own with a real livekit-server, a real coturn and the API on one of them."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final

from livekit.api import AccessToken, VideoGrants

from eloquence_ops.lab.services.api import LAB_LIVEKIT_KEY, LAB_LIVEKIT_SECRET
from tests.media.coaches import Manner
from tests.network.namespaces import ROOT, SERVER_V4, Host, two_hosts
from tests.real import require, require_namespaces

UDP, TCP, TURN = 50000, 7881, 3478
RELAYED: Final = (30000, 30100)
"""LiveKit's one UDP port, its TCP port, coturn's port and the range that it relays from."""
LINK: Final = "iifname != lo"
API, LIVEKIT = f"http://{SERVER_V4}:8083", f"ws://{SERVER_V4}:7880"
PAIR: Final = {
    "ELOQUENCE_LIVEKIT_API_KEY": LAB_LIVEKIT_KEY,
    "ELOQUENCE_LIVEKIT_API_SECRET": LAB_LIVEKIT_SECRET,
}
KEY: Final = {"ELOQUENCE_API_KEY": "lab-api-key"}
_COTURN: Final = (
    f"-n -a --no-cli --no-tls --no-dtls -L {SERVER_V4} -E {SERVER_V4} -p {TURN} -r lab "
    f"--min-port {RELAYED[0]} --max-port {RELAYED[1]} --no-software-attribute --log-file stdout"
).split()
_TURN_PASSWORD: Final = "a password of the test's"


@dataclass(frozen=True)
class Stage:
    client: Host
    server: Host
    livekit: subprocess.Popen[bytes]
    log: Path

    def command(self, *arguments: str) -> list[str]:
        return ["ip", "netns", "exec", self.client.name, sys.executable, "-m", "eloquence_ops",
                *arguments]  # fmt: skip

    def environment(self, home: Path, **more: str) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(home), **more}

    def check(self, record: Path, *arguments: str, **environ: str) -> int:
        """`check-media` on the client; its exit code. What it saw is in `record`."""
        done = subprocess.run(
            self.command("check-media", *arguments, "--record", str(record)),
            env=self.environment(record.parent, **environ),
            cwd=ROOT,
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert record.exists(), done.stderr
        assert "eyJ" not in done.stdout + done.stderr + record.read_text()
        return done.returncode

    @contextlib.contextmanager
    def dropping(self, *rules: str, hook: str = "input") -> Iterator[None]:
        """The server's firewall drops what comes over the link and matches."""
        table = f"add table inet t; add chain inet t c {{ type filter hook {hook} priority 0; }}; "
        self.server.run(
            "nft", table + "; ".join(f"add rule inet t c {rule} drop" for rule in rules)
        )
        try:
            yield
        finally:
            self.server.run("nft", "delete table inet t")

    def rooms(self) -> dict[str, int]:
        """Those that LiveKit has, asked on the server itself, and how many are in each."""
        grants = VideoGrants(room_list=True)
        token = AccessToken(LAB_LIVEKIT_KEY, LAB_LIVEKIT_SECRET).with_grants(grants).to_jwt()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        listed = self._asked(7880, "POST", "/twirp/livekit.RoomService/ListRooms", headers, "{}")
        return {room["name"]: room["num_participants"] for room in listed["rooms"]}

    def _asked(
        self, port: int, method: str, path: str, headers: dict[str, str], body: str | None = None
    ) -> Any:
        with self.server.entered():
            connection = HTTPConnection(SERVER_V4, port, timeout=5)
            try:
                connection.request(method, path, body, headers)
                return json.load(connection.getresponse())
            finally:
                connection.close()

    def open_sessions(self) -> list[str]:
        found: list[str] = self._asked(8083, "GET", "/open-sessions", {})
        return found

    def left_over(self) -> list[str]:
        """What is still running in the client's namespace, and every socket that is open there."""
        processes = self.server_side("ip", "netns", "pids", self.client.name).split()
        sockets = self.client.run("ss", "-Htuan", "state", "connected", "exclude", "time-wait")
        return processes + sockets.splitlines()

    def server_side(self, *command: str) -> str:
        return subprocess.run(
            command, check=True, capture_output=True, text=True, timeout=30
        ).stdout

    def own_rooms(self) -> dict[str, int]:
        """Those that are ours, not the API's."""
        rooms = self.rooms()
        return {name: rooms[name] for name in rooms if name.startswith("eloquence-doctor-")}

    @contextlib.contextmanager
    def backend(self, manner: Manner) -> Iterator[None]:
        """The API, with coaches of this manner."""
        place = f"{SERVER_V4}:8083"
        program = [sys.executable, "-m", "tests.media.backend", place, LIVEKIT, manner]
        with self.server.running(program, "ready"):
            yield


@contextlib.contextmanager
def stage(*, turn: str = "", tag: str | None = None) -> Iterator[Stage]:
    """`turn`: the password that LiveKit hands out for coturn, whose own is always the same; without
    one LiveKit hands out no TURN server. `right` is the right one."""
    require_namespaces()
    program = require("livekit-server")
    relay = require("turnserver")
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="eloquence-media-")))
        client, server = stack.enter_context(two_hosts(tag=tag))
        rtc: dict[str, Any] = {
            "udp_port": UDP,
            "tcp_port": TCP,
            "node_ip": SERVER_V4,
            "use_external_ip": False,
            "ips": {"includes": [f"{SERVER_V4}/32"]},
            "stun_servers": [f"{SERVER_V4}:{TURN}"],
        }
        if turn:
            credential = _TURN_PASSWORD if turn == "right" else turn
            rtc["turn_servers"] = [
                {
                    "host": SERVER_V4,
                    "port": TURN,
                    "protocol": "udp",
                    "username": "lab",
                    "credential": credential,
                }
            ]
        config = folder / "livekit.yaml"
        keys = {LAB_LIVEKIT_KEY: LAB_LIVEKIT_SECRET}
        config.write_text(json.dumps({"port": 7880, "rtc": rtc, "keys": keys}), encoding="utf-8")
        relaying = [relay, *_COTURN, "-u", f"lab:{_TURN_PASSWORD}"]
        files = ["--pidfile", str(folder / "turn.pid"), "--userdb", str(folder / "turn.db")]
        log = folder / "turn.log"
        stack.enter_context(_running(server, [*relaying, *files], log, TURN))
        log = folder / "livekit.log"
        process = stack.enter_context(
            _running(server, [program, "--config", str(config)], log, 7880)
        )
        yield Stage(client, server, process, log)


@contextlib.contextmanager
def _running(
    host: Host, command: Sequence[str], log: Path, port: int
) -> Iterator[subprocess.Popen[bytes]]:
    """A server for the length of the block, from when it listens on."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            ["ip", "netns", "exec", host.name, *command], stdout=out, stderr=subprocess.STDOUT
        )
    try:
        deadline = time.monotonic() + 10
        while f":{port} " not in host.run("ss", "-Hltn"):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(3)
        except subprocess.TimeoutExpired:  # LiveKit waits for those who are still in a room
            process.kill()
            process.wait(5)
