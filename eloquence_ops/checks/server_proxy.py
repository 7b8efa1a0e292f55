"""The proxy on the server: does it run, and what does its configuration do with the services?

A configuration is believed only where the running proxy has read it, and nothing that works is
called wrong for what a file says.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

from eloquence_ops.checks import server_places as places
from eloquence_ops.checks import server_sites
from eloquence_ops.checks.fingerprints import is_livekit
from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.checks.server_certificate import misfit_of
from eloquence_ops.checks.server_places import Place, listens_for
from eloquence_ops.checks.server_proxied import PATHS, is_fine, outside
from eloquence_ops.checks.server_sites import Serving
from eloquence_ops.endpoints import Endpoint, Role
from eloquence_ops.findings import Evidence
from eloquence_ops.observations import (
    ServerListeners,
    ServerProxies,
    ServerTraffic,
    UnitState,
)
from eloquence_ops.observations.server_proxy import ProxyError
from eloquence_ops.untrusted import one_line

_UNITS: Final = ("nginx.service", "caddy.service", "haproxy.service")
# A line of the error log that was written about now, by either clock.
_RECENT: Final = timedelta(minutes=10)
_LONGEST_LINE: Final = 160
# nginx: `SSL_CTX_use_PrivateKey("…")`, `cannot load certificate key "…"`; haproxy: `inconsistencies
# between private key and certificate`; Caddy: `private key does not match public key`.
_OF_A_KEY: Final = re.compile(r"private ?key|certificate key", re.IGNORECASE)


def _endpoint(role: Role, seen: Seen) -> Endpoint | None:
    """The public address, where it is a proxy's."""
    passes = places.passes_proxy(role, seen.target, seen.observations)
    return seen.target.endpoint(role) if passes else None


@check(
    "server.proxy-unit",
    feeds=("facts",),
    outcomes={
        "ok": "port",
        "stopped": "port unit state",
        "failed": "port unit said",
        "key-refused": "port unit said path key",
        "not-listening": "port unit",
        "nobody": "port",
        "not-here": "port",
        "not-proxied": "",
    },
)
def proxy_unit(role: Role, seen: Seen) -> Judgement:
    """Whether somebody listens at the public port, and if nobody does, what its unit says."""
    endpoint, listeners = _endpoint(role, seen), seen.one(ServerListeners)
    if endpoint is None:
        yield Verdict("not-proxied")
        return
    if listeners is None:
        return
    port: Evidence = {"port": endpoint.port}
    came = {entry.outcome for entry in outside(endpoint, seen)}
    if listens_for(endpoint, listeners, seen):
        yield Verdict("ok", port)
    elif "connected" in came:
        yield Verdict("not-here", port)  # TLS ends on another machine
    elif unit := proxy_of(endpoint, seen):
        yield _of_unit(unit, port, endpoint, seen)
    else:
        yield Verdict("nobody" if "refused" in came else "not-here", port)


def proxy_of(endpoint: Endpoint, seen: Seen) -> UnitState | None:
    """The unit that should listen: configured for the name, or started at boot, or just there."""
    units = [unit for name in _UNITS if (unit := seen.unit(name)) and unit.load_state == "loaded"]
    named = server_sites.configured_for(endpoint, seen)
    units.sort(
        key=lambda unit: (unit.name != f"{named}.service", unit.unit_file_state != "enabled")
    )
    return units[0] if units else None


def _of_unit(unit: UnitState, port: Evidence, endpoint: Endpoint, seen: Seen) -> Verdict:
    of_unit: Evidence = {**port, "unit": unit.name}
    if unit.active_state in ("active", "reloading"):
        return Verdict("not-listening", of_unit)
    journal = seen.journal(unit.name)
    line = journal.decisive.text if journal and journal.decisive else ""
    if not line:
        return Verdict("stopped", {**of_unit, "state": unit.active_state})
    said: Evidence = {**of_unit, "said": one_line(line, limit=_LONGEST_LINE)}
    if _OF_A_KEY.search(line) and (misfit := misfit_of(endpoint, seen)):
        # It stopped at the pair of files that does not fit: one mistake, not two.
        return Verdict("key-refused", {**said, **misfit.evidence})
    return Verdict("failed", said)


