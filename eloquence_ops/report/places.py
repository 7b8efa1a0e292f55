"""The target's values as the catalogue's commands name them."""

from __future__ import annotations

from urllib.parse import urlsplit

from eloquence_ops.checks.seen import Seen
from eloquence_ops.endpoints import Endpoint, parse
from eloquence_ops.errors import UsageError

# What a command shows where the settings name nothing: a person sees at once what to replace.
_PLACEHOLDERS = {"api": "https://API", "livekit": "wss://LIVEKIT", "server": "USER@SERVER"}


def values(seen: Seen, subject: str = "") -> dict[str, object]:
    """Every placeholder that a command may hold, for this target and `subject`."""
    target = seen.target
    livekit = target.livekit or seen.handed_out
    found: dict[str, object] = {
        "server": target.server or _PLACEHOLDERS["server"],
        "api_unit": target.api_unit,
        "livekit_unit": target.livekit_unit,
        "remote_dir": target.remote_dir,
        "asgi_app": target.asgi_app,
        "subject": subject,
    }
    found |= _of_endpoint("api", target.api)
    found |= _of_endpoint("livekit", livekit)
    about = _endpoint_of(subject, seen)
    found["subject_url"] = about.http_url if about else subject
    found["subject_host"] = about.host if about else subject
    found["subject_port"] = about.port if about else 443
    return found


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
    for endpoint in (seen.target.api, *seen.livekits):
        if endpoint and subject in (str(endpoint), endpoint.display_host):
            return endpoint
    if "://" not in subject:
        return None
    try:
        role = "livekit" if urlsplit(subject).scheme in ("ws", "wss") else "api"
        return parse(subject, role)  # type: ignore[arg-type]  # one of the two roles
    except UsageError:
        return None
