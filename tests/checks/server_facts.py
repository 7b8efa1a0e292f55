"""Facts of a server, made by hand, and a run that saw them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from eloquence_ops.checks.seen import Asked, Seen
from eloquence_ops.endpoints import parse
from eloquence_ops.findings import Family, Vantage
from eloquence_ops.observations import (
    AddressLookup,
    AnyObservation,
    HttpExchange,
    ServerListeners,
    ServerProxies,
    TcpConnect,
    UnitState,
)
from eloquence_ops.observations.names import Address
from eloquence_ops.observations.server_proxy import Proxy
from eloquence_ops.observations.server_sockets import Listener, Process
from eloquence_ops.observations.transport import TcpOutcome
from eloquence_ops.settings import Target
from tests.checks.facts import unit as running_unit

NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
API: Final = parse("https://api.éloquence.test", "api")
LIVEKIT: Final = parse("wss://livekit.éloquence.test", "livekit")
PLAIN: Final = parse("http://203.0.113.10:8083", "api")
THROUGH_PROXY: Final = Target("t", api=API, livekit=LIVEKIT, server="ubuntu@203.0.113.10")
PAST_PROXY: Final = Target("t", api=PLAIN, server="ubuntu@203.0.113.10")
NGINX_502: Final = "<center>502 Bad Gateway</center><hr><center>nginx/1.22.1</center>"
NGINX_504: Final = NGINX_502.replace("502 Bad Gateway", "504 Gateway Time-out")


def seen(*observations: AnyObservation, target: Target = THROUGH_PROXY, **asked: bool) -> Seen:
    asking = Asked(frozenset({"server"}), **asked)  # type: ignore[arg-type]  # its flags
    return Seen(target, asking, NOW, observations)


def lookup(host: str, *addresses: str) -> AddressLookup:
    found = tuple(
        Address(family=Family.IPV6 if ":" in address else Family.IPV4, address=address)
        for address in addresses
    )
    return AddressLookup(host=host, resolver="system", outcome="found", addresses=found, at_s=0.0)


def connecting(
    outcome: TcpOutcome, endpoint: str = str(PLAIN), address: str = "203.0.113.10"
) -> TcpConnect:
    """From outside."""
    family = Family.IPV6 if ":" in address else Family.IPV4
    return TcpConnect(
        endpoint=endpoint, family=family, address=address, port=8083, outcome=outcome, at_s=0.0
    )


def exchange(purpose: str, vantage: Vantage = Vantage.SERVER, **more: Any) -> HttpExchange:
    fields: dict[str, Any] = {
        "at_s": 0.0,
        "purpose": purpose,
        "endpoint": str(API),
        "family": Family.IPV4,
        "address": "127.0.0.1",
        "method": "GET",
        "path": "/api/sessions",
        "vantage": vantage,
        "outcome": "answered",
        "status": 405,
        "headers": (("content-type", "application/json"),),
    }
    if more.get("status") in (502, 504):
        fields |= {"headers": (), "body": NGINX_502 if more["status"] == 502 else NGINX_504}
    if "outcome" in more:
        fields |= {"status": None, "headers": ()}
    return HttpExchange.model_validate(fields | more)


def after(seconds: float) -> dict[str, float]:
    """Timings of an answer that began then."""
    return {"first_byte": seconds, "total": seconds}


def listening(*held: tuple[str, int, str]) -> ServerListeners:
    """TCP listeners: address, port, and the unit whose process holds it (empty: not known)."""
    units = sorted({unit for _, _, unit in held if unit})
    return ServerListeners(
        listeners=tuple(
            Listener(
                protocol="tcp",
                address=address,
                port=port,
                user="root",
                backlog=0,
                holders=(units.index(unit) + 1,) if unit else (),
            )
            for address, port, unit in held
        ),
        left_out=0,
        processes=tuple(
            Process(
                pid=place + 1,
                name="x",
                command="x",
                user="root",
                cwd=None,
                started_at=NOW,
                unit=unit,
            )
            for place, unit in enumerate(units)
        ),
        at_s=0.0,
    )


def unit(name: str, **more: Any) -> UnitState:
    """A unit that forks, as nginx does, and of which little else is known."""
    little: dict[str, Any] = {
        "restart": "no",
        "type": "forking",
        "main_pid": None,
        "last_main_pid": None,
        "command": "",
        "user": "",
        "working_directory": "",
        "fragment_path": "",
        "active_since": None,
        "started_at": None,
    }
    return running_unit(name, **(little | more))


def nginx(*sites: dict[str, Any], changed_after_s: float = -60.0) -> ServerProxies:
    """nginx with these sites, loaded at `NOW`; the files changed so long after that."""
    proxy = {
        "name": "nginx",
        "path": "/etc/nginx/nginx.conf",
        "files": (),
        "loaded_at": NOW,
        "disk_changed_at": NOW + timedelta(seconds=changed_after_s),
        "sites": sites,
    }
    return ServerProxies(proxies=(Proxy.model_validate(proxy),), at_s=0.0)


def site(*locations: dict[str, Any], name: str = API.host, **more: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "file": "/etc/nginx/sites-enabled/eloquence",
        "line": 6,
        "names": (name,),
        "listens": ("443 ssl", "[::]:443 ssl"),
        "tls": True,
        "certificates": (),
        "redirects": (),
        "locations": locations,
    }
    return fields | more


def location(path: str = "/", passes: str = "http://127.0.0.1:8083", **more: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "path": path,
        "line": 12,
        "proxy_pass": passes,
        "upstreams": (passes.partition("://")[2].partition("/")[0],),
        "upgrade": False,
        "http_version": "1.1",
        "read_timeout_s": None,
        "denies": False,
    }
    return fields | more
