"""Whose a name is: the zone that it is in, and the servers that are named for that zone.

A zone that is served says so itself. Where none of its servers does, the domain above still tells
to whom it has given the name away, and those can be asked one by one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from eloquence_ops.observations.names import ServerAnswer
from eloquence_ops.probes.name_server import NameServer, Reply, addresses_of, put
from eloquence_ops.untrusted import one_line

if TYPE_CHECKING:
    from dns.rrset import RRset

MOST_AUTHORITIES: Final = 8
# A name may have 127 labels; a domain that people use lies not that deep.
_MOST_ANCESTORS: Final = 32
_MOST_REFERRALS: Final = 4
_ANSWERED: Final = frozenset({"NOERROR", "NXDOMAIN"})

Redirect = Callable[[str, int], "tuple[str, int] | None"]
"""Where a name server's host and port are reached instead, if anywhere."""


@dataclass(frozen=True)
class Asking:
    """The resolver that leads the way. `check` false: it does not verify signatures (CD)."""

    resolver: NameServer
    redirect: Redirect
    timeout_s: float
    check: bool = True

    async def ask(self, name: str, kind: str) -> Reply:
        return await put(name, kind, self.resolver, self.timeout_s, check=self.check)

    async def addresses(self, name: str) -> ServerAnswer:
        return await addresses_of(name, self.resolver, self.timeout_s, check=self.check)


@dataclass(frozen=True)
class Delegation:
    """`servers` can be asked; of the `lost` ones no address is known, and why.

    `delegated_by`: the domain above, where only its servers could tell.
    """

    zone: str = ""
    names: tuple[str, ...] = ()
    servers: tuple[NameServer, ...] = ()
    lost: tuple[ServerAnswer, ...] = ()
    delegated_by: str = ""


def ancestors(host: str, *, down_to: int) -> list[str]:
    """The host and the names above it, down to so many labels."""
    labels = host.split(".")
    names = [".".join(labels[place:]) for place in range(max(1, len(labels) - down_to + 1))]
    return names[:_MOST_ANCESTORS]


async def delegation_of(host: str, asking: Asking) -> Delegation:
    """Never raises for what a name server does; empty where nobody says anything."""
    zone, is_served = await _zone(host, asking)
    if not zone:
        return Delegation()
    named = await _of_zone(zone, asking)
    return named if is_served else await _referred(host, named, asking)


async def servers_of(zone: str, asking: Asking) -> tuple[str, ...]:
    """The names of those that the zone itself calls its servers."""
    reply = await asking.ask(zone, "NS")
    return tuple(_targets(reply.records("NS")))


async def zone_of(host: str, asking: Asking) -> str:
    """The domain that a name is in, empty where nobody says."""
    return (await _zone(host, asking))[0]


async def _zone(host: str, asking: Asking) -> tuple[str, bool]:
    """The nearest zone that is served, and whether none below it fails."""
    first, *above = ancestors(host, down_to=1)
    reply = await asking.ask(first, "SOA")
    replies = [reply]
    if not (owner := _apex(reply, host)):
        replies += await asyncio.gather(*(asking.ask(name, "SOA") for name in above))
        owner = next(filter(None, (_apex(entry, host) for entry in replies)), "")
    nearer = (entry for entry in replies if not _apex(entry, host))
    below = len(host.split(".")) - len(owner.split(".")) if owner else 0
    failing = [entry.rcode not in _ANSWERED for entry in list(nearer)[:below]]
    return owner, not any(failing)


def _apex(reply: Reply, host: str) -> str:
    for rrset in (*reply.message.answer, *reply.message.authority) if reply.message else ():
        owner = rrset.name.to_text(omit_final_dot=True).lower()
        if rrset.rdtype == 6 and owner and f".{host}".endswith(f".{owner}"):
            return str(owner)
    return ""


async def _of_zone(zone: str, asking: Asking) -> Delegation:
    names = await servers_of(zone, asking)
    return await _placed(zone, names, {}, asking)


async def _placed(
    zone: str, names: tuple[str, ...], glue: dict[str, str], asking: Asking
) -> Delegation:
    each = await asyncio.gather(*(_place(name, glue, asking) for name in names))
    return Delegation(
        zone=zone,
        names=tuple(one_line(name, limit=253) for name in names),
        servers=tuple(entry for entry in each if isinstance(entry, NameServer)),
        lost=tuple(entry for entry in each if isinstance(entry, ServerAnswer)),
    )


async def _place(name: str, glue: dict[str, str], asking: Asking) -> NameServer | ServerAnswer:
    shown = one_line(name, limit=253)
    if redirected := asking.redirect(name, 53):
        return NameServer(shown, *redirected, authoritative=True)
    if name in glue:
        return NameServer(shown, glue[name], authoritative=True)
    answer = await asking.addresses(name)
    if answer.addresses:
        first = min(answer.addresses, key=lambda entry: entry.family)  # IPv4 is everywhere
        return NameServer(shown, first.address, authoritative=True)
    nowhere = answer.outcome in ("no-name", "no-address")
    return ServerAnswer(
        server=shown, authoritative=True, outcome="nowhere" if nowhere else "silent"
    )


async def _referred(host: str, above: Delegation, asking: Asking) -> Delegation:
    """Whom the servers of the zone above, and those that they name in turn, send a resolver to."""
    found = above
    for _ in range(_MOST_REFERRALS):
        replies = await asyncio.gather(
            *(put(host, "A", server, asking.timeout_s) for server in found.servers)
        )
        told = (_referral(entry, host, found.zone) for entry in replies)
        referral = next(filter(None, told), None)
        if referral is None:
            break
        zone, names, glue = referral
        placed = await _placed(zone, names, glue, asking)
        found = Delegation(zone, placed.names, placed.servers, placed.lost, found.zone)
    return found


def _referral(
    reply: Reply, host: str, above: str
) -> tuple[str, tuple[str, ...], dict[str, str]] | None:
    """A zone nearer to the host, its servers, and the addresses that came with them."""
    import dns.rdatatype

    message = reply.message
    if message is None or reply.rcode != "NOERROR" or message.answer:
        return None
    for rrset in message.authority:
        owner = rrset.name.to_text(omit_final_dot=True).lower()
        nearer = owner.endswith(f".{above}") and f".{host}".endswith(f".{owner}")
        if rrset.rdtype == dns.rdatatype.NS and nearer:
            glue: dict[str, str] = {}
            for extra in sorted(message.additional, key=lambda entry: entry.rdtype):
                if extra.rdtype in (dns.rdatatype.A, dns.rdatatype.AAAA):
                    name = extra.name.to_text(omit_final_dot=True).lower()
                    glue.setdefault(name, extra[0].address)
            return owner, tuple(_targets([rrset])), glue
    return None


def _targets(rrsets: Iterable[RRset]) -> list[str]:
    found = {
        record.target.to_text(omit_final_dot=True).lower() for rrset in rrsets for record in rrset
    }
    return sorted(found)[:MOST_AUTHORITIES]
