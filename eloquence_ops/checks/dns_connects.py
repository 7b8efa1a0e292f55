"""Whether the addresses of a name can be connected to: published is not the same as served."""

from __future__ import annotations

from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.endpoints import Endpoint, scope_of
from eloquence_ops.findings import Family
from eloquence_ops.observations import TcpConnect


@check(
    "dns.connects",
    feeds=("reach",),
    outcomes={
        "ok": "addresses port",
        "one-family": "family address port outcome",
        "nobody": "port",
        "with-service": "",
    },
)
def connects(endpoint: Endpoint, seen: Seen) -> Judgement:
    """The first address of each family, at the port of the endpoint; 443 for a name by itself."""
    services = seen.asked.services(seen.target)
    if (endpoint == seen.target.api and "api" in services) or (
        endpoint in seen.livekits and "livekit" in services
    ):
        yield Verdict("with-service")
        return
    attempts: dict[Family, TcpConnect] = {}
    for attempt in seen.about(TcpConnect, endpoint):
        attempts.setdefault(attempt.family, attempt)
    if not attempts:
        return
    working = [entry for entry in attempts.values() if entry.outcome == "connected"]
    port = endpoint.port
    dead = [entry for entry in attempts.values() if working and _is_dead(entry)]
    if not working:
        yield Verdict("nobody", {"port": port})
    for entry in dead:
        place = {"family": entry.family.value, "address": entry.address, "port": entry.port}
        yield Verdict("one-family", place | {"outcome": entry.outcome}, entry.family)
    if working and not dead:
        yield Verdict("ok", {"addresses": tuple(e.address for e in working), "port": port})


def _is_dead(attempt: TcpConnect) -> bool:
    """A machine without a route of that kind has tried nothing; `localhost` has both addresses in
    every hosts file."""
    if scope_of(attempt.address) == "loopback":
        return False
    return attempt.outcome not in ("connected", "no-route-here")
