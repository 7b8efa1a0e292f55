"""Addresses as people write them, made exact: scheme, A-label, port, path.

An internationalised name has two forms: the U-label people read (`éloquence`) and
the A-label that goes on the wire (`xn--loquence-90a`). Endpoints compare by the
A-label and show the U-label, so that two spellings of one address are one subject.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Literal
from urllib.parse import urlsplit

import idna

from eloquence_ops.errors import UsageError

Role = Literal["api", "livekit"]

DEFAULT_PORTS: Final = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_SCHEMES: Final = {
    "api": {"http": "http", "https": "https"},
    "livekit": {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"},
}
# What people copy out of the app's log: the API's base plus the route.
_KNOWN_PATHS: Final = re.compile(
    r"/api(/sessions?(/.*)?)?$|/(docs|openapi\.json|rtc(/.*)?|livekit/token|ws/simple(/[^/]*)?)$"
)
# The only websocket that the API itself ever had (of the apps from before LiveKit).
_API_SOCKET: Final = re.compile(r"(?i)wss?(://[^/?#]+(?:/[^?#]*)?/ws/simple(?:/[^/]*)?)")
# Controls, marks without a width, and halves of characters, as which bytes that are not UTF-8 come.
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs"})
# What stands around an address where people copy it: in a sentence, a log, a guide.
_QUOTES: Final = {
    **{"«": "»", "“": "”", "„": "“", "‘": "’", "‹": "›"},
    **{'"': '"', "'": "'", "`": "`", "<": ">", "(": ")"},
}
_REQUEST: Final = re.compile(
    r"(?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS)\s+(\S.*?)(?:\s+HTTP/[0-9.]+)?", re.IGNORECASE
)
_LONGEST: Final = 2048
_LONGEST_NAME: Final = 253
_PLAIN_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_PORT: Final = re.compile(r"[0-9]{1,5}")
# RFC 6874 writes the zone after `%25`; people, and getaddrinfo, after `%`.
_BRACKETED: Final = re.compile(r"\[[0-9A-Fa-f:.]+(%[A-Za-z0-9._~-]+)?\](:.*)?")


@dataclass(frozen=True)
class Endpoint:
    """One address. `host` is an A-label name, or an IP address without brackets; `typed_host` is
    how it was written, where that is known."""

    scheme: str
    host: str
    port: int
    path: str = ""
    typed_host: str = field(default="", compare=False, repr=False)

    @property
    def secure(self) -> bool:
        return self.scheme in ("https", "wss")

    @property
    def is_address(self) -> bool:
        """Whether `host` is an IP address, so that no name needs resolving."""
        return ip_address(self.host) is not None

    @cached_property
    def display_host(self) -> str:
        if self.is_address:
            return f"[{self.host}]" if ":" in self.host else self.host
        return u_label(self.host)

    @property
    def authority(self) -> str:
        """`host[:port]` as it goes on the wire; the port only where it is not the default."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """With the A-label: what can be pasted into any tool."""
        return f"{self.scheme}://{self.authority}{self.path}"

    @property
    def http_url(self) -> str:
        """The same address for an HTTP client: ws is http, wss is https."""
        scheme = "https" if self.secure else "http"
        return f"{scheme}://{self.authority}{self.path}"

    def __str__(self) -> str:
        """With the U-label: what people read."""
        port = "" if self.port == DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{self.display_host}{port}{self.path}"


def ip_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that `host` is, without its zone; only IPv6 has zones."""
    address, zoned, _ = host.partition("%")
    try:
        return ipaddress.IPv6Address(address) if zoned else ipaddress.ip_address(address)
    except ValueError:
        return None


def u_label(name: str) -> str:
    """The readable form of an A-label name; names that do not decode stay as they are."""
    try:
        return idna.decode(name)
    except idna.IDNAError:
        return name


def a_label(name: str) -> str:
    """The form of `name` that is looked up, lower case, without a trailing dot.

    Normalises to NFC first: `e` + U+0301 (as macOS writes file names) is the same
    name as `é`. Raises `UsageError` where IDNA 2008 (RFC 5891) allows no such name.
    """
    name = unicodedata.normalize("NFC", name).rstrip(".")
    if name.isascii() and "xn--" not in name.lower():
        # Real networks have names IDNA refuses, with an underscore for example.
        return _possible(name.lower())
    try:
        encoded = idna.encode(name, uts46=True, std3_rules=True).decode()
    except idna.IDNAError as refusal:
        raise UsageError("address.idn", host=name, reason=refusal) from None
    # Full-width digits become plain ones: what comes out may be an address, or a broken one.
    return encoded if ip_address(encoded) else _possible(encoded)


def _possible(name: str) -> str:
    labels = name.split(".")
    possible = len(name) <= _LONGEST_NAME and not labels[-1].isdigit()
    if possible and all(_PLAIN_LABEL.fullmatch(label) for label in labels):
        return name
    raise UsageError("address.host", host=name)


def covers(pattern: str, name: str) -> bool:
    """Whether a name of a certificate is for `name`; both are A-labels.

    RFC 9525 §6.3: a wildcard stands for the whole leftmost label, nothing else.
    """
    pattern, name = pattern.lower(), name.lower()
    if pattern.startswith("*."):
        return name.partition(".")[2] == pattern[2:]
    return pattern == name


def bare(text: str) -> str:
    """The address alone, of what was pasted: `«POST https://… HTTP/1.1»` without the quotes, the
    method and the protocol."""
    inner = text.strip()
    while True:
        before = inner
        if len(inner) > 1 and _QUOTES.get(inner[0]) == inner[-1]:
            inner = inner[1:-1].strip()
        if request := _REQUEST.fullmatch(inner):
            inner = request[1]
        if inner == before:
            return inner