@check(
    "server.proxy-upstream",
    feeds=("facts",),
    outcomes={
        "ok": "proxy",
        "wrong": "proxy upstream service line",
        "logged": "proxy upstream service text",
        "not-loaded": "proxy",
        "not-found": "",
        "not-proxied": "",
    },
)
def proxy_upstream(role: Role, seen: Seen) -> Judgement:
    """Whether the proxy passes requests on to where the service listens."""
    endpoint = _endpoint(role, seen)
    if endpoint is None:
        yield Verdict("not-proxied")
        return
    if seen.one(ServerProxies) is None:
        return
    serving = server_sites.serving(endpoint, PATHS[role], seen)
    works = is_fine(seen.from_server(f"server-proxied-{role}"))
    place = places.of_service(role, seen.target, seen.observations)
    if serving is not None and (works or (serving.in_force and serving.leads_to(place))):
        yield Verdict("ok", {"proxy": serving.proxy.name})
        return
    if not works and is_fine(seen.from_server(f"server-{role}")):
        if serving is not None and serving.in_force and serving.leads_to(place) is False:
            yield _wrong(serving, place)
            return
        if logged := _refused_elsewhere(role, place, seen):
            yield logged
            return
    yield _open(serving)


def _wrong(serving: Serving, place: Place) -> Verdict:
    upstream = serving.location.proxy_pass or ", ".join(serving.location.upstreams)
    return Verdict(
        "wrong",
        {
            "proxy": serving.proxy.name,
            "upstream": one_line(upstream, limit=80),
            "service": str(place),
            "line": one_line(serving.line, limit=120),
        },
    )


def _open(serving: Serving | None) -> Verdict:
    if serving is None:
        return Verdict("not-found")
    return Verdict("not-loaded", {"proxy": serving.proxy.name})


def _refused_elsewhere(role: Role, place: Place, seen: Seen) -> Verdict | None:
    """nginx's own word, of just now, that nobody is where it looks for the service."""
    ports = {
        str(places.of_service(other, seen.target, seen.observations).port)
        for other in ("api", "livekit")
    }
    traffic = seen.one(ServerTraffic)
    for log in traffic.errors if traffic else ():
        for line in log.lines:
            elsewhere = line.upstream.rpartition(":")[2] not in ports
            if elsewhere and line.found == "upstream-refused" and _is_about(role, line, seen):
                return Verdict(
                    "logged",
                    {
                        "proxy": "nginx",
                        "upstream": one_line(line.upstream, limit=80),
                        "service": str(place),
                        "text": one_line(line.text, limit=_LONGEST_LINE),
                    },
                )
    return None


def _is_about(role: Role, line: ProxyError, seen: Seen) -> bool:
    """Whether a line of the error log was written in this run, of a request to this service."""
    endpoint = seen.target.endpoint(role)
    return (
        endpoint is not None
        and abs(line.last_at - seen.now) <= _RECENT
        and f'host: "{endpoint.host}' in line.text
        and PATHS[role] in line.text
    )


@check(
    "server.proxy-upgrade",
    feeds=("facts",),
    outcomes={
        "ok": "proxy",
        "missing": "proxy line",
        "not-loaded": "proxy",
        "not-found": "",
        "not-proxied": "",
    },
)
def proxy_upgrade(_server: str, seen: Seen) -> Judgement:
    """Whether the proxy's configuration passes websockets on to LiveKit."""
    endpoint = _endpoint("livekit", seen)
    if endpoint is None:
        yield Verdict("not-proxied")
        return
    if seen.one(ServerProxies) is None:
        return
    serving = server_sites.serving(endpoint, "/rtc", seen)
    if serving is None:
        yield Verdict("not-found")
        return
    proxy: Evidence = {"proxy": serving.proxy.name}
    upgraded = seen.exchange(endpoint, "livekit-upgrade")
    if upgraded is not None and (upgraded.status == 101 or is_livekit(upgraded)):
        yield Verdict("ok", proxy)
    elif not serving.in_force:
        yield Verdict("not-loaded", proxy)
    elif serving.location.upgrade:
        yield Verdict("ok", proxy)
    else:
        yield Verdict("missing", {**proxy, "line": one_line(serving.line, limit=120)})
