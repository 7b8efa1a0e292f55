"""TCP: does something answer at this address and port?"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import time
from typing import Final

from eloquence_ops.findings import Family, Vantage
from eloquence_ops.observations.transport import TcpConnect, TcpOutcome
from eloquence_ops.probes.channel import Channel, SelfConnected, socket_address

_NO_ROAD: Final = frozenset(
    {
        errno.ENETUNREACH,
        errno.EHOSTUNREACH,
        errno.EADDRNOTAVAIL,
        errno.EAFNOSUPPORT,
        errno.ENETDOWN,
        errno.EACCES,  # a route of type "prohibit", or ICMP "administratively prohibited"
    }
)


async def connect(
    endpoint_name: str,
    family: Family,
    address: str,
    port: int,
    *,
    timeout_s: float,
    started: float,
    vantage: Vantage = Vantage.HERE,
) -> TcpConnect:
    """One connection attempt, closed at once. `started` is the run's `time.monotonic()`.

    Never raises for what the network does. The kernel resends the SYN after 1, 3 and 7 seconds
    (RFC 6298), so a `timeout_s` above 3 tells silence from two lost packets.
    """
    begun = time.monotonic()
    outcome: TcpOutcome = "connected"
    detail = ""
    deadline = asyncio.timeout(timeout_s)
    try:
        async with deadline:
            try:
                channel = await Channel.open(family, address, port)
            except OSError as error:
                # Kept here: a TimeoutError of the kernel is not the deadline's.
                outcome, detail = outcome_of(error, family, address), describe(error)
            else:
                channel.close()
    except TimeoutError:
        if not deadline.expired():
            raise
        outcome = "silent"
    return TcpConnect(
        vantage=vantage,
        at_s=begun - started,
        duration_s=time.monotonic() - begun,
        endpoint=endpoint_name,
        family=family,
        address=address,
        port=port,
        outcome=outcome,
        detail=detail,
    )


def outcome_of(error: OSError, family: Family, address: str) -> TcpOutcome:
    """What a failed connection attempt to `address` means."""
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    if error.errno == errno.ETIMEDOUT:
        return "silent"  # the kernel gave up resending before our deadline
    if error.errno in _NO_ROAD:
        return "unreachable" if has_route(family, address) else "no-route-here"
    return "failed"


def has_route(family: Family, address: str) -> bool:
    """Whether this machine knows a way to `address`. Nothing is sent.

    Connecting a UDP socket makes the kernel choose a route and a source address, and no more.
    That tells its own ENETUNREACH from the one an ICMP error brings.
    """
    kind = socket.AF_INET if family is Family.IPV4 else socket.AF_INET6
    try:
        with socket.socket(kind, socket.SOCK_DGRAM) as probe:
            probe.connect(socket_address(family, address, 9))
    except OSError:
        return False
    return True


def describe(error: OSError) -> str:
    """`ECONNREFUSED: Connection refused`; for errors of the resolver and others their own words."""
    number = error.errno
    if isinstance(error, SelfConnected) or number is None or number not in errno.errorcode:
        return str(error) or type(error).__name__
    return f"{errno.errorcode[number]}: {os.strerror(number)}"
