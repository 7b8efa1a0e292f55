"""Names to addresses: as the system resolves them, or as one chosen resolver does."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterable
from typing import Final

from eloquence_ops.endpoints import ip_address
from eloquence_ops.findings import Family, Vantage
from eloquence_ops.observations.names import Address, AddressLookup
from eloquence_ops.probes.resolver_query import Said, ask
from eloquence_ops.untrusted import one_line

_MOST_ADDRESSES: Final = 16
_FAMILIES: Final = {socket.AF_INET: Family.IPV4, socket.AF_INET6: Family.IPV6}
# glibc's netdb.h; EAI_NODATA and EAI_ADDRFAMILY are missing from Python on other systems.
_NO_NAME: Final = {socket.EAI_NONAME}
_NO_ADDRESS: Final = {
    getattr(socket, name) for name in ("EAI_NODATA", "EAI_ADDRFAMILY") if hasattr(socket, name)
} - _NO_NAME


async def look_up(
    host: str,
    *,
    resolver: tuple[str, int] | None,
    timeout_s: float,
    started: float,
    vantage: Vantage = Vantage.HERE,
) -> AddressLookup:
    """A and AAAA of `host` (an A-label name or an address). Never raises for what a resolver does.

    `resolver` is asked directly, without search domains and hosts file; `localhost` is this
    machine whatever a resolver says (RFC 6761). `started` is the run's `time.monotonic()`.
    """
    begun = time.monotonic()
    if literal := ip_address(host):
        family = Family.IPV4 if literal.version == 4 else Family.IPV6
        name, said = "none", Said("found", (Address(family=family, address=host),))
    elif resolver is None or host == "localhost" or host.endswith(".localhost"):
        name, said = "system", await _ask_system(host, timeout_s)
    else:
        address, port = resolver
        name = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        said = await ask(host, address, port, timeout_s)
    return AddressLookup(
        vantage=vantage,
        at_s=begun - started,
        duration_s=time.monotonic() - begun,
        host=host,
        resolver=name,
        outcome=said.outcome,
        addresses=_sorted(said.addresses),
        detail=one_line(said.detail, limit=300),
    )


def _sorted(addresses: Iterable[Address]) -> tuple[Address, ...]:
    each = dict.fromkeys(addresses)
    return tuple(sorted(each, key=lambda entry: entry.family is Family.IPV6))[:_MOST_ADDRESSES]


async def _ask_system(host: str, timeout_s: float) -> Said:
    """`getaddrinfo`, in a thread of its own that may hang for as long as it likes.

    It cannot be cancelled. The threads of asyncio's executor are joined at the end of the
    program; a daemon thread is not.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Said] = loop.create_future()

    def deliver(said: Said) -> None:
        if not answer.done():
            answer.set_result(said)

    def resolve() -> None:
        said = _getaddrinfo(host)
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(deliver, said)

    threading.Thread(target=resolve, name=f"getaddrinfo {host}", daemon=True).start()
    try:
        async with asyncio.timeout(timeout_s):
            return await answer
    except TimeoutError:
        return Said("no-answer", detail=f"nothing within {timeout_s:g} s")


def _getaddrinfo(host: str) -> Said:
    """Blocking. No AI_ADDRCONFIG: whether this machine has IPv6 is asked elsewhere."""
    try:
        found = socket.getaddrinfo(host.encode("ascii"), None, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        if error.errno in _NO_NAME:
            return Said("no-name", detail=str(error.strerror))
        if error.errno in _NO_ADDRESS:
            return Said("no-address", detail=str(error.strerror))
        return Said("no-answer", detail=str(error.strerror))
    except (OSError, ValueError) as error:
        return Said("no-answer", detail=f"{type(error).__name__}: {error}")
    addresses = tuple(
        Address(family=_FAMILIES[family], address=_with_zone(*sockaddr))
        for family, _, _, _, sockaddr in found
        if family in _FAMILIES
    )
    return Said("found", addresses) if addresses else Said("no-address")


def _with_zone(address: str | int, _port: object, _flow: int = 0, scope: int = 0) -> str:
    """A link-local address means something only together with its interface."""
    return f"{address}%{scope}" if scope and "%" not in str(address) else str(address)
