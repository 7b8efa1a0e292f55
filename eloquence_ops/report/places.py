"""The target's values as the catalogue's commands name them."""

from __future__ import annotations

from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

from eloquence_ops import ice_urls
from eloquence_ops.checks.seen import Seen
from eloquence_ops.checks.service_ports import ICE_TCP_PORT
from eloquence_ops.endpoints import Endpoint, parse
from eloquence_ops.errors import UsageError
from eloquence_ops.server import destination

# What a command shows where the settings name nothing: a person sees at once what to replace.
_PLACEHOLDERS = {"api": "https://API", "livekit": "wss://LIVEKIT", "server": "USER@SERVER"}
_PROXY_UNIT: Final = "nginx.service"


def values(seen: Seen, subject: str = "") -> dict[str, object]:
    """Every placeholder that a command may hold, for this target and `subject`."""
    # Where there is no cause there are no commands either.
    from eloquence_ops.checks.server_media import media_ports

    target = seen.target
    livekit = target.livekit or seen.handed_out
    found: dict[str, object] = {
        "api_unit": target.api_unit,
        "livekit_unit": target.livekit_unit,
        "remote_dir": target.remote_dir,
        "asgi_app": target.asgi_app,
        "subject": subject,
        "subject_unit": _unit_of(subject, seen),
    }
    found |= _of_server(target.server)
    found |= _of_endpoint("api", target.api)
    found |= _of_endpoint("livekit", livekit)
    about = _endpoint_of(subject, seen)
    found["subject_url"] = about.http_url if about else subject
    found["subject_host"] = about.host if about else subject
    found["subject_port"] = about.port if about else 443
    found["subject_ports"] = _ports(subject, seen)
    found |= _of_proxy(about or target.api or livekit, seen)
    tcp, (first, last) = media_ports(seen)
    found |= {"media_first": first, "media_last": last, "media_tcp": tcp or ICE_TCP_PORT}
    return found


def _of_server(server: str | None) -> dict[str, object]:
    """As ssh and as rsync take it: neither knows `user@host:port`."""
    try:
        to = destination.parse(server or "")
    except UsageError:
        login = server or _PLACEHOLDERS["server"]
        return {"server": login, "server_login": login, "server_shell": "ssh"}
    user = f"{to.user}@" if to.user else ""
    return {
        "server": f"ssh://{to}" if to.port else f"{user}{to.host}",
        "server_login": str(replace(to, port=None)),
        "server_shell": f"ssh -p {to.port}" if to.port else "ssh",
    }


def _of_proxy(endpoint: Endpoint | None, seen: Seen) -> dict[str, object]:
    """That of the server; the guide's where nobody looked inside."""
    from eloquence_ops.checks.server_proxy import proxy_of

    unit = proxy_of(endpoint, seen) if endpoint else None
    name = unit.name if unit else _PROXY_UNIT
    return {"proxy_unit": name, "proxy_folder": f"/etc/{name.removesuffix('.service')}"}


def _ports(subject: str, seen: Seen) -> str:
    """Those of several addresses, as ufw takes them: `443,8083`."""
    found = {end.port for part in subject.split(", ") if (end := _endpoint_of(part, seen))}
    return ",".join(map(str, sorted(found))) or "443"


def _unit_of(subject: str, seen: Seen) -> str:
    target = seen.target
    livekits = {target.livekit_unit, *map(str, seen.livekits)}
    return target.livekit_unit if subject in livekits else target.api_unit


def _of_endpoint(role: str, endpoint: Endpoint | None) -> dict[str, object]:
    if endpoint is None:
        url = _PLACEHOLDERS[role]
        host = url.partition("://")[2]
        http = f"https://{host}"
        return {role: url, f"{role}_http": http, f"{role}_host": host, f"{role}_port": 443}
    return {
        role: endpoint.url,
        f"{role}_http": endpoint.http_url,
        f"{role}_host": endpoint.host,
        f"{role}_port": endpoint.port,
    }


def _endpoint_of(subject: str, seen: Seen) -> Endpoint | None:
    subject = subject.partition(", ")[0]  # of several, commands are about the first
    for endpoint in (seen.target.api, *seen.livekits, *seen.asked_hosts.values()):
        if endpoint and subject in (str(endpoint), endpoint.display_host):
            return endpoint
    if "://" not in subject:
        try:
            return ice_urls.parse(subject).endpoint
        except UsageError:
            return None
    try:
        role = "livekit" if urlsplit(subject).scheme in ("ws", "wss") else "api"
        return parse(subject, role)  # type: ignore[arg-type]  # one of the two roles
    except UsageError:
        return None
