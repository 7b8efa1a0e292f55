"""This machine as a suspect: has it a way out, and do proxy variables lead its tools elsewhere?"""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from typing import Final

from eloquence_ops.endpoints import ip_address
from eloquence_ops.findings import Family, Vantage
from eloquence_ops.observations.machine import MachineClock, MachineNetwork
from eloquence_ops.probes.channel import socket_address
from eloquence_ops.probes.proxy import proxy_for, trial

__all__ = ["PROXY_VARIABLES", "clock", "leads_out", "network", "proxy_for", "trial"]

# Documentation addresses (RFC 5737, RFC 3849): routed like any public one, and nobody's.
_FAR_AWAY: Final = {Family.IPV4: "192.0.2.1", Family.IPV6: "2001:db8::1"}
_DISCARD: Final = 9

PROXY_VARIABLES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
"""Each is read in lower case as well."""


def network(*, environ: Mapping[str, str], started: float) -> MachineNetwork:
    """Routes and proxy variables. Sends nothing. `started` is the run's `time.monotonic()`."""
    begun = time.monotonic()
    return MachineNetwork(
        vantage=Vantage.HERE,
        at_s=begun - started,
        routes=tuple(family for family, address in _FAR_AWAY.items() if leads_out(family, address)),
        proxy_variables=tuple(
            name
            for upper in PROXY_VARIABLES
            for name in (upper, upper.lower())
            if environ.get(name)
        ),
        duration_s=time.monotonic() - begun,
    )


def clock(*, started: float) -> MachineClock:
    """Whether somebody keeps the clock here. `started` is the run's `time.monotonic()`."""
    begun = time.monotonic()
    return MachineClock(
        vantage=Vantage.HERE,
        at_s=begun - started,
        synchronised=_is_synchronised(),
        duration_s=time.monotonic() - begun,
    )


def _is_synchronised() -> bool | None:
    from eloquence_ops.server.remote.clock import is_synchronised
    from eloquence_ops.server.remote.reading import Unreadable

    try:
        return is_synchronised()
    except (Unreadable, AttributeError, OSError, TypeError):
        return None  # no Linux, whose C library alone has adjtimex, or not allowed


def leads_out(family: Family, address: str) -> bool:
    """Whether packets to `address` would leave this machine with a source that can be answered.

    Connecting a UDP socket chooses a route and a source address and sends nothing. A source on
    loopback stays here; a link-local one is all that IPv6 has where no router gave a prefix.
    """
    kind = socket.AF_INET if family is Family.IPV4 else socket.AF_INET6
    try:
        with socket.socket(kind, socket.SOCK_DGRAM) as probe:
            probe.connect(socket_address(family, address, _DISCARD))
            source = ip_address(probe.getsockname()[0])
    except OSError:
        return False
    return source is not None and not (
        source.is_loopback or source.is_link_local or source.is_unspecified
    )
