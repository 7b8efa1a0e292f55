"""Starts the lab's parts on loopback and ends them again, in a thread with its own event loop.

Nothing is left behind: every listener, task and file goes when the block ends, whatever ended it.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from eloquence_ops.credentials import Credentials
from eloquence_ops.endpoints import DEFAULT_PORTS, a_label
from eloquence_ops.errors import EloquenceError
from eloquence_ops.lab.plan import ApiPlan, Front, LabPlan, Upstream
from eloquence_ops.lab.services import odd_fronts
from eloquence_ops.lab.services.api import (
    LAB_LIVEKIT_KEY,
    LAB_LIVEKIT_SECRET,
    ApiBehaviour,
    build_api,
)
from eloquence_ops.lab.services.certificates import Authority, IssuedCertificate
from eloquence_ops.lab.services.dns import DnsServer
from eloquence_ops.lab.services.livekit import LivekitBehaviour, build_livekit
from eloquence_ops.lab.services.other_site import build_other_site
from eloquence_ops.lab.services.proxy import Proxy, ProxyBehaviour
from eloquence_ops.lab.services.serving import port_is_free, serving
from eloquence_ops.secrets import Secret
from eloquence_ops.settings import Target, Value, build_target

API_NAME: Final = "api.éloquence.test"
LIVEKIT_NAME: Final = "livekit.éloquence.test"
# Where an address that redirects leads; nothing is there, and nobody follows.
_MOVED_TO: Final = "www.éloquence.test"
# An address for documentation (RFC 5737) stands for the server's public one; nothing is sent there,
# since every endpoint is redirected to loopback.
_PUBLIC_ADDRESS: Final = "203.0.113.10"
_API_PORT: Final = 8083
_LIVEKIT_PORT: Final = 7880
_API_KEY: Final = "lab-api-key"
_OTHER_SECRET: Final = "the-secret-of-another-livekit-server"  # noqa: S105  # the lab only
_WRONG_KEY: Final = "not-the-servers-key"
_STARTING_S: Final = 20.0


@dataclass(frozen=True)
class LabSystem:
    """A running lab: the target that leads to it, and what this machine is to hold."""

    target: Target
    credentials: Credentials
    environ: Mapping[str, str]
    folder: Path
    services: Mapping[str, str] = field(default_factory=dict)

    @property
    def api_key(self) -> str:
        key = self.credentials.api_key
        return key.reveal() if key else ""


@contextlib.contextmanager
def running(plan: LabPlan, *, fixed_ports: bool = False) -> Iterator[LabSystem]:
    """A lab for the length of the block. `fixed_ports`: 8083 and 7880 where they are free.

    Raises `EloquenceError` when it cannot start.
    """
    started: list[LabSystem] = []
    trouble: list[BaseException] = []
    ready, stop = threading.Event(), threading.Event()

    def serve() -> None:
        try:
            asyncio.run(_serve(plan, fixed_ports, started, ready, stop))
        except Exception as problem:  # told in the caller's thread
            trouble.append(problem)
        finally:
            ready.set()

    thread = threading.Thread(target=serve, name="eloquence-lab", daemon=True)
    thread.start()
    try:
        if not ready.wait(_STARTING_S) or not started:
            reason = trouble[0] if trouble else f"> {_STARTING_S:.0f} s"
            raise EloquenceError("lab.not-started", reason=reason)
        yield started[0]
    finally:
        stop.set()
        _wait_for(thread)


def _wait_for(thread: threading.Thread) -> None:
    """Its end, which an impatient second Ctrl-C does not keep from tidying up."""
    deadline = time.monotonic() + _STARTING_S
    while thread.is_alive() and time.monotonic() < deadline:
        with contextlib.suppress(KeyboardInterrupt):
            thread.join(deadline - time.monotonic())


async def _serve(
    plan: LabPlan,
    fixed_ports: bool,
    started: list[LabSystem],
    ready: threading.Event,
    stop: threading.Event,
) -> None:
    async with lab(plan, fixed_ports=fixed_ports) as system:
        started.append(system)
        ready.set()
        await asyncio.to_thread(stop.wait)


@contextlib.asynccontextmanager
async def lab(plan: LabPlan, *, fixed_ports: bool = False) -> AsyncIterator[LabSystem]:
    """The same within a running event loop."""
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="eloquence-lab-")))
        nowhere = stack.enter_context(_closed_port())
        authority = Authority(folder / "authority")
        certificate = _certificate(plan, authority, folder)

        async def service(app: object, port: int, *, is_uvicorn: bool = True) -> tuple[str, int]:
            chosen = port if fixed_ports and port_is_free(port) else 0
            served = serving(app, port=chosen, server_header=is_uvicorn)
            return (await stack.enter_async_context(served)).address

        upstreams: dict[Upstream, tuple[str, int]] = {
            "api": ("127.0.0.1", nowhere),
            "livekit": ("127.0.0.1", nowhere),
            "other-site": await service(build_other_site(), 0, is_uvicorn=False),
            "nowhere": ("127.0.0.1", nowhere),
        }
        if plan.api.process != "stopped":
            upstreams["api"] = await service(build_api(_api_behaviour(plan.api)), _API_PORT)
        if plan.livekit.process != "stopped":
            ready = plan.livekit.process != "not-ready"
            app = build_livekit(LivekitBehaviour(ready=ready))
            upstreams["livekit"] = await service(app, _LIVEKIT_PORT, is_uvicorn=False)
        proxy = await stack.enter_async_context(_proxy(plan, upstreams, certificate))

        async def front(kind: Front, own: Upstream) -> int:
            if kind == "proxy":
                return proxy.port
            if kind == "plain-service":
                return upstreams[own][1]
            if kind == "nobody":
                return nowhere
            odd = await odd_fronts.start(kind, certificate.chain_path, certificate.key_path)
            stack.push_async_callback(odd.close)
            return odd.port

        # Every port that doctor may try leads to loopback: nothing is ever sent to a real address.
        own_port = plan.api.port or DEFAULT_PORTS[plan.api.scheme]
        written_port = f":{plan.api.port}" if plan.api.port else ""
        api_url = f"{plan.api.scheme}://{API_NAME}{written_port}"
        elsewhere = proxy.port if plan.api.port else nowhere
        listening: dict[str, dict[int, int]] = {
            API_NAME: {443: elsewhere, 80: nowhere, 8083: nowhere, 8443: nowhere}
            | {own_port: await front(plan.api.front, "api")},
            LIVEKIT_NAME: {
                443: await front(plan.livekit.front, "livekit"),
                80: upstreams["livekit"][1],
            },
        }
        dns = await stack.enter_async_context(_dns(plan))
        values: dict[str, Value] = {
            "api": api_url,
            "livekit": f"wss://{LIVEKIT_NAME}",
            "ca": str(authority.root_path),
            "resolver": f"127.0.0.1:{dns.port}",
            "connect_to": tuple(
                f"{name}:{port}=127.0.0.1:{to}"
                for name, ports in listening.items()
                for port, to in ports.items()
            ),
        }
        key = _API_KEY if plan.client.api_key == "right" else _WRONG_KEY
        yield LabSystem(
            target=build_target("lab", values, origin=str),
            credentials=Credentials(api_key=Secret(key)),
            environ={
                name: value.replace("{closed}", str(nowhere))
                for name, value in plan.client.environ.items()
            },
            folder=folder,
            services={
                role: "" if port == nowhere else f"{scheme}://127.0.0.1:{port}"
                for role, scheme, port in (
                    ("api", "http", upstreams["api"][1]),
                    ("livekit", "ws", upstreams["livekit"][1]),
                )
            },
        )


@contextlib.contextmanager
def _closed_port() -> Iterator[int]:
    """A port that is bound and not listened on: connections are refused, and nobody takes it."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield reserved.getsockname()[1]


