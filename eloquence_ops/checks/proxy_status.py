"""What proxies say of themselves in `Proxy-Status` (RFC 9209), where one of them does.

A list of structured fields (RFC 8941): one member a proxy, the one nearest to the origin first,
its parameters saying what went wrong. Whatever does not read as one ends the list.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from eloquence_ops.observations import HttpExchange
from eloquence_ops.untrusted import one_line

Hop = Literal["unresolved", "tls", "timeout", "other"]

# The registry of RFC 9209, 2.3, as far as it tells causes apart.
_HOPS: Final[dict[str, Hop]] = {
    "dns_error": "unresolved",
    "dns_timeout": "unresolved",
    "tls_protocol_error": "tls",
    "tls_certificate_error": "tls",
    "tls_alert_received": "tls",
    "connection_timeout": "timeout",
    "connection_read_timeout": "timeout",
    "connection_write_timeout": "timeout",
    "http_response_timeout": "timeout",
}

_TOKEN: Final = r"[A-Za-z*][A-Za-z0-9!#$%&'*+.^_`|~:/-]*+"  # noqa: S105  # RFC 8941's word
_STRING: Final = r'"(?:[^"\\]|\\["\\])*+"'
_PARAMETER: Final = re.compile(
    rf"\s*;\s*([a-z*][a-z0-9_.*-]*+)(?:=({_TOKEN}|{_STRING}|-?[0-9.]++|\?[01]))?"
)
_NAME: Final = re.compile(rf"\s*({_TOKEN}|{_STRING})")
_COMMA: Final = re.compile(r"\s*,")


@dataclass(frozen=True, slots=True)
class Said:
    """One proxy's member: its name, and its `error` where there was one."""

    proxy: str
    error: str | None

    @property
    def hop(self) -> Hop | None:
        """What failed on the way to the next hop; None where nothing did."""
        return None if self.error is None else _HOPS.get(self.error, "other")

    def __str__(self) -> str:
        return one_line(f"{self.proxy}: {self.error}", limit=60)


def read(value: str) -> Iterator[Said]:
    """The members of a header's value, as far as they can be read."""
    place = 0
    while name := _NAME.match(value, place):
        place, error = name.end(), None
        while parameter := _PARAMETER.match(value, place):
            place = parameter.end()
            if parameter[1] == "error":
                error = _bare(parameter[2] or "")
        yield Said(_bare(name[1]), error or None)
        comma = _COMMA.match(value, place)
        if comma is None:
            return
        place = comma.end()


def _bare(item: str) -> str:
    """A token as it is, a string without its quotes."""
    return re.sub(r"\\(.)", r"\1", item[1:-1]) if item.startswith('"') else item


def told(exchange: HttpExchange) -> Said | None:
    """The first proxy, seen from the origin, that says what went wrong."""
    lines = (value for name, value in exchange.headers if name == "proxy-status")
    members = read(", ".join(lines))
    return next((said for said in members if said.error), None)
