"""How an endpoint is reached once its name is resolved: the exact address to connect to."""

from __future__ import annotations

from dataclasses import dataclass

from eloquence_ops.endpoints import Endpoint
from eloquence_ops.findings import Family


@dataclass(frozen=True, slots=True)
class Road:
    """`address:port` is where to connect; the endpoint's own host stays in Host and SNI."""

    endpoint: Endpoint
    family: Family
    address: str
    port: int
