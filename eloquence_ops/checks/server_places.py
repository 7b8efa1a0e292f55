"""Where the services listen on the server, as its facts tell it.

What listens counts most, then what the unit's command says, then the ports of the guide.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeVar

from eloquence_ops.checks import service_ports
from eloquence_ops.checks.seen import Seen
from eloquence_ops.checks.service_ports import API_PORT
from eloquence_ops.endpoints import Endpoint, Role, ip_address
from eloquence_ops.observations import (
    AnyObservation,
    LiveKitConfig,
    ServerListeners,
    ServerProcesses,
    UnitState,
)
from eloquence_ops.settings import Target

_LOOPBACK: Final = "127.0.0.1"
_Fact = TypeVar("_Fact", bound=AnyObservation)


@dataclass(frozen=True, slots=True)
class Place:
    """An address of the server's own, and a port there."""

    address: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{host}:{self.port}"


def of_service(role: Role, target: Target, facts: Iterable[AnyObservation]) -> Place:
    """Where to ask for a service on the server itself."""
    known = tuple(facts)
    port = _api_port(target, known) if role == "api" else _livekit_port(target, known)
    return Place(_address_of(port, role, known), port)


def of_proxy(endpoint: Endpoint, facts: Iterable[AnyObservation]) -> Place:
    """Where to ask for what serves the public address."""
    return Place(_address_of(endpoint.port, "api", tuple(facts)), endpoint.port)


def passes_proxy(role: Role, target: Target, facts: Iterable[AnyObservation]) -> bool:
    """Whether the public address is a proxy's: neither service ends TLS by itself."""
    endpoint = target.endpoint(role)
    if endpoint is None:
        return False
    return endpoint.secure or endpoint.port != of_service(role, target, facts).port


def listens_for(endpoint: Endpoint, listeners: ServerListeners, seen: Seen) -> bool:
    """Whether somebody takes connections at a public port from where its address can be used."""
    addresses = [ip_address(entry.address) for entry in listeners.on(endpoint.port)]
    own = seen.scope(endpoint.host) == "loopback"
    return any(own or (address is not None and not address.is_loopback) for address in addresses)


def _one(kind: type[_Fact], facts: tuple[AnyObservation, ...]) -> _Fact | None:
    return next((entry for entry in facts if isinstance(entry, kind)), None)


def _api_port(target: Target, facts: tuple[AnyObservation, ...]) -> int:
    """The unit's, or else that of an API which runs in another way."""
    name, listeners = target.api_unit, _one(ServerListeners, facts)
    processes = _one(ServerProcesses, facts)
    others = [port for entry in (processes.api if processes else ()) for port in entry.ports or ()]
    if others and not service_ports.held_by(name, listeners):
        return API_PORT if API_PORT in others else min(others)
    return service_ports.of_api(name, _unit(name, facts), listeners).number


def _livekit_port(target: Target, facts: tuple[AnyObservation, ...]) -> int:
    name, listeners = target.livekit_unit, _one(ServerListeners, facts)
    config = _one(LiveKitConfig, facts)
    return service_ports.of_livekit(name, _unit(name, facts), config, listeners).number


def _unit(name: str, facts: tuple[AnyObservation, ...]) -> UnitState | None:
    units = (entry for entry in facts if isinstance(entry, UnitState))
    return next((entry for entry in units if entry.name == name), None)


def _address_of(port: int, role: Role, facts: tuple[AnyObservation, ...]) -> str:
    """Loopback wherever it serves, or else the very address that is listened on."""
    found = _one(ServerListeners, facts)
    addresses = [entry.address for entry in found.on(port)] if found else []
    if not addresses or {"0.0.0.0", _LOOPBACK} & set(addresses):  # noqa: S104  # compared only
        return _LOOPBACK
    if "::" in addresses:
        # asyncio's sockets take IPv6 alone, those of LiveKit's Go both.
        return "::1" if role == "api" else _LOOPBACK
    return sorted(addresses)[0]
