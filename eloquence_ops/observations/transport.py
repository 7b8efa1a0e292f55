"""TCP and TLS, per address family."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from eloquence_ops.findings import Family
from eloquence_ops.observations.base import Observation, Record

TcpOutcome = Literal["connected", "refused", "silent", "unreachable", "no-route-here", "failed"]
TlsOutcome = Literal[
    "ok",
    "expired",
    "not-yet-valid",
    "name-mismatch",
    "untrusted",
    "plaintext",
    "other-protocol",
    "closed",
    "silent",
    "no-common-version",
    "failed",
]


class TcpConnect(Observation):
    """One connection attempt.

    `silent`: no answer within the deadline (the kernel resent the SYN meanwhile).
    `no-route-here`: this machine has no route for the family; nothing was sent.
    `unreachable`: an ICMP error came back. `address` and `port` are where it really
    connected: a redirection of the settings may have replaced the endpoint's own.
    """

    kind: Literal["transport.tcp"] = "transport.tcp"
    endpoint: str
    family: Family
    address: str
    port: int
    outcome: TcpOutcome
    detail: str = ""


class Certificate(Record):
    """The leaf certificate as served. `names` are DNS and IP subject alternative names."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime


class TlsHandshake(Observation):
    """One TLS handshake, verified as a client verifies it: chain as sent, name, dates.

    `server_name` is what the certificate must be for; a name is sent as SNI, an address is not.
    `plaintext`: HTTP without TLS was spoken; `other-protocol`: something else, of which `protocol`
    is the name (`unknown-protocol` where it has none) and `excerpt` the beginning. `closed`,
    `silent`: TCP was connected, and the handshake ended or stayed without an answer.
    """

    kind: Literal["transport.tls"] = "transport.tls"
    endpoint: str
    family: Family
    address: str
    server_name: str
    outcome: TlsOutcome
    version: str = ""
    certificate: Certificate | None = None
    detail: str = ""
    protocol: str = ""
    excerpt: str = ""
