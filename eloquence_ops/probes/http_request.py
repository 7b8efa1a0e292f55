"""A request as a probe states it, and as it goes on the wire."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

import httpcore

from eloquence_ops import __version__
from eloquence_ops.endpoints import Endpoint
from eloquence_ops.secrets import Secret

# What may stand in a request target as it is (RFC 3986, 2.2 and 2.3), and `%` of what is encoded.
_TARGET_SAFE: Final = "%/?@!$&'()*+,;=:-._~"
# The handshake of RFC 6455, 4.1, whose key is any 16 bytes.
USER_AGENT: Final = f"eloquence/{__version__}"
"""By which our own requests are known in a server's logs: they are no user's failures."""
WEBSOCKET_UPGRADE: Final = (
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", base64.b64encode(b"eloquence-doctor").decode()),
)


@dataclass(frozen=True)
class HttpRequest:
    """`purpose` names the request for those who judge the answer; `path` begins with `/`."""

    purpose: str
    method: str
    path: str
    headers: tuple[tuple[str, str | Secret], ...] = ()
    body: bytes | None = None

    @property
    def secrets(self) -> tuple[Secret, ...]:
        return tuple(value for _, value in self.headers if isinstance(value, Secret))


def origin_of(endpoint: Endpoint) -> httpcore.Origin:
    """What httpcore matches connections by. The name is not used: the wire knows where to go."""
    return httpcore.Origin(b"https" if endpoint.secure else b"http", b"endpoint", endpoint.port)


def built(request: HttpRequest, endpoint: Endpoint) -> httpcore.Request:
    """The only place where the secrets of a request are revealed."""
    origin = origin_of(endpoint)
    given = [
        (name, value.reveal() if isinstance(value, Secret) else value)
        for name, value in request.headers
    ]
    taken = {name.lower() for name, _ in given}
    own = [(name, value) for name, value in _own(request, endpoint) if name.lower() not in taken]
    return httpcore.Request(
        request.method,
        httpcore.URL(
            scheme=origin.scheme,
            host=origin.host,
            port=origin.port,
            target=quote(endpoint.path + request.path, safe=_TARGET_SAFE).encode(),
        ),
        headers=[(name.encode(), value.encode()) for name, value in (*own, *given)],
        content=request.body or b"",
    )


def _own(request: HttpRequest, endpoint: Endpoint) -> list[tuple[str, str]]:
    """The headers that a request need not state."""
    own = [
        ("Host", without_zone(endpoint.authority)),
        ("User-Agent", USER_AGENT),
        ("Accept", "*/*"),
        ("Accept-Encoding", "identity"),
    ]
    if request.body is not None or request.method in ("POST", "PUT", "PATCH"):
        own.append(("Content-Length", str(len(request.body or b""))))
    return own


def tls_name(endpoint: Endpoint) -> str:
    """What the certificate must be for, and SNI where it is a name."""
    return without_zone(endpoint.host)


def without_zone(host: str) -> str:
    """`fe80::1%eth0` without its zone, which means something on this machine only (RFC 6874)."""
    before, zone, after = host.partition("%")
    return before + after[after.find("]") :] if zone and "]" in after else before
