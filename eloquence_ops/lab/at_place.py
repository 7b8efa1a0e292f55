"""The lab as an app sees it: by address and port, in plain HTTP, from where the app runs.

It is the whole lab, and in front of it a door for each role: a port on every address of the place,
with behind it what the plan puts in front of that role.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Final

from eloquence_ops.endpoints import Role
from eloquence_ops.lab.behaviours import proxy_behaviour
from eloquence_ops.lab.in_clear import ends_early, in_clear, urls
from eloquence_ops.lab.places import Place
from eloquence_ops.lab.plan import Front, LabPlan
from eloquence_ops.lab.real import STAND_INS, RealServers
from eloquence_ops.lab.services import odd_fronts
from eloquence_ops.lab.services.listening import (
    Listener,
    PortInUse,
    listening_socket,
    refusing_socket,
    same_port,
)
from eloquence_ops.lab.services.proxy import Proxy
from eloquence_ops.lab.services.real_livekit import Media
from eloquence_ops.lab.system import FIXED_PORTS, LabSystem, lab
from eloquence_ops.lab.threads import in_thread
from eloquence_ops.settings import Target, Value, build_target

# Where doctor looks for an API that does not answer.
_NEIGHBOURS: Final = (80, 443, 8083, 8443)


@dataclass(frozen=True)
class Door:
    """What the app reaches at one port; `wanted` is the port that it should have."""

    role: Role
    front: Front
    wanted: int
    sockets: tuple[socket.socket, ...]

    @property
    def port(self) -> int:
        port: int = self.sockets[0].getsockname()[1]
        return port


@contextlib.contextmanager
def running_at(
    place: Place,
    plan: LabPlan,
    *,
    fixed_ports: bool = False,
    servers: RealServers = STAND_INS,
) -> Iterator[LabSystem]:
    """A lab for an app at this place, for the length of the block; otherwise as `running`."""
    with in_thread(lab_at(place, plan, fixed_ports=fixed_ports, servers=servers)) as system:
        yield system


@contextlib.asynccontextmanager
async def lab_at(
    place: Place,
    plan: LabPlan,
    *,
    fixed_ports: bool = False,
    servers: RealServers = STAND_INS,
) -> AsyncIterator[LabSystem]:
    """The same within a running event loop. `services` are the URLs for the app."""
    plan = in_clear(plan, place)
    async with AsyncExitStack() as stack:
        # First the doors: the API hands out LiveKit's.
        written, hidden = _doors(plan, place, stack, fixed_ports=fixed_ports)
        services = urls(plan, place, {role: door.port for role, door in written.items()})
        inner = await stack.enter_async_context(
            lab(
                _handing_out(plan, services["livekit"]),
                # Of nginx nothing would be seen: doors that speak plain HTTP are in its place.
                servers=replace(servers, nginx=None),
                media=Media(place.address, stays_here=not place.opens_to_network),
            )
        )
        for door in (*written.values(), *hidden):
            if front := _front(door, plan, place, inner):
                stack.push_async_callback(front.close)
                await front.open(door.sockets)
        yield replace(
            inner,
            target=_target(services, place, (*written.values(), *hidden), inner),
            services=services,
            taken={
                role: door.wanted
                for role, door in written.items()
                if fixed_ports and door.port != door.wanted
            },
        )


def _doors(
    plan: LabPlan, place: Place, stack: AsyncExitStack, *, fixed_ports: bool
) -> tuple[Mapping[Role, Door], tuple[Door, ...]]:
    """Those the app is told of, and the API's own where it is told of another one."""

    def door(role: Role, front: Front, wanted: int) -> Door:
        sockets = _sockets(place, wanted if fixed_ports else 0, front)
        for sock in sockets:
            stack.enter_context(sock)
        return Door(role, front, wanted, sockets)

    usual = FIXED_PORTS["api"]
    written: dict[Role, Door] = {
        "api": door("api", plan.api.front, plan.api.port or usual),
        "livekit": door("livekit", plan.livekit.front, FIXED_PORTS["livekit"]),
    }
    return written, (door("api", "proxy", usual),) if plan.api.port else ()


def _sockets(place: Place, wanted: int, front: Front) -> tuple[socket.socket, ...]:
    """At the wanted port where it is free, otherwise at another one."""
    make = refusing_socket if front == "nobody" else listening_socket
    try:
        return same_port(place.listens, wanted, make=make)
    except PortInUse:
        return same_port(place.listens, make=make)


def _front(door: Door, plan: LabPlan, place: Place, inner: LabSystem) -> Proxy | Listener | None:
    """What opens on the sockets of a door; None where nobody listens."""
    match door.front:
        case "nobody":
            return None
        case "proxy" | "plain-service":
            return Proxy(proxy_behaviour(plan, inner.upstreams, {door.role: place.hosts}))
        case kind:
            return odd_fronts.listener(kind, inner.certificate, tls=ends_early(kind))


def _handing_out(plan: LabPlan, url: str) -> LabPlan:
    """The plan whose API hands out this address of LiveKit, if the right one at all."""
    if plan.api.url != "public":
        return plan
    return plan.model_copy(update={"api": plan.api.model_copy(update={"url": url})})


def _target(
    services: Mapping[Role, str], place: Place, doors: tuple[Door, ...], inner: LabSystem
) -> Target:
    """What leads doctor to the lab from here, where the app's address may not be this machine's;
    and what else this machine has at those ports is no part of the lab."""
    leads = dict.fromkeys(_NEIGHBOURS, inner.upstreams["nowhere"])
    for door in doors:
        leads[door.wanted] = leads[door.port] = (place.listens[0], door.port)
    connect_to = tuple(
        f"{place.address}:{port}={address}:{to}"
        for port, (address, to) in leads.items()
        if (place.address, port) != (address, to)
    )
    values: dict[str, Value] = {
        "api": services["api"],
        "livekit": services["livekit"],
        "connect_to": connect_to,
    }
    return build_target("lab", values, origin=str)
