"""Addresses of STUN and TURN servers: `turns:turn.example:443?transport=tcp` (RFC 7064, 7065)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, cast

from eloquence_ops.endpoints import Endpoint, a_label, ip_address
from eloquence_ops.errors import UsageError
from eloquence_ops.secrets import Secret

Scheme = Literal["stun", "stuns", "turn", "turns"]
Transport = Literal["udp", "tcp"]

_PORTS: Final = {"stun": 3478, "turn": 3478, "stuns": 5349, "turns": 5349}
_URL: Final = re.compile(
    r"(?P<scheme>stuns?|turns?):(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[^\s\[\]:?/@]+))"
    r"(?::(?P<port>[0-9]{1,5}))?(?:\?transport=(?P<transport>udp|tcp))?",
    re.IGNORECASE,
)
_LONGEST: Final = 300


@dataclass(frozen=True, slots=True)
class IceUrl:
    """One server and one way to it. `host` is an A-label name or an address without brackets."""

    scheme: Scheme
    host: str
    port: int
    transport: Transport

    @property
    def secure(self) -> bool:
        return self.scheme in ("stuns", "turns")

    @property
    def relays(self) -> bool:
        """TURN, which takes a password and relays; STUN only tells us our own address."""
        return self.scheme in ("turn", "turns")

    @property
    def endpoint(self) -> Endpoint:
        """What is resolved, connected to, and verified by its name."""
        return Endpoint("https" if self.secure else "http", self.host, self.port)

    def __str__(self) -> str:
        """With the U-label, and everything that has a default written out."""
        query = f"?transport={self.transport}" if self.relays else ""
        return f"{self.scheme}:{self.endpoint.display_host}:{self.port}{query}"


@dataclass(frozen=True, slots=True)
class Login:
    """What a TURN server lets somebody relay with."""

    username: str
    password: Secret


def parse(text: str) -> IceUrl:
    """Raises `UsageError`."""
    found = _URL.fullmatch(text) if len(text) <= _LONGEST else None
    if found is None:
        raise UsageError("settings.not-an-ice-url", value=text)
    scheme = cast("Scheme", found["scheme"].lower())
    port = int(found["port"] or _PORTS[scheme])
    default = "tcp" if scheme in ("stuns", "turns") else "udp"
    transport = cast("Transport", (found["transport"] or default).lower())
    # `turns:…?transport=udp` is DTLS, which neither LiveKit nor its clients speak there.
    if not 1 <= port <= 65535 or (default == "tcp" and transport == "udp"):
        raise UsageError("settings.not-an-ice-url", value=text)
    written = found["v6"] or found["host"]
    address = ip_address(written)
    host = address.compressed if address else a_label(written)
    return IceUrl(scheme, host, port, transport)