def _api_behaviour(api: ApiPlan) -> ApiBehaviour:
    failure = None if api.session == "opens" else api.session
    return ApiBehaviour(
        api_key=_API_KEY,
        livekit_url=f"wss://{a_label(LIVEKIT_NAME)}" if api.url == "public" else api.url,
        livekit_key=LAB_LIVEKIT_KEY if api.livekit_key == "right" else "key-of-another-livekit",
        livekit_secret=_OTHER_SECRET if api.livekit_secret == "another" else LAB_LIVEKIT_SECRET,  # noqa: S105
        generation=api.generation,
        failure="other-service" if api.process == "other-service" else failure,
        room_join=api.room_join,
        token_clock_s=api.token_clock_s,
        other_keys=api.also_accepts,
        asks_for_key=api.asks_for_key,
        takes_nulls=api.takes_nulls,
        cors_origins=("*",) if api.allows_web else (),
        prefix=api.prefix,
    )


def _certificate(plan: LabPlan, authority: Authority, folder: Path) -> IssuedCertificate:
    wanted = plan.certificate
    issuer = authority if wanted.authority == "lab" else Authority(folder / "unknown-authority")
    names = (
        (API_NAME, LIVEKIT_NAME)
        if wanted.covers == "both"
        else ("api.eloquence.test", "livekit.eloquence.test")
    )
    now, day = datetime.now(UTC), timedelta(days=1)
    match wanted.validity:
        case "expired":
            return issuer.issue(names, not_before=now - 91 * day, not_after=now - day)
        case "not-yet":
            return issuer.issue(names, not_before=now + day, not_after=now + 91 * day)
        case _:
            return issuer.issue(names)


def _proxy(
    plan: LabPlan, upstreams: Mapping[Upstream, tuple[str, int]], certificate: IssuedCertificate
) -> Proxy:
    names = {"api": a_label(API_NAME), "livekit": a_label(LIVEKIT_NAME)}
    behaviour = ProxyBehaviour(
        routes={
            names["api"]: upstreams[plan.proxy.api_upstream],
            names["livekit"]: upstreams[plan.proxy.livekit_upstream],
        },
        deny=frozenset(names[role] for role in plan.proxy.deny),
        redirect={names[role]: f"https://{a_label(_MOVED_TO)}" for role in plan.proxy.redirect},
    )
    return Proxy(behaviour, certificate=certificate.chain_path, key=certificate.key_path)


def _dns(plan: LabPlan) -> DnsServer:
    records = {
        name: [_PUBLIC_ADDRESS]
        for role, name in (("api", API_NAME), ("livekit", LIVEKIT_NAME))
        if role not in plan.dns.without
    }
    return DnsServer(records, zones=["éloquence.test"])
