"""The way from the app to a service, hop by hop, and where it breaks.

From outside nothing is known behind the first hop that breaks. What was seen on the server is:
there the proxy and the service are asked each for itself, and the firewall's rules are read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from eloquence_ops.checks.fingerprints import author
from eloquence_ops.endpoints import Endpoint, Role
from eloquence_ops.findings import Finding, Status, Vantage
from eloquence_ops.observations import HttpExchange
from eloquence_ops.run.examine import Result

State = Literal["ok", "broken", "unknown"]
_PROXIES: Final = frozenset({"nginx", "caddy", "haproxy", "traefik", "cloudflare"})
_SERVICES: Final[dict[Role, str]] = {"api": "API", "livekit": "LiveKit"}


@dataclass(frozen=True)
class Hop:
    """`name` is a program's or a protocol's; the report translates what is neither."""

    name: str
    state: State


def routes(result: Result) -> list[list[Hop]]:
    """A route for each endpoint with a problem on its way."""
    seen = result.seen
    found: list[list[Hop]] = []
    for endpoint in seen.endpoints:
        role: Role = "api" if endpoint == seen.target.api else "livekit"
        hops = _hops(endpoint, role, result)
        if any(hop.state == "broken" for hop in hops):
            found.append(hops)
    return found


def _hops(endpoint: Endpoint, role: Role, result: Result) -> list[Hop]:
    outside = _until_broken(_from_outside(endpoint, role, result))
    inside = _Inside(endpoint, role, result)
    if inside.firewall == "broken":
        return [*_only(outside, "DNS"), Hop("hop-firewall", "broken"), *inside.behind_firewall()]
    if inside.proxy_runs == "broken":
        return [*_only(outside, "DNS"), Hop(inside.proxy_name, "broken"), inside.service_hop()]
    return [_seen_inside(hop, inside, role) for hop in outside]


def _only(hops: list[Hop], name: str) -> list[Hop]:
    return [hop for hop in hops if hop.name == name]


def _seen_inside(hop: Hop, inside: _Inside, role: Role) -> Hop:
    """A hop as the server's vantage puts it right, where there was one."""
    if hop.name in _PROXIES and inside.proxy == "broken":
        return Hop(hop.name, "broken")
    if hop.name == _SERVICES[role] and inside.service != "unknown":
        # It answers there; whether all that it says is right was judged from outside.
        is_innocent = inside.service == "ok" and inside.proxy == "broken"
        return Hop(hop.name, inside.service if is_innocent or hop.state == "unknown" else hop.state)
    return hop


class _Inside:
    """What the findings made on the server say of the hops to one service."""

    def __init__(self, endpoint: Endpoint, role: Role, result: Result) -> None:
        self._role = role
        self._found = {
            finding.check: finding
            for finding in result.findings
            if finding.vantage is Vantage.SERVER and finding.subject.name == str(endpoint)
        }
        self.firewall = self._state("server.firewall")
        self.proxy_runs = self._state("server.proxy-unit")
        self.service = self._state(f"server.{role}-answers")
        self.proxy = self._state(
            f"server.proxied-{role}", "server.proxy-upstream", "server.proxy-upgrade"
        )
        timeout = self._found.get("server.proxy-timeout")
        if timeout is not None and timeout.outcome == "gives-up":
            self.proxy = "broken"

    @property
    def proxy_name(self) -> str:
        """By its unit; there need be none."""
        unit = self._found["server.proxy-unit"].evidence.get("unit")
        return str(unit).removesuffix(".service") if unit else "hop-proxy"

    def service_hop(self) -> Hop:
        return Hop(_SERVICES[self._role], self.service)

    def behind_firewall(self) -> list[Hop]:
        proxied = self._state(f"server.proxied-{self._role}")
        return [*([Hop("TLS", "ok")] if proxied == "ok" else []), self.service_hop()]

    def _state(self, *checks: str) -> State:
        return _state([self._found[check] for check in checks if check in self._found])


def _from_outside(endpoint: Endpoint, role: Role, result: Result) -> list[Hop]:
    names = {str(endpoint), endpoint.display_host}

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
    checks = {finding.check for finding in result.findings if finding.area == role}
    hops.append(Hop(_SERVICES[role], state(*checks - {f"{role}.reachable"})))
    return hops


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
