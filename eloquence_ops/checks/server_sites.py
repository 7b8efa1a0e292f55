"""Which place of a proxy's configuration serves a request, and whether that is what runs.

nginx is read as it chooses itself (its documentation of `server_name` and `location`), of Caddy
the plain cases; HAProxy's rules are not followed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

from eloquence_ops.checks.seen import Seen
from eloquence_ops.checks.server_places import Place
from eloquence_ops.endpoints import Endpoint, a_label, ip_address
from eloquence_ops.errors import UsageError
from eloquence_ops.observations import ServerProxies
from eloquence_ops.observations.server_proxy import Proxy, ProxyLocation, ProxySite

# When a process started is known to the second only, and that by a clock that has its own.
_SLACK: Final = timedelta(seconds=2)
_LONGEST_EXPRESSION: Final = 200
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_DEFAULT_PORTS: Final = {"http": 80, "https": 443, "h2c": 80}


@dataclass(frozen=True, slots=True)
class Serving:
    """The place in a configuration that a request comes to."""

    proxy: Proxy
    site: ProxySite
    location: ProxyLocation

    @property
    def in_force(self) -> bool:
        """Whether the running proxy has read the files as they are."""
        loaded, changed = self.proxy.loaded_at, self.proxy.disk_changed_at
        return loaded is not None and (changed is None or changed <= loaded + _SLACK)

    @property
    def line(self) -> str:
        return f"{self.site.file}:{self.location.line}"

    def leads_to(self, place: Place) -> bool | None:
        """Whether requests are passed on to `place` in plain HTTP; None where that is not told.

        By what address the server calls itself does not matter, as long as it is the right port.
        """
        if self.location.proxy_pass.startswith("https://"):
            return False
        told = [_upstream(text, self.location.proxy_pass) for text in self.location.upstreams]
        if not told or None in told:
            return None
        if any(upstream and _is_same(*upstream, place) for upstream in told):
            return True
        return False if all(upstream and _is_own(*upstream, place) for upstream in told) else None


def serving(endpoint: Endpoint, path: str, seen: Seen) -> Serving | None:
    """What serves `path` at a public address; None where that cannot be told."""
    found = seen.one(ServerProxies)
    for proxy in found.proxies if found else ():
        if proxy.name == "haproxy":
            continue
        for site in _sites(endpoint, proxy):
            if (location := _location(site, endpoint.path + path, proxy)) is not None:
                return Serving(proxy, site, location)
    return None


def configured_for(endpoint: Endpoint, seen: Seen) -> str | None:
    """The name of the proxy whose files name this address."""
    found = seen.one(ServerProxies)
    for proxy in found.proxies if found else ():
        if any(True for _ in _sites(endpoint, proxy)):
            return proxy.name
    return None


def certificates_for(endpoint: Endpoint, seen: Seen) -> frozenset[str]:
    """The files of certificates that the sites of this address are configured with."""
    found = seen.one(ServerProxies)
    return frozenset(
        path
        for proxy in (found.proxies if found else ())
        for site in _sites(endpoint, proxy)
        for path in site.certificates
    )


def _sites(endpoint: Endpoint, proxy: Proxy) -> Iterator[ProxySite]:
    """Those of this very name; a wildcard or a default site may or may not be chosen."""
    for site in proxy.sites:
        names = {_host(name) for name in site.names}
        if endpoint.host in names and _listens(endpoint, site, proxy):
            yield site


def _host(name: str) -> str:
    """The name of a site without scheme and port, as it is looked up."""
    host = urlsplit(name if "://" in name else f"//{name}").netloc.partition(":")[0]
    try:
        return a_label(host)
    except UsageError:
        return host


def _listens(endpoint: Endpoint, site: ProxySite, proxy: Proxy) -> bool:
    if proxy.name != "nginx":
        return True
    ports = {words.split()[0].rpartition(":")[2] for words in site.listens if words.split()}
    return str(endpoint.port) in ports and site.tls == endpoint.secure


def _location(site: ProxySite, path: str, proxy: Proxy) -> ProxyLocation | None:
    if proxy.name == "caddy":
        everything = [entry for entry in site.locations if entry.path == "*"]
        return everything[0] if len(site.locations) == len(everything) == 1 else None
    longest: ProxyLocation | None = None
    length, is_last = -1, False
    for entry in site.locations:
        mark, _, prefix = entry.path.rpartition(" ")
        if mark == "=" and prefix == path:
            return entry
        if mark in ("", "^~") and path.startswith(prefix) and len(prefix) > length:
            longest, length, is_last = entry, len(prefix), mark == "^~"
    if is_last:
        return longest
    for entry in site.locations:
        mark, _, expression = entry.path.rpartition(" ")
        if mark not in ("~", "~*"):
            continue
        matches = _matches(expression, path, ignore_case=mark == "~*")
        if matches is None:
            return None
        if matches:
            return entry
    return longest


def _matches(expression: str, path: str, *, ignore_case: bool) -> bool | None:
    """nginx's expressions are Perl's; None for one that Python does not have, or a nested one."""
    if len(expression) > _LONGEST_EXPRESSION or re.search(r"[*+}]\)?[*+{]", expression):
        return None
    try:
        return re.search(expression, path, re.IGNORECASE if ignore_case else 0) is not None
    except re.error:
        return None


def _upstream(text: str, proxy_pass: str) -> tuple[str, int] | None:
    """Host and port of `127.0.0.1:8083`; None for a variable or a socket in the file system."""
    if "$" in text or text.startswith("unix:"):
        return None
    scheme = proxy_pass.partition("://")[0] if "://" in proxy_pass else "http"
    try:
        parts = urlsplit(text if "://" in text else f"//{text}")
        port = parts.port or _DEFAULT_PORTS.get(scheme, 80)
    except ValueError:
        return None
    return (parts.hostname, port) if parts.hostname else None


def _is_same(host: str, port: int, place: Place) -> bool:
    return port == place.port and (host in _LOOPBACK or host == place.address or not _is_ip(host))


def _is_own(host: str, port: int, place: Place) -> bool:
    """Surely this machine, and another port."""
    return port != place.port and (host in _LOOPBACK or host == place.address)


def _is_ip(host: str) -> bool:
    return ip_address(host) is not None
