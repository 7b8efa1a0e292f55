"""The facts that probes hand to one another within a run."""

from __future__ import annotations

from typing import Final, Literal

from eloquence_ops.endpoints import Endpoint
from eloquence_ops.observations import AddressLookup
from eloquence_ops.probes.http import HttpClient
from eloquence_ops.probes.session import OpenedSession
from eloquence_ops.run.board import Fact
from eloquence_ops.secrets import Secret

Role = Literal["api", "livekit", "handed-out"]

SESSION: Final = Fact[OpenedSession]("session")
API_KEY: Final = Fact[Secret]("api-key")
SESSIONS_ROUTE: Final = Fact[bool]("sessions-route")


def endpoint_of(role: Role) -> Fact[Endpoint]:
    return Fact(f"endpoint:{role}")


def lookup_of(role: Role) -> Fact[AddressLookup]:
    return Fact(f"lookup:{role}")


def others_of(role: Role) -> Fact[list[HttpClient]]:
    """Clients for the address families beside the first that works."""
    return Fact(f"other-clients:{role}")


def dead_of(role: Role) -> Fact[AddressLookup]:
    """There when a name leads somewhere and no connection to its port works."""
    return Fact(f"dead:{role}")


def client_of(role: Role) -> Fact[HttpClient]:
    return Fact(f"client:{role}")
