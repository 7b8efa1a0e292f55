"""The proxies of the server: configuration, certificates, and what users got through them."""

from __future__ import annotations

from typing import Literal

from eloquence_ops.observations.base import Record
from eloquence_ops.observations.server import Bytes, Moment, ServerObservation

ProxyName = Literal["nginx", "caddy", "haproxy"]


class ProxyFile(Record):
    path: str
    bytes: Bytes | None


class ProxyLocation(Record):
    """`upstreams` are `host:port`, an `upstream` block resolved. `upgrade`: WebSockets pass, in
    whatever `http_version` nginx speaks to the upstream."""

    path: str
    line: int
    proxy_pass: str
    upstreams: tuple[str, ...]
    upgrade: bool
    http_version: str
    read_timeout_s: float | None
    denies: bool


class ProxySite(Record):
    """A `server` of nginx, a site of Caddy, a section of HAProxy."""

    file: str
    line: int
    names: tuple[str, ...]
    listens: tuple[str, ...]
    tls: bool
    certificates: tuple[str, ...]
    redirects: tuple[str, ...]
    locations: tuple[ProxyLocation, ...]


class Proxy(Record):
    """The configuration on disk. `loaded_at`: when the running processes read theirs; None where
    none runs. Where `disk_changed_at` is later, they do not serve what is on disk."""

    name: ProxyName
    path: str
    files: tuple[ProxyFile, ...]
    loaded_at: Moment | None
    disk_changed_at: Moment | None
    sites: tuple[ProxySite, ...]


class ServerProxies(ServerObservation):
    """Those that have a configuration, whether they run or not."""

    kind: Literal["server.proxies"] = "server.proxies"
    proxies: tuple[Proxy, ...]


KeyUnknown = Literal["", "not-found", "permission-denied", "encrypted", "no-openssl", "unreadable"]


class CertificateKey(Record):
    """The file of a key that a proxy is configured with, beside the certificate. Nothing of the key
    itself is read off the server. `matches` is None where that cannot be told, for `why`."""

    path: str
    matches: bool | None
    why: KeyUnknown = ""


class CertificateFile(Record):
    """The leaf in a file. `used_by` names the program that is configured with it; empty: none.

    `sha256` is the fingerprint of the leaf, in hex; `chain_length` counts it too. `keys` are none
    where no key is named, and in older recordings.
    """

    path: str
    subject: str
    issuer: str
    names: tuple[str, ...]
    not_before: Moment
    not_after: Moment
    sha256: str
    chain_length: int
    modified_at: Moment
    used_by: str = ""
    keys: tuple[CertificateKey, ...] = ()


class ServerCertificates(ServerObservation):
    kind: Literal["server.certificates"] = "server.certificates"
    certificates: tuple[CertificateFile, ...]


class RequestCount(Record):
    """Requests of the last day with the same method, path and status. A path has no query, and
    `{id}` for ids. `old_endpoint`: of the API before LiveKit. `agents` are the most frequent.

    `run` of them came without a longer time in between in which the same was answered well, or
    was not asked for; `run_first_at` is the first of these. None where that was not noted.
    """

    method: str
    path: str
    status: int
    last_hour: int
    last_day: int
    first_at: Moment
    last_at: Moment
    old_endpoint: bool
    agents: tuple[str, ...]
    run: int | None = None
    run_first_at: Moment | None = None


class StatusClass(Record):
    name: str
    last_hour: int
    last_day: int


class AccessLog(Record):
    """Counts go back to `since` at most, where the part that was read begins. `requests` are what
    the app calls first; `left_out` counts the other kinds. `understood` and `not_understood` count
    lines, the former is None in a recording from before it was told."""

    path: str
    proxy: str = "nginx"
    since: Moment | None
    understood: int | None = None
    not_understood: int
    classes: tuple[StatusClass, ...]
    requests: tuple[RequestCount, ...]
    left_out: int


class ProxyError(Record):
    """A recognised kind of line and one upstream; `text` is the latest of them."""

    found: str
    upstream: str
    times: int
    first_at: Moment
    last_at: Moment
    text: str


class ErrorLog(Record):
    path: str
    lines: tuple[ProxyError, ...]


class JournalRequests(Record):
    """Requests that were answered with 500 and above, and those of old endpoints, by the unit's
    journal of the last day: the API's, LiveKit's, another proxy's. Most name no client: there ours
    are among them. `understood` counts requests of any kind, None in older recordings. `exceptions`
    are Python's, of the latest outage."""

    unit: str
    since: Moment | None
    understood: int | None = None
    requests: tuple[RequestCount, ...]
    left_out: int
    exceptions: int
    first_exception_at: Moment | None
    last_exception_at: Moment | None


class ServerTraffic(ServerObservation):
    """`access` are the proxies' logs, `errors` nginx's; `unread` are access logs that could not be
    read."""

    kind: Literal["server.traffic"] = "server.traffic"
    access: tuple[AccessLog, ...]
    unread: tuple[str, ...] = ()
    errors: tuple[ErrorLog, ...]
    journals: tuple[JournalRequests, ...] = ()
