"""Starts the lab's parts on loopback and ends them again.

Nothing is left behind: every listener, task and file goes when the block ends, whatever ended it.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from eloquence_ops.credentials import Credentials
from eloquence_ops.endpoints import DEFAULT_PORTS, Role
from eloquence_ops.lab.behaviours import (
    ALIAS_NAME,
    API_KEY,
    API_NAME,
    LIVEKIT_NAME,
    LOOK_ALIKE_NAME,
    NAMES,
    api_behaviour,
    livekit_behaviour,
    proxy_behaviour,
)
from eloquence_ops.lab.naming import NAME_SERVER, name_servers
from eloquence_ops.lab.plan import Front, LabPlan, Upstream
from eloquence_ops.lab.real import STAND_INS, Missing, RealServers, Standing
from eloquence_ops.lab.services import odd_fronts
from eloquence_ops.lab.services.api import build_api
from eloquence_ops.lab.services.certificates import Authority, IssuedCertificate
from eloquence_ops.lab.services.coach import AgentWorker
from eloquence_ops.lab.services.listening import listening_socket, port_is_free, refusing_socket
from eloquence_ops.lab.services.livekit import build_livekit
from eloquence_ops.lab.services.other_site import build_other_site
from eloquence_ops.lab.services.proxy import Proxy
from eloquence_ops.lab.services.real_livekit import OVER_LOOPBACK, Media
from eloquence_ops.lab.services.serving import serving
from eloquence_ops.lab.threads import in_thread
from eloquence_ops.secrets import Secret
from eloquence_ops.settings import Target, Value, build_target

# A contract: where people look for the two, and what they write into the app.
FIXED_PORTS: Final[Mapping[Role, int]] = {"api": 8083, "livekit": 7880}
_WRONG_KEY: Final = "not-the-servers-key"


@dataclass(frozen=True)
class LabSystem:
    """A running lab: the target that leads to it, and what this machine is to hold.

    `services`: the URL of each role, empty where nobody is. `upstreams`: where the services
    themselves are, and `certificate` what the proxy shows. `taken`: the fixed ports that
    something else has, by role. `real`: what is no stand-in; `missing`: what would not start.
    """

    target: Target
    credentials: Credentials
    environ: Mapping[str, str]
    folder: Path
    upstreams: Mapping[Upstream, tuple[str, int]]
    certificate: IssuedCertificate
    services: Mapping[Role, str]
    taken: Mapping[Role, int] = field(default_factory=dict)
    real: tuple[Standing, ...] = ()
    missing: tuple[Missing, ...] = ()

    @property
    def media_port(self) -> int:
        """The UDP port of a real LiveKit; 0 without one."""
        return next((server.media_port for server in self.real if server.media_port), 0)

    @property
    def api_key(self) -> str:
        key = self.credentials.api_key
        return key.reveal() if key else ""


@contextlib.contextmanager
def running(
    plan: LabPlan, *, fixed_ports: bool = False, servers: RealServers = STAND_INS
) -> Iterator[LabSystem]:
    """A lab for the length of the block. `fixed_ports`: 8083 and 7880 where they are free.

    `servers` stand wherever the plan is one that they can be in. Raises `EloquenceError` when it
    cannot start.
    """
    with in_thread(lab(plan, fixed_ports=fixed_ports, servers=servers)) as system:
        yield system


@contextlib.asynccontextmanager
async def lab(
    plan: LabPlan,
    *,
    fixed_ports: bool = False,
    servers: RealServers = STAND_INS,
    media: Media = OVER_LOOPBACK,
) -> AsyncIterator[LabSystem]:
    """The same within a running event loop. `media`: where the real LiveKit has it."""
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="eloquence-lab-")))
        nowhere: int = stack.enter_context(refusing_socket()).getsockname()[1]
        authority = Authority(folder / "authority")
        certificate = _certificate(plan, authority, folder)

        taken = {
            role: port
            for role, port in FIXED_PORTS.items()
            if fixed_ports and not port_is_free(port)
        }

        async def service(
            app: object, role: Role | None, *, is_uvicorn: bool = True
        ) -> tuple[str, int]:
            port = FIXED_PORTS[role] if role and fixed_ports and role not in taken else 0
            served = serving(app, port=port, server_header=is_uvicorn)
            return (await stack.enter_async_context(served)).address

        upstreams: dict[Upstream, tuple[str, int]] = {
            "api": ("127.0.0.1", nowhere),
            "livekit": ("127.0.0.1", nowhere),
            "other-site": await service(build_other_site(), None, is_uvicorn=False),
            "nowhere": ("127.0.0.1", nowhere),
        }
        tried: list[Standing | Missing | None] = []
        if plan.livekit.process != "stopped":
            port = FIXED_PORTS["livekit"] if fixed_ports and "livekit" not in taken else 0
            there = await servers.livekit_for(plan.livekit, folder, stack, port=port, media=media)
            tried.append(there)
            if isinstance(there, Standing):
                upstreams["livekit"] = there.address
            else:
                app = build_livekit(livekit_behaviour(plan.livekit))
                upstreams["livekit"] = await service(app, "livekit", is_uvicorn=False)
        agents = None
        if plan.agent.worker == "running":
            address, port = upstreams["livekit"]
            agents = await stack.enter_async_context(AgentWorker(f"ws://{address}:{port}"))
        if plan.api.process != "stopped":
            app = build_api(api_behaviour(plan.api), agents)
            upstreams["api"] = await service(app, "api")
        behaviour = proxy_behaviour(plan, upstreams, NAMES)
        nginx = await servers.proxy_for(behaviour, certificate, folder, stack)
        tried.append(nginx)
        if isinstance(nginx, Standing):
            proxy_port = nginx.address[1]
        else:
            files = {"certificate": certificate.chain_path, "key": certificate.key_path}
            proxy_port = (await stack.enter_async_context(Proxy(behaviour, **files))).port

        async def front(kind: Front, own: Upstream) -> int:
            if kind == "proxy":
                return proxy_port
            if kind == "plain-service":
                return upstreams[own][1]
            if kind == "nobody":
                return nowhere
            odd = await stack.enter_async_context(odd_fronts.listener(kind, certificate))
            await odd.open([door := listening_socket()])
            return int(door.getsockname()[1])

        # Every port that doctor may try leads to loopback: nothing is ever sent to a real address.
        own_port = plan.api.port or DEFAULT_PORTS[plan.api.scheme]
        elsewhere = proxy_port if plan.api.port else nowhere
        signalling = {
            8083: nowhere,
            8443: nowhere,
            443: await front(plan.livekit.front, "livekit"),
            80: upstreams["livekit"][1],
            FIXED_PORTS["livekit"]: upstreams["livekit"][1]
            if plan.livekit.port_is_public
            else nowhere,
        }
        listening: dict[str, dict[int, int]] = {
            API_NAME: {443: elsewhere, 80: nowhere, 8083: nowhere, 8443: nowhere}
            | {own_port: await front(plan.api.front, "api")},
            LIVEKIT_NAME: signalling,
            ALIAS_NAME: signalling,
            LOOK_ALIKE_NAME: dict.fromkeys(signalling, nowhere) | {443: proxy_port},
        }
        resolver_port, zone_port = await name_servers(plan.dns, stack)
        listening[NAME_SERVER] = {53: zone_port}
        key = API_KEY if plan.client.api_key == "right" else _WRONG_KEY
        yield LabSystem(
            target=_target(plan, listening, authority.root_path, resolver_port),
            credentials=Credentials(api_key=Secret(key)),
            environ={
                name: value.replace("{closed}", str(nowhere))
                for name, value in plan.client.environ.items()
            },
            folder=folder,
            upstreams=upstreams,
            certificate=certificate,
            services=_plain_services(upstreams, nowhere),
            taken=taken,
            real=tuple(server for server in tried if isinstance(server, Standing)),
            missing=tuple(server for server in tried if isinstance(server, Missing)),
        )


def _target(
    plan: LabPlan, listening: Mapping[str, Mapping[int, int]], ca: Path, dns_port: int
) -> Target:
    """What leads doctor here. `listening`: of each name, its ports and those of loopback there."""
    port = f":{plan.api.port}" if plan.api.port else ""
    values: dict[str, Value] = {
        "api": f"{plan.api.scheme}://{API_NAME}{port}",
        "livekit": f"wss://{LIVEKIT_NAME}",
        "ca": str(ca),
        "resolver": f"127.0.0.1:{dns_port}",
        "connect_to": tuple(
            f"{name}:{port}=127.0.0.1:{to}"
            for name, ports in listening.items()
            for port, to in ports.items()
        ),
    }
    return build_target("lab", values, origin=str)


def _plain_services(
    upstreams: Mapping[Upstream, tuple[str, int]], nowhere: int
) -> Mapping[Role, str]:
    """The services' own URLs, as `LabSystem.services`."""
    ports: dict[Role, int] = {"api": upstreams["api"][1], "livekit": upstreams["livekit"][1]}
    schemes: dict[Role, str] = {"api": "http", "livekit": "ws"}
    return {
        role: "" if port == nowhere else f"{schemes[role]}://127.0.0.1:{port}"
        for role, port in ports.items()
    }


def _certificate(plan: LabPlan, authority: Authority, folder: Path) -> IssuedCertificate:
    wanted = plan.certificate
    issuer = authority if wanted.authority == "lab" else Authority(folder / "unknown-authority")
    names = (
        (API_NAME, LIVEKIT_NAME, ALIAS_NAME)
        if wanted.covers == "both"
        else ("api.eloquence.test", "livekit.eloquence.test")
    )
    now, day = datetime.now(UTC), timedelta(days=1)
    begins, ends = {
        "current": (now - day / 24, now + 90 * day),
        "ending": (now - 85 * day, now + 5 * day),
        "expired": (now - 91 * day, now - day),
        "not-yet": (now + day, now + 91 * day),
    }[wanted.validity]
    return issuer.issue(
        names,
        not_before=begins,
        not_after=ends,
        include_intermediate=wanted.chain == "whole",
        weak_key=wanted.key == "weak",
        must_staple=wanted.must_staple,
    )
