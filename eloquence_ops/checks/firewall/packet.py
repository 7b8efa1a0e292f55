"""What is asked: a packet from outside, and what is known of the host that it reaches."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface
from typing import Literal

IpAddress = IPv4Address | IPv6Address
IpInterface = IPv4Interface | IPv6Interface
Protocol = Literal["tcp", "udp"]
Hook = Literal["ingress", "prerouting", "input", "forward", "postrouting"]


@dataclass(frozen=True)
class Packet:
    """The first packet of a client: a SYN, or one small datagram without IP options or fragments.

    `destination` is one of the host's own addresses; `interface` is where the packet comes in
    (never `lo`), None where that is not known. Raises `ValueError` if the families differ.
    """

    source: IpAddress
    destination: IpAddress
    port: int
    protocol: Protocol
    interface: str | None = None

    def __post_init__(self) -> None:
        if self.source.version != self.destination.version:
            raise ValueError("source and destination are of different families")

    @property
    def family(self) -> Literal["ip", "ip6"]:
        return "ip" if self.destination.version == 4 else "ip6"


@dataclass(frozen=True)
class Interface:
    """An interface with its addresses and their prefixes, as `ip address` shows them."""

    name: str
    addresses: tuple[IpInterface, ...]


@dataclass(frozen=True)
class Host:
    """What decides where a translated packet goes; None is not known.

    `forwards`: whether the host forwards packets of the packet's family.
    """

    interfaces: tuple[Interface, ...] | None = None
    forwards: bool | None = None

    def owns(self, address: IpAddress) -> bool | None:
        """Whether an address is this host's own."""
        if self.interfaces is None:
            return None
        return any(
            address == own.ip for interface in self.interfaces for own in interface.addresses
        )

    def way_to(self, address: IpAddress) -> str | None:
        """The interface whose network holds `address`; None if no connected network does."""
        ways = [
            (own.network.prefixlen, interface.name)
            for interface in self.interfaces or ()
            for own in interface.addresses
            if own.version == address.version and address in own.network
        ]
        return max(ways)[1] if ways else None


@dataclass(frozen=True)
class InFlight:
    """The packet at one point of its way: what rules before this one may have changed.

    None in a field is: one of several, not known which. `local`: meant for this host.
    """

    asked: Packet
    hook: Hook
    source: IpAddress | None
    destination: IpAddress | None
    port: int | None
    in_interface: str | None
    local: bool | None = True
    out_interface: str | None = None
    tracking: Literal["not-yet", "new", "untracked"] = "not-yet"
    translated: bool | None = False
    nat_done: bool = False
    mark: int | None = 0
    connection_mark: int | None = 0
    packet_type: int | None = 0

    @classmethod
    def of(cls, asked: Packet) -> InFlight:
        """As it arrives."""
        return cls(asked, "ingress", asked.source, asked.destination, asked.port, asked.interface)
