"""What a rule's steps do to the packet itself."""

from __future__ import annotations

from dataclasses import replace

from eloquence_ops.checks.firewall.answer import Feature
from eloquence_ops.checks.firewall.model import Change, Field, Translate, Unclear, Untrack
from eloquence_ops.checks.firewall.packet import Host, InFlight, IpAddress


def changed(packet: InFlight, step: Change | Untrack) -> InFlight:
    """The packet after a step that sets something."""
    match step:
        case Untrack():
            late = packet.tracking != "not-yet"
            return packet if late else replace(packet, tracking="untracked")
        case Change(Field.MARK):
            return replace(packet, mark=step.value)
        case Change(Field.CONNECTION_MARK):
            # There is no connection to mark before conntrack has made one.
            tracked = packet.tracking == "new"
            return replace(packet, connection_mark=step.value) if tracked else packet
        case Change(Field.PORT):
            return replace(packet, port=step.value)
        case Change(Field.PACKET_TYPE):
            return replace(packet, packet_type=step.value)
        case _:
            return replace(packet, source=None)


def translated(packet: InFlight, step: Translate, host: Host) -> InFlight | Unclear:
    """The packet with its new destination, and whether that is this host."""
    port = packet.port
    if step.port != "kept":
        port = None if step.port == "any" else step.port
    address: IpAddress | None
    local: bool | None
    match step.address:
        case "kept":
            address, local = packet.destination, packet.local
        case "own":
            # The first address of the interface (nf_nat_redirect.c): which, is not known here.
            address, local = None, True
        case "any":
            address, local = None, None
        case address if address.is_loopback:
            # Let in from outside only with route_localnet.
            return Unclear(Feature.ROUTING, str(address))
        case address:
            local = True if address == packet.asked.destination else host.owns(address)
    differs = _differs((port, packet.port), (address, packet.destination))
    return replace(
        packet, destination=address, port=port, local=local, translated=differs, nat_done=True
    )


def _differs(*pairs: tuple[object | None, object | None]) -> bool | None:
    """Whether one pair differs; None where that is not known."""
    if any(None not in pair and pair[0] != pair[1] for pair in pairs):
        return True
    return None if any(None in pair for pair in pairs) else False
