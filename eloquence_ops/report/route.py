"""The way from the app to a service, hop by hop, and where it breaks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from eloquence_ops.checks.fingerprints import author
from eloquence_ops.endpoints import Endpoint
from eloquence_ops.findings import Finding, Status
from eloquence_ops.observations import HttpExchange
from eloquence_ops.run.examine import Result

State = Literal["ok", "broken", "unknown"]
_PROXIES = frozenset({"nginx", "caddy", "haproxy", "traefik", "cloudflare"})


@dataclass(frozen=True)
class Hop:
    name: str
    state: State


def routes(result: Result) -> list[list[Hop]]:
    """A route for each endpoint with a problem on its way."""
    seen = result.seen
    found: list[list[Hop]] = []
    for endpoint in seen.endpoints:
        service = "API" if endpoint == seen.target.api else "LiveKit"
        hops = _hops(endpoint, service, result)
        if any(hop.state == "broken" for hop in hops):
            found.append(hops)
    return found


def _hops(endpoint: Endpoint, service: str, result: Result) -> list[Hop]:
    name = str(endpoint)
    names = {name, endpoint.display_host}

    def state(*checks: str) -> State:
        related = [
            finding
            for finding in result.findings
            if finding.check in checks and finding.subject.name in names
        ]
        return _state(related)

    hops = [] if endpoint.is_address else [Hop("DNS", state("dns.resolves"))]
    hops.append(Hop("TCP", state("api.reachable", "livekit.reachable")))
    if endpoint.secure:
        hops.append(Hop("TLS", state("tls.handshake")))
    if proxy := _proxy(endpoint, result):
        hops.append(Hop(proxy, "ok"))
    # Whatever is judged of the service once it is connected to belongs to the last hop.
    area = "api" if service == "API" else "livekit"
    checks = {finding.check for finding in result.findings if finding.area == area}
    hops.append(Hop(service, state(*checks - {f"{area}.reachable"})))
    return _until_broken(hops)


def _state(related: list[Finding]) -> State:
    statuses = {finding.status for finding in related}
    if Status.FAIL in statuses and not (
        related[0].check.endswith(".reachable") and Status.PASS in statuses
    ):
        return "broken"
    return "ok" if statuses & {Status.PASS, Status.WARN} else "unknown"


def _until_broken(hops: list[Hop]) -> list[Hop]:
    """Nothing behind a broken hop is known."""
    for place, hop in enumerate(hops):
        if hop.state == "broken":
            return [
                *hops[: place + 1],
                *(Hop(later.name, "unknown") for later in hops[place + 1 :]),
            ]
    return hops


def _proxy(endpoint: Endpoint, result: Result) -> str | None:
    """A proxy that showed itself on the way: by what it wrote, or by its Server header."""
    for exchange in result.seen.about(HttpExchange, endpoint):
        if exchange.outcome != "answered":
            continue
        if (writer := author(exchange)) in _PROXIES:
            return writer
        server = (exchange.header("server") or "").partition("/")[0].lower()
        if server in _PROXIES:
            return server
    return None
