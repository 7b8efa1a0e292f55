"""The server's own firewall beside what was met from outside: who drops what the app sends?

The rules are followed for a packet from somebody out there. Where a connection came about, that
counts, and not what the rules seem to say.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal, NamedTuple
from urllib.parse import urlsplit

from eloquence_ops.checks import server_places as places
from eloquence_ops.checks.firewall.answer import Answer, Doubt, Feature
from eloquence_ops.checks.firewall.packet import IpAddress, Packet, Protocol
from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.checks.server_proxied import outside
from eloquence_ops.endpoints import Endpoint, Role, ip_address, scope_of
from eloquence_ops.findings import Evidence, Family
from eloquence_ops.observations import ServerFirewall, ServerListeners
from eloquence_ops.observations.transport import TcpOutcome
from eloquence_ops.untrusted import one_line

# The evaluator is imported when a firewall was read: it is a tenth of a whole start otherwise.
if TYPE_CHECKING:
    from eloquence_ops.checks.firewall import sources

# Somebody out there, as ordinary as can be: these addresses are asked about, never sent to.
_STRANGERS: Final[dict[Family, IpAddress]] = {
    Family.IPV4: ipaddress.IPv4Address("8.8.8.8"),
    Family.IPV6: ipaddress.IPv6Address("2001:4860:4860::8888"),
}
# Stands for an address of the server's own that is not known (RFC 5737).
_NOWHERE: Final = "192.0.2.1"
_LONGEST_RULE: Final = 80


class Met(NamedTuple):
    """One address of an endpoint, and what a connection from outside came to, if one was tried."""

    family: Family
    address: IpAddress
    outside: TcpOutcome | None


@check(
    "server.firewall",
    feeds=("facts",),
    outcomes={
        "ok": "port",
        "reached": "port",
        "denied": "port rule",
        "ufw-denies": "port rule",
        "before": "port",
        "open": "port feature detail",
        "not-read": "reason",
        "not-needed": "",
    },
)
def firewall(role: Role, seen: Seen) -> Judgement:
    """Whether the server lets the public port in, over each address family that is in use."""
    endpoint, told = seen.target.endpoint(role), seen.one(ServerFirewall)
    met = list(met_at(endpoint, seen)) if endpoint else []
    if endpoint is None or not met:
        yield Verdict("not-needed")
        return
    if told is None:
        return
    for one in met:
        given = asked(one, endpoint.port, "tcp", told)
        yield _judged(one, given, endpoint, told, seen)


def _judged(
    met: Met, given: Answer, endpoint: Endpoint, told: ServerFirewall, seen: Seen
) -> Verdict:
    port: Evidence = {"port": endpoint.port}
    # A refusal came from somewhere: what is dropped gets none.
    came_back = met.outside == "connected" or (
        met.outside == "refused" and given.verdict != "rejected"
    )
    match given.verdict:
        case "accepted" if met.outside == "silent" and _somebody_listens(endpoint, seen):
            return Verdict("before", port, met.family)
        case "accepted":
            return Verdict("ok", port, met.family)
        case _ if came_back:
            return Verdict("reached", port, met.family)
        case "dropped" | "rejected":
            outcome = "ufw-denies" if _is_ufws(given, told) else "denied"
            return Verdict(outcome, {**port, "rule": rule_of(given)}, met.family)
        case _:
            return left_open(given, port, met.family, told)


def left_open(given: Answer, about: Evidence, family: Family, told: ServerFirewall) -> Verdict:
    """Rules that do not decide it, or that could not be read."""
    doubt = given.doubt
    if doubt is None or doubt.feature == "not-read":
        unread = next(iter(told.unknown), None)
        return Verdict("not-read", {"reason": unread.reason if unread else "not-found"}, family)
    detail = one_line(doubt.detail or doubt.rule, limit=_LONGEST_RULE)
    return Verdict("open", {**about, "feature": doubt.feature.value, "detail": detail}, family)


def _somebody_listens(endpoint: Endpoint, seen: Seen) -> bool:
    listeners = seen.one(ServerListeners)
    return listeners is not None and places.listens_for(endpoint, listeners, seen)


def asked(met: Met, port: int, protocol: Protocol, told: ServerFirewall) -> Answer:
    """What the rules do with a packet from outside to one of the server's addresses."""
    if str(met.address) == _NOWHERE and _names_addresses(told):
        return Answer("unknown", doubt=Doubt(Feature.ROUTING, "daddr"))
    from eloquence_ops.checks.firewall.evaluate import answer

    packet = Packet(_from_outside(met), met.address, port, protocol)
    return answer(_firewall(told), packet)


