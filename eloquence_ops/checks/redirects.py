"""Where a redirect leads, and what that means for a caller who follows none."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import urljoin, urlsplit

from eloquence_ops.checks.fingerprints import REDIRECTS
from eloquence_ops.endpoints import Endpoint, parse
from eloquence_ops.errors import UsageError
from eloquence_ops.observations import HttpExchange
from eloquence_ops.untrusted import one_line


@dataclass(frozen=True)
class Redirect:
    """`target` is the address without the route that was asked for; `path` that of the Location,
    with the slash at its end, which an endpoint has none of."""

    target: Endpoint
    path: str

    def stays_at(self, api: Endpoint) -> bool:
        own = (api.scheme, api.host, api.port)
        return (self.target.scheme, self.target.host, self.target.port) == own

    @property
    def whole(self) -> str:
        """The address with its path, to show."""
        return str(replace(self.target, path="")) + one_line(self.path, limit=80)


def read(api: Endpoint, route: str, exchange: HttpExchange) -> Redirect | None:
    """The redirect that the request for `route` was answered with; None where it says nothing that
    a client could follow."""
    location = exchange.header("location")
    if exchange.status not in REDIRECTS or not location:
        return None
    try:
        leads_to = urljoin(f"{api.url}{route}", location)
        if not leads_to.lower().startswith(("http://", "https://")):
            return None
        return Redirect(parse(leads_to, "api"), urlsplit(leads_to).path)
    except (UsageError, ValueError):
        return None
