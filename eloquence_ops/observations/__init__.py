"""What probes saw: typed, immutable, redacted when made, to JSON and back unchanged.

One module a protocol. A new kind of observation is a new model with its own `kind`,
added to `AnyObservation`.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from eloquence_ops.observations.app_source import AppSource
from eloquence_ops.observations.base import Observation
from eloquence_ops.observations.certificates import (
    AddressAnswer,
    NamelessAnswer,
    StapleAnswer,
    TlsChain,
    TlsVersions,
)
from eloquence_ops.observations.http import HttpExchange
from eloquence_ops.observations.ice import IceTrial, RoomLeftOpen, RoomList
from eloquence_ops.observations.machine import MachineClock, MachineNetwork, ProxyTrial
from eloquence_ops.observations.media import MediaCall, MediaReconnect, MediaSetup, MediaWay
from eloquence_ops.observations.names import AddressLookup, NameShown, NameSurvey
from eloquence_ops.observations.ports import PortScan, UdpProof
from eloquence_ops.observations.server import ServerFacts
from eloquence_ops.observations.server_firewall import ServerFirewall
from eloquence_ops.observations.server_installation import ServerInstallation
from eloquence_ops.observations.server_livekit import LiveKitConfig
from eloquence_ops.observations.server_machine import ServerChanges, ServerClock, ServerMachine
from eloquence_ops.observations.server_proxy import ServerCertificates, ServerProxies, ServerTraffic
from eloquence_ops.observations.server_reach import ServerReach
from eloquence_ops.observations.server_sockets import ServerListeners, ServerProcesses
from eloquence_ops.observations.server_units import KernelLog, UnitJournal, UnitState
from eloquence_ops.observations.session import ApiRoutes, SessionAnswer, SessionLeftOpen
from eloquence_ops.observations.signal import LivekitSignal
from eloquence_ops.observations.transport import TcpConnect, TlsHandshake
from eloquence_ops.observations.websocket_offer import WebsocketOffer

ServerFact = (
    ServerFacts
    | UnitState
    | UnitJournal
    | KernelLog
    | ServerListeners
    | ServerProcesses
    | ServerFirewall
    | ServerInstallation
    | LiveKitConfig
    | ServerProxies
    | ServerCertificates
    | ServerTraffic
    | ServerMachine
    | ServerClock
    | ServerChanges
)
"""What one round trip to the server brings back."""

AnyObservation = Annotated[
    MachineNetwork
    | MachineClock
    | ProxyTrial
    | AddressLookup
    | NameShown
    | AppSource
    | NameSurvey
    | TcpConnect
    | TlsHandshake
    | TlsChain
    | NamelessAnswer
    | AddressAnswer
    | StapleAnswer
    | TlsVersions
    | WebsocketOffer
    | HttpExchange
    | ApiRoutes
    | SessionAnswer
    | SessionLeftOpen
    | LivekitSignal
    | PortScan
    | UdpProof
    | IceTrial
    | RoomList
    | RoomLeftOpen
    | MediaSetup
    | MediaWay
    | MediaReconnect
    | MediaCall
    | ServerReach
    | ServerFact,
    Field(discriminator="kind"),
]

__all__ = [
    "AddressAnswer",
    "AddressLookup",
    "AnyObservation",
    "ApiRoutes",
    "AppSource",
    "HttpExchange",
    "IceTrial",
    "KernelLog",
    "LiveKitConfig",
    "LivekitSignal",
    "MachineClock",
    "MachineNetwork",
    "MediaCall",
    "MediaReconnect",
    "MediaSetup",
    "MediaWay",
    "NameShown",
    "NameSurvey",
    "NamelessAnswer",
    "Observation",
    "PortScan",
    "ProxyTrial",
    "RoomLeftOpen",
    "RoomList",
    "ServerCertificates",
    "ServerChanges",
    "ServerClock",
    "ServerFact",
    "ServerFacts",
    "ServerFirewall",
    "ServerInstallation",
    "ServerListeners",
    "ServerMachine",
    "ServerProcesses",
    "ServerProxies",
    "ServerReach",
    "ServerTraffic",
    "SessionAnswer",
    "SessionLeftOpen",
    "StapleAnswer",
    "TcpConnect",
    "TlsChain",
    "TlsHandshake",
    "TlsVersions",
    "UdpProof",
    "UnitJournal",
    "UnitState",
    "WebsocketOffer",
]
