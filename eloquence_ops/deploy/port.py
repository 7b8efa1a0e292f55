"""Whether the server's own firewall hides the API's port, by the rules that the survey brought."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Final

from pydantic import ValidationError

from eloquence_ops.checks import server_firewall
from eloquence_ops.deploy.survey import PortOpen
from eloquence_ops.endpoints import ip_address
from eloquence_ops.observations import ServerFirewall

_UNKNOWN: Final = PortOpen()


def judged(facts: object, port: int) -> PortOpen:
    """`facts` come off the server; what does not decide it, or is none, is unknown."""
    if not isinstance(facts, dict):
        return _UNKNOWN
    try:
        told = ServerFirewall.model_validate(facts.get("rules"))
    except (ValidationError, RecursionError):
        return _UNKNOWN
    address = ip_address(str(facts.get("address") or ""))
    own = address if isinstance(address, IPv4Address) else None
    given = server_firewall.at_own(own, port, "tcp", told)
    by = server_firewall.decider(given, told)
    match given.verdict:
        case "accepted":
            return PortOpen(state="open", by=by)
        case "dropped" | "rejected":
            return PortOpen(state="closed", by=by)
        case _:
            return PortOpen(by=by)
