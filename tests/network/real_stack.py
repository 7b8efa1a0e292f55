"""The reference API and a real livekit-server behind a real proxy with TLS, all on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from eloquence_ops.endpoints import a_label
from eloquence_ops.lab.services.api import (
    LAB_LIVEKIT_KEY,
    LAB_LIVEKIT_SECRET,
    ApiBehaviour,
    build_api,
)
from eloquence_ops.lab.services.certificates import Authority
from eloquence_ops.lab.services.coach import AgentWorker
from eloquence_ops.lab.services.dns import DnsServer
from eloquence_ops.lab.services.livekit import LivekitBehaviour, build_livekit
from eloquence_ops.lab.services.serving import serving
from tests.real import require
from tests.systems.proxies import PROXIES, Site, free_port, running

_API, _LIVEKIT = "api.éloquence.test", "livekit.éloquence.test"


@dataclass(frozen=True)
class Stack:
    """Where it is, as arguments of the command, and what is in its environment."""

    arguments: tuple[str, ...]
    environ: Mapping[str, str] = field(default_factory=dict)

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
                **self.environ,
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
def real_stack(
    *,
    proxy: str = "nginx",
    livekit: bool = True,
    stand_in: bool = False,
    passes_upgrade: bool = True,
    exposed: bool = False,
    agent: bool = True,
    installed_root: bool = False,
) -> Iterator[Stack]:
    """All of it for the length of the block, behind one of `PROXIES`.

    Without `livekit` its port stays closed; `stand_in` serves the lab's instead of the real one;
    without `agent` no coach is sent. Without `passes_upgrade` the proxy drops it, as nginx does
    when it comes.
    `exposed`: LiveKit runs in development mode, and its own port is open beside the proxy.
    `installed_root`: this machine trusts the private root as it does public ones, without --ca.
    """
    server = "" if stand_in else require("livekit-server")
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="eloquence-stack-")))
        signalling = free_port()
        certificate = Authority(folder / "ca").issue((_API, _LIVEKIT))
        if livekit and not stand_in:
            stack.enter_context(_livekit(server, folder, signalling, development=exposed))
        serves_it = livekit and stand_in
        behind = stack.enter_context(_services(signalling, serves_it=serves_it, agent=agent))
        sites = (
            Site(_API, behind.api),
            Site(_LIVEKIT, signalling, plain_upstream=not passes_upgrade),
        )
        https = stack.enter_context(PROXIES[proxy](folder, certificate, sites))
        root = str(folder / "ca" / "root.pem")
        yield Stack(
            (
                "--api",
                f"https://{_API}",
                "--livekit",
                f"wss://{_LIVEKIT}",
                *(() if installed_root else ("--ca", root)),
                "--resolver",
                f"127.0.0.1:{behind.dns}",
                "--connect-to",
                f"{_API}:443=127.0.0.1:{https}",
                "--connect-to",
                f"{_LIVEKIT}:443=127.0.0.1:{https}",
                "--connect-to",
                f"{_LIVEKIT}:7880=127.0.0.1:{signalling if exposed else free_port()}",
            ),
            # What OpenSSL takes for the system's roots.
            {"SSL_CERT_FILE": root} if installed_root else {},
        )


@contextlib.contextmanager
def _livekit(server: str, folder: Path, port: int, *, development: bool) -> Iterator[None]:
    config = folder / "livekit.yaml"
    config.write_text(
        f"port: {port}\nbind_addresses: ['127.0.0.1']\ndevelopment: {str(development).lower()}\n"
        f"rtc: {{tcp_port: {free_port()}, udp_port: {free_port()}, use_external_ip: false}}\n"
        f"keys: {{{LAB_LIVEKIT_KEY}: {LAB_LIVEKIT_SECRET}}}\n",
        encoding="utf-8",
    )
    with running([server, "--config", str(config)], port):
        yield


@dataclass(frozen=True)
class _Behind:
    """Ports of what we serve ourselves."""

    api: int
    dns: int


@contextlib.contextmanager
def _services(livekit_port: int, *, serves_it: bool, agent: bool) -> Iterator[_Behind]:
    """The API with its coaches, the names and perhaps the stand-in, in a thread of their own."""
    started: list[_Behind] = []
    ready, stop = threading.Event(), threading.Event()

    async def serve() -> None:
        behaviour = ApiBehaviour(livekit_url=f"wss://{a_label(_LIVEKIT)}")
        names = DnsServer({_API: ["203.0.113.10"], _LIVEKIT: ["203.0.113.10"]})
        async with contextlib.AsyncExitStack() as stack:
            if serves_it:
                app = build_livekit(LivekitBehaviour())
                stand_in = serving(app, port=livekit_port, server_header=False)
                await stack.enter_async_context(stand_in)
            worker = AgentWorker(f"ws://127.0.0.1:{livekit_port}")
            agents = await stack.enter_async_context(worker) if agent else None
            api = await stack.enter_async_context(serving(build_api(behaviour, agents)))
            dns = await stack.enter_async_context(names)
            started.append(_Behind(api.port, dns.port))
            ready.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield started[0]
    finally:
        stop.set()
        thread.join(10)
