"""What probes saw: typed, immutable, redacted when made, to JSON and back unchanged.

One module a protocol. A new kind of observation is a new model with its own `kind`,
added to `AnyObservation`.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from eloquence_ops.observations.base import Observation
from eloquence_ops.observations.http import HttpExchange
from eloquence_ops.observations.machine import MachineNetwork, ProxyTrial
from eloquence_ops.observations.names import AddressLookup
from eloquence_ops.observations.session import ApiRoutes, SessionAnswer, SessionLeftOpen
from eloquence_ops.observations.transport import TcpConnect, TlsHandshake

AnyObservation = Annotated[
    MachineNetwork
    | ProxyTrial
    | AddressLookup
    | TcpConnect
    | TlsHandshake
    | HttpExchange
    | ApiRoutes
    | SessionAnswer
    | SessionLeftOpen,
    Field(discriminator="kind"),
]

__all__ = [
    "AddressLookup",
    "AnyObservation",
    "ApiRoutes",
    "HttpExchange",
    "MachineNetwork",
    "Observation",
    "ProxyTrial",
    "SessionAnswer",
    "SessionLeftOpen",
    "TcpConnect",
    "TlsHandshake",
]
