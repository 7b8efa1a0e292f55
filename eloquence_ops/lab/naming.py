"""The lab's names: the resolver that this machine asks, and the zone's own name server."""

from __future__ import annotations

import contextlib
from typing import Final

from eloquence_ops.endpoints import Role
from eloquence_ops.lab.behaviours import ALIAS_NAME, API_NAME, LIVEKIT_NAME, LOOK_ALIKE_NAME
from eloquence_ops.lab.plan import DnsPlan
from eloquence_ops.lab.services.dns import DnsServer

NAME_SERVER: Final = "ns1.éloquence.test"
# Addresses for documentation (RFC 5737) stand for public ones; nothing is sent there, nor to
# Cloudflare, since every endpoint is redirected to loopback.
_SERVER: Final = "203.0.113.10"
_BEFORE_THE_MOVE: Final = "203.0.113.7"
_OTHER_HOLDER: Final = "203.0.113.99"
_CLOUDFLARE: Final = "104.16.132.229"
_ZONES: Final = ("éloquence.test", "eloquence.test", "lűoquence.test")
_NAMES: Final[dict[Role, tuple[str, ...]]] = {
    "api": (API_NAME,),
    "livekit": (LIVEKIT_NAME, ALIAS_NAME),
}


async def name_servers(plan: DnsPlan, stack: contextlib.AsyncExitStack) -> tuple[int, int]:
    """Starts both on loopback, until `stack` ends; the ports of the resolver and of the zone."""
    zone = {
        name: [_CLOUDFLARE if role in plan.proxied else _SERVER]
        for role in _NAMES
        for name in _NAMES[role]
        if role not in plan.without
    }
    zone[LOOK_ALIKE_NAME] = [_OTHER_HOLDER]
    remembered = [name for role in plan.remembered for name in _NAMES[role] if name in zone]
    resolver = DnsServer(
        zone | {name: [_BEFORE_THE_MOVE] for name in remembered},
        zones=_ZONES,
        name_servers=(NAME_SERVER,),
        bogus=[_NAMES[role][0] for role in plan.bogus],
    )
    authority = DnsServer(zone, zones=_ZONES, name_servers=(NAME_SERVER,))
    ports = [(await stack.enter_async_context(server)).port for server in (resolver, authority)]
    return ports[0], ports[1]
