"""The reference API and a real livekit-server behind a real nginx with TLS, all on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from eloquence_ops.endpoints import a_label
from eloquence_ops.lab.services.api import (
    LAB_LIVEKIT_KEY,
    LAB_LIVEKIT_SECRET,
    ApiBehaviour,
    build_api,
)
from eloquence_ops.lab.services.certificates import Authority
from eloquence_ops.lab.services.dns import DnsServer
from eloquence_ops.lab.services.serving import serving
from tests.real import require

_API, _LIVEKIT = "api.éloquence.test", "livekit.éloquence.test"

_SITE = """
  server {{
    listen 127.0.0.1:{port} ssl;
    server_name {name};
    ssl_certificate {chain};
    ssl_certificate_key {key};
    location / {{
      proxy_pass http://127.0.0.1:{upstream};
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_set_header Host $host;
    }}
  }}
"""
_CONF = """
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
{sites}
}}
"""


@dataclass(frozen=True)
class Stack:
    """Where it is, as arguments of the command."""

    arguments: tuple[str, ...]

    def doctor(self, record: Path, *more: str) -> int:
        """The real command against it; its exit code."""
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "eloquence_ops",
                "doctor",
                *self.arguments,
                *more,
                "--record",
                str(record),
            ],
            env={
                "PATH": os.environ["PATH"],
                "LANG": "C.UTF-8",
                "HOME": str(record.parent),
                "ELOQUENCE_API_KEY": "lab-api-key",
            },
            cwd=Path(__file__).resolve().parents[2],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert record.exists(), done.stderr
        return done.returncode


@contextlib.contextmanager
def real_stack(*, livekit: bool = True) -> Iterator[Stack]:
    """All of it for the length of the block; without `livekit` its port stays closed."""
    nginx = require("nginx")
    server = require("livekit-server")
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="eloquence-stack-")))
        folder.chmod(0o755)
        https, signalling = _free_port(), _free_port()
        certificate = Authority(folder / "ca").issue((_API, _LIVEKIT))
        if livekit:
            stack.enter_context(_livekit(server, folder, signalling))
        api, dns = stack.enter_context(_api_and_dns())
        sites = "".join(
            _SITE.format(
                port=https,
                name=a_label(name),
                upstream=upstream,
                chain=certificate.chain_path,
                key=certificate.key_path,
            )
            for name, upstream in ((_API, api), (_LIVEKIT, signalling))
        )
        conf = folder / "nginx.conf"
        conf.write_text(_CONF.format(folder=folder, sites=sites), encoding="utf-8")
        stack.enter_context(_process([nginx, "-c", str(conf), "-g", "daemon off;"], https))
        yield Stack(
            (
                "--api",
                f"https://{_API}",
                "--livekit",
                f"wss://{_LIVEKIT}",
                "--ca",
                str(folder / "ca" / "root.pem"),
                "--resolver",
                f"127.0.0.1:{dns}",
                "--connect-to",
                f"{_API}:443=127.0.0.1:{https}",
                "--connect-to",
                f"{_LIVEKIT}:443=127.0.0.1:{https}",
            )
        )


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@contextlib.contextmanager
def _livekit(server: str, folder: Path, port: int) -> Iterator[None]:
    config = folder / "livekit.yaml"
    config.write_text(
        f"port: {port}\nbind_addresses: ['127.0.0.1']\n"
        f"rtc: {{tcp_port: {_free_port()}, udp_port: {_free_port()}, use_external_ip: false}}\n"
        f"keys: {{{LAB_LIVEKIT_KEY}: {LAB_LIVEKIT_SECRET}}}\n",
        encoding="utf-8",
    )
    with _process([server, "--config", str(config)], port):
        yield


@contextlib.contextmanager
def _process(command: list[str], port: int) -> Iterator[None]:
    """A server until the end of the block, entered when its port accepts connections."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 20
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            assert process.poll() is None, f"{command[0]} ended while starting"
            assert time.monotonic() < deadline, f"{command[0]} does not listen"
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:  # LiveKit waits for its participants
            process.kill()
            process.wait(5)


@contextlib.contextmanager
def _api_and_dns() -> Iterator[tuple[int, int]]:
    """(port of the API, port of the name server), in a thread with its own loop."""
    ports: list[int] = []
    ready, stop = threading.Event(), threading.Event()

    async def serve() -> None:
        behaviour = ApiBehaviour(livekit_url=f"wss://{a_label(_LIVEKIT)}")
        names = DnsServer({_API: ["203.0.113.10"], _LIVEKIT: ["203.0.113.10"]})
        async with serving(build_api(behaviour)) as api, names as dns:
            ports.extend((api.port, dns.port))
            ready.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield ports[0], ports[1]
    finally:
        stop.set()
        thread.join(10)
