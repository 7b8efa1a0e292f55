"""What the end of one connection attempt says of a port. Pure."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from typing import Final, NamedTuple

from eloquence_ops.observations.ports import TcpState

FILTERED_AFTER_S: Final = 3.2
"""The kernel resends a SYN after 1 and 3 seconds (RFC 6298): three probes by then."""

_HERE: Final = frozenset(
    {
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOBUFS,
        errno.ENOMEM,
        errno.EADDRNOTAVAIL,
        errno.EADDRINUSE,
        errno.EPERM,
        errno.EAGAIN,
        errno.EINVAL,
        errno.EAFNOSUPPORT,
        errno.ENETDOWN,
    }
)
# RFC 792, RFC 1812 and RFC 4443: what a router writes, and what a firewall does. A host whose port
# has no listener answers TCP with a RST, never with "port unreachable".
_OF_FIREWALLS_V4: Final = {
    3: "port unreachable",
    9: "network administratively prohibited",
    10: "host administratively prohibited",
    13: "communication administratively prohibited",
}
_OF_ROUTERS_V4: Final = {0: "network unreachable", 1: "host unreachable", 2: "no such protocol"}
_OF_FIREWALLS_V6: Final = {
    1: "communication administratively prohibited",
    4: "port unreachable",
    5: "source address failed a policy",
    6: "route rejected",
}
_OF_ROUTERS_V6: Final = {0: "no route", 2: "beyond scope", 3: "address unreachable"}


class Icmp(NamedTuple):
    """The error that came back by ICMP, and who sent it."""

    version: int
    type: int
    code: int
    sender: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    state: TcpState
    detail: str = ""


OPEN: Final = Outcome("open")
CLOSED: Final = Outcome("closed")


def outcome(error: int, icmp: Icmp | None = None) -> Outcome:
    """Of a connection attempt that ended: `error` is its errno, 0 where it was accepted."""
    if error == 0:
        return OPEN
    if icmp is not None:
        return _of_icmp(icmp)
    if error in (errno.ECONNREFUSED, errno.ECONNRESET):
        return CLOSED
    if error == errno.ETIMEDOUT:
        return Outcome("filtered")  # the kernel itself gave up, after more than a minute
    return Outcome("local" if error in _HERE else "unreachable", name_of(error))


def unanswered(waited_s: float) -> Outcome:
    """Of one of which nothing came back."""
    return Outcome("filtered" if waited_s >= FILTERED_AFTER_S else "silent")


def _of_icmp(icmp: Icmp) -> Outcome:
    is_v4 = icmp.version == 4
    by = f" ({icmp.sender})" if icmp.sender else ""
    if icmp.type == (3 if is_v4 else 1):
        firewalls = _OF_FIREWALLS_V4 if is_v4 else _OF_FIREWALLS_V6
        routers = _OF_ROUTERS_V4 if is_v4 else _OF_ROUTERS_V6
        if icmp.code in firewalls:
            return Outcome("rejected", f"ICMP {firewalls[icmp.code]}{by}")
        if icmp.code in routers:
            return Outcome("unreachable", f"ICMP {routers[icmp.code]}{by}")
    return Outcome("unreachable", f"ICMP type {icmp.type} code {icmp.code}{by}")


def name_of(error: int) -> str:
    return errno.errorcode.get(error, f"errno {error}")
