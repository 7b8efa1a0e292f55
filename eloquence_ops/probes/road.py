"""How an endpoint is reached once its name is resolved: the exact address to connect to."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from eloquence_ops.endpoints import Endpoint
from eloquence_ops.findings import Family

Dial = Callable[[str, int], Awaitable[socket.socket]]
"""Connects to an address and a port somewhere else. Raises `OSError`, as connecting here would."""


@dataclass(frozen=True, slots=True)
class Road:
    """`address:port` is where to connect; the endpoint's own host stays in Host and SNI.

    `via` connects from another machine, where that is the vantage.
    """

    endpoint: Endpoint
    family: Family
    address: str
    port: int
    via: Dial | None = None