def is_of_api(address: str) -> bool:
    """Whether a websocket's address is one that old apps have for the API."""
    return _API_SOCKET.fullmatch(address) is not None


def host_part(text: str) -> str:
    """The host of what was pasted, letter by letter: of an address without its scheme, port and
    path, of a name the name itself."""
    inner = bare(text)
    if "://" in inner:
        inner = re.split(r"[/?#]", inner.partition("://")[2], maxsplit=1)[0]
    inner = inner.rpartition("@")[2]
    host, _, port = inner.rpartition(":")
    has_port = bool(host) and _PORT.fullmatch(port) is not None and ip_address(inner) is None
    return (host if has_port else inner).strip("[]")


def parse(text: str, role: Role) -> Endpoint:
    """An address as it was typed or pasted.

    Quotes and an HTTP method around it are taken off, and so is a known route at its end; the
    scheme may be missing (`http` for port 8083 and 7880, TLS otherwise). Raises `UsageError` with
    what is wrong, and never with a password: an address that holds one is not repeated.
    """
    try:
        return _parse(text, role)
    except UsageError:
        if "@" in text:
            raise UsageError("address.userinfo") from None
        raise


def parse_secure(text: str) -> Endpoint:
    """`host`, `host:port`, or an address of https:// or wss://; its path is left out.

    Raises `UsageError` as `parse` does, and for an address that asks for no TLS.
    """
    typed = bare(text)
    found = parse(
        typed if "://" in typed else f"https://{typed}",
        "livekit" if typed.lower().startswith("ws") and "://" in typed else "api",
    )
    if not found.secure:
        raise UsageError("address.not-secure", address=found)
    return Endpoint(found.scheme, found.host, found.port)


def _parse(text: str, role: Role) -> Endpoint:
    if len(text.strip()) > _LONGEST:
        raise UsageError("address.long", limit=_LONGEST)
    typed = bare(text)
    if role == "api" and is_of_api(typed):
        typed = f"http{typed.partition('://')[0][2:]}://{typed.partition('://')[2]}"
    if not typed:
        raise UsageError("address.empty")
    if any(c.isspace() or unicodedata.category(c) in _INVISIBLE for c in typed):
        raise UsageError("address.characters", address=typed)
    if "://" not in typed:
        if re.match(r"(?i)(https?|wss?)(:/|//)", typed):
            raise UsageError("address.slashes", address=text)
        typed = f"{_likely_scheme(typed, role)}://{typed}"
    try:
        parts = urlsplit(typed)
        scheme, host, userinfo = parts.scheme.lower(), parts.hostname or "", parts.username
        port_text = _port_text(parts.netloc)
    except ValueError:
        raise UsageError("address.malformed", address=text) from None
    if scheme not in _SCHEMES[role]:
        allowed = " ".join(f"{name}://" for name in _SCHEMES[role])
        raise UsageError("address.scheme", address=text, scheme=scheme, allowed=allowed)
    if userinfo is not None or parts.password is not None:
        raise UsageError("address.userinfo")
    scheme = _SCHEMES[role][scheme]
    return Endpoint(
        scheme,
        _host(host, text),
        _port(port_text, scheme, text),
        _path(parts.path),
        # urlsplit's own hostname is in lower case.
        typed_host=parts.netloc if port_text is None else parts.netloc.rpartition(":")[0],
    )


def _likely_scheme(typed: str, role: Role) -> str:
    plain = re.match(r"[^/]*:(8083|7880)(/|$)", typed) is not None
    if role == "api":
        return "http" if plain else "https"
    return "ws" if plain else "wss"


def _port_text(netloc: str) -> str | None:
    authority = netloc.rpartition("@")[2]
    if authority.startswith("["):
        found = _BRACKETED.fullmatch(authority)
        if found is None:
            raise ValueError(authority)
        return (found[2] or ":")[1:] or None
    if authority.count(":") > 1:
        raise ValueError("an IPv6 address needs brackets")
    return authority.partition(":")[2] or None


def _port(text: str | None, scheme: str, address: str) -> int:
    if text is None:
        return DEFAULT_PORTS[scheme]
    if not _PORT.fullmatch(text) or not 1 <= int(text) <= 65535:
        raise UsageError("address.port", address=address, port=text)
    return int(text)


def _host(host: str, address: str) -> str:
    if not host:
        raise UsageError("address.no-host", address=address)
    if found := ip_address(host):
        zone = re.sub(r"^(25)+(?=.)", "", host.partition("%")[2])
        return f"{found.compressed}%{zone}" if zone else found.compressed
    if "%" in host:
        # Dart's Uri writes a name like this when it holds a non-ASCII letter.
        raise UsageError("address.percent", host=host)
    return a_label(host)


def _path(path: str) -> str:
    """Without known routes at its end, so that what is left is the same when it is read again."""
    path = path.rstrip("/")
    shorter = _KNOWN_PATHS.sub("", path)
    return path if shorter == path else _path(shorter)


Scope = Literal["loopback", "private", "public"]
_REACH: Final[dict[Scope, int]] = {"loopback": 0, "private": 1, "public": 2}


def scope_of(address: str) -> Scope | None:
    """How far away an address can be used from: on its own machine, in its network, everywhere.

    Documentation ranges (RFC 5737, RFC 3849) count as public: they stand for public
    addresses. None for something that is not an address.
    """
    found = ip_address(address)
    if found is None:
        return None
    if mapped := getattr(found, "ipv4_mapped", None):
        found = mapped
    if found.is_loopback or found.is_unspecified:
        return "loopback"
    documentation = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
    if any(found in network for network in map(ipaddress.ip_network, documentation)):
        return "public"
    return "public" if found.is_global else "private"


def narrower(scope: Scope, than: Scope) -> bool:
    return _REACH[scope] < _REACH[than]
