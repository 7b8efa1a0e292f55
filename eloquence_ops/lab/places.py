"""Where the app runs that is to see the lab, and the address that this machine has there."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from typing import Final, Literal, get_args

from eloquence_ops.errors import EloquenceError, UsageError

Kind = Literal["desktop", "emulator", "phone"]

_LOOPBACK: Final = "127.0.0.1"
# The Android emulator's router forwards this address to the loopback of the machine it runs on.
# https://developer.android.com/studio/run/emulator-networking
_HOST_OF_EMULATOR: Final = "10.0.2.2"
# An address for documentation (RFC 5737): it stands for whatever the default route leads to.
_ANYWHERE: Final = ("198.51.100.1", 9)


@dataclass(frozen=True)
class Place:
    """`address` is this machine's as the app there writes it, `listens` where the lab listens: the
    first of them is what `address` leads to, loopback is always among them."""

    kind: Kind
    address: str
    listens: tuple[str, ...] = (_LOOPBACK,)

    @property
    def is_this_machine(self) -> bool:
        """Whether the app's loopback is the lab's."""
        return self.address == _LOOPBACK

    @property
    def opens_to_network(self) -> bool:
        """Whether others than this machine can reach the lab."""
        return self.listens != (_LOOPBACK,)

    @property
    def hosts(self) -> tuple[str, ...]:
        """What a request may have in its Host header, without the port."""
        return tuple(dict.fromkeys((self.address, *self.listens, "localhost")))


def place_of(name: str) -> Place:
    """The place that `--for` names.

    Raises `UsageError` for a name that is none, `EloquenceError` for a phone where this machine is
    in no network of its own.
    """
    match name:
        case "desktop":
            return Place("desktop", _LOOPBACK)
        case "emulator":
            return Place("emulator", _HOST_OF_EMULATOR)
        case "phone":
            address = local_network_address()
            return Place("phone", address, (address, _LOOPBACK))
    raise UsageError("lab.no-place", name=name, known=", ".join(get_args(Kind)))


def local_network_address() -> str:
    """This machine's own IPv4 address on its default route; nothing is sent to find it.

    Raises `EloquenceError` without such a route, and where the address is a public one: the lab's
    key is known to everybody who reads its source.
    """
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            # Connecting a UDP socket only chooses the route and with it the source address.
            probe.connect(_ANYWHERE)
            address: str = probe.getsockname()[0]
    except OSError:
        raise EloquenceError("lab.no-network") from None
    found = ipaddress.IPv4Address(address)
    if found.is_loopback or found.is_unspecified:
        raise EloquenceError("lab.no-network")
    if found.is_global:
        raise EloquenceError("lab.public-address", address=address)
    return address