def at_own(
    address: ipaddress.IPv4Address | None, port: int, protocol: Protocol, told: ServerFirewall
) -> Answer:
    """The same for an address that the server itself says it has, where it says one."""
    met = Met(Family.IPV4, address or ipaddress.IPv4Address(_NOWHERE), None)
    return asked(met, port, protocol, told)


def met_at(endpoint: Endpoint, seen: Seen) -> Iterator[Met]:
    """The addresses that the app would use: one a family. Loopback passes no firewall."""
    if seen.target.redirection(endpoint):
        return  # another address stands in for the real one, which nobody tried
    tried = {entry.family: entry for entry in reversed(outside(endpoint, seen))}
    lookup = seen.lookup(endpoint.host)
    known = {entry.family: entry.address for entry in reversed(lookup.addresses if lookup else ())}
    if lookup is None and not tried:
        own = _own_address(endpoint, seen)
        known = {Family.IPV6 if ":" in own else Family.IPV4: own}
    for family in Family:
        attempt = tried.get(family)
        address = ip_address(attempt.address if attempt else known.get(family, ""))
        if address is None or scope_of(str(address)) == "loopback":
            continue
        yield Met(family, address, attempt.outcome if attempt else None)


def _own_address(endpoint: Endpoint, seen: Seen) -> str:
    """Where only the inside is looked at, no name was resolved; rules seldom name the own address.

    Those that do say nothing of the one that stands for it here: `_names_addresses`.
    """
    server = urlsplit(f"//{seen.target.server or ''}").hostname or ""
    return next((host for host in (endpoint.host, server) if ip_address(host)), _NOWHERE)


def _names_addresses(told: ServerFirewall) -> bool:
    """`_NOWHERE` is of IPv4: what ip6tables does never meets it."""
    texts = (told.nft, told.iptables, told.iptables_legacy)
    return any(text and ('"daddr"' in text or " -d " in text) for text in texts)


def _from_outside(met: Met) -> IpAddress:
    """A stranger; for a private address somebody in its own network."""
    if scope_of(str(met.address)) == "public":
        return _STRANGERS[met.family]
    network = ipaddress.ip_network(f"{met.address}/{met.address.max_prefixlen - 8}", strict=False)
    return next(host for host in network.hosts() if host != met.address)


def _firewall(told: ServerFirewall) -> sources.Firewall:
    from eloquence_ops.checks.firewall import sources

    return _read(
        sources.Said(
            nft=told.nft,
            iptables=_saved(told, "iptables"),
            ip6tables=_saved(told, "ip6tables"),
            ufw_active=told.ufw.enabled if told.ufw else None,
        )
    )


def _saved(told: ServerFirewall, name: str) -> str | None:
    """What iptables-save said, and what its legacy kind did. Where there is no such program, it
    has written no rules, and those that others wrote for it stand in nft's list."""
    texts = {"iptables": (told.iptables, told.iptables_legacy)}
    texts["ip6tables"] = (told.ip6tables, told.ip6tables_legacy)
    text, legacy = texts[name]
    missing = told.why_unknown(name)
    if text is None and missing is not None and missing.reason == "no-such-program":
        text = ""
    if text is None or (legacy is None and told.why_unknown(f"{name}_legacy")):
        return None
    return text + (legacy or "")


@lru_cache(maxsize=4)
def _read(said: sources.Said) -> sources.Firewall:
    from eloquence_ops.checks.firewall import sources

    return sources.read(said)


def rule_of(given: Answer) -> str:
    """The rule in its own words; a policy with the chain whose it is."""
    place = given.place
    whose = f"{place.chain}: " if place is not None and place.position is None else ""
    return one_line(f"{whose}{given.rule or given.verdict}", limit=_LONGEST_RULE)


def decider(given: Answer, told: ServerFirewall) -> Literal["ufw", "nftables", "iptables"] | None:
    """Whose word it was; None where nobody decided."""
    if _is_ufws(given, told):
        return "ufw"
    if given.place is None:
        return None
    return "nftables" if given.place.source == "nftables" else "iptables"


def _is_ufws(given: Answer, told: ServerFirewall) -> bool:
    """Whether ufw has decided: by a rule of its own, or by the policy that it sets."""
    if told.ufw is None or not told.ufw.enabled or given.place is None:
        return False
    chain = given.place.chain
    return chain.startswith(("ufw-", "ufw6-")) or (chain == "INPUT" and not given.place.position)
