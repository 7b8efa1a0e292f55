"""What several name servers say of one host: the resolvers asked, and the zone's own authorities.

Only resolvers that the system or the user names are asked, and the authorities that are found
through them. Whatever is asked for has its deadline, and there is a bound on how much that is.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from eloquence_ops.endpoints import ip_address
from eloquence_ops.idn.siblings import ascii_look_alike
from eloquence_ops.observations.names import Address, LookAlike, NameSurvey, ServerAnswer
from eloquence_ops.probes.name_server import NameServer, Reply, addresses_of, put
from eloquence_ops.untrusted import one_line

MOST_RESOLVERS: Final = 4
_MOST_AUTHORITIES: Final = 8
_MOST_ANCESTORS: Final = 4
_MOST_CAA: Final = 16
# A resolver that says nothing of the host cannot be asked for more.
_SPOKE: Final = frozenset({"found", "no-name", "no-address", "alias", "loop"})

Redirect = Callable[[str, int], "tuple[str, int] | None"]
"""Where a name server's host and port are reached instead, if anywhere."""


def resolvers_of_system() -> tuple[NameServer, ...]:
    """Those of /etc/resolv.conf, or what this system has in its place; none where it has none."""
    import dns.exception
    import dns.resolver

    try:
        found = dns.resolver.Resolver().nameservers
    except (dns.exception.DNSException, OSError, ValueError):
        return ()
    plain = [entry for entry in found if isinstance(entry, str) and ip_address(entry)]
    return tuple(NameServer(entry, entry) for entry in plain[:MOST_RESOLVERS])


@dataclass(frozen=True)
class _Survey:
    """One host, asked of `resolver`, which knows it."""

    host: str
    resolver: NameServer
    redirect: Redirect
    timeout_s: float

    async def ask(self, name: str, kind: str) -> Reply:
        return await put(name, kind, self.resolver, self.timeout_s)

    async def zone(self) -> str:
        """The domain that the host is in, empty where nobody says."""
        for name in _ancestors(self.host):
            reply = await self.ask(name, "SOA")
            if reply.message is None:
                return ""
            for rrset in (*reply.message.answer, *reply.message.authority):
                owner = rrset.name.to_text(omit_final_dot=True).lower()
                if rrset.rdtype == 6 and owner and f".{self.host}".endswith(f".{owner}"):
                    return owner
        return ""

    async def authorities(self, zone: str) -> tuple[tuple[str, ...], list[NameServer]]:
        """The names of the zone's servers, and those of them that have an address."""
        if not zone:
            return (), []
        reply = await self.ask(zone, "NS")
        names = sorted(
            record.target.to_text(omit_final_dot=True).lower()
            for rrset in reply.records("NS")
            for record in rrset
        )[:_MOST_AUTHORITIES]
        placed = await asyncio.gather(*(self._place(name) for name in names))
        shown = tuple(one_line(name, limit=253) for name in names)
        return shown, [server for server in placed if server is not None]

    async def _place(self, name: str) -> NameServer | None:
        if redirected := self.redirect(name, 53):
            return NameServer(one_line(name, limit=253), *redirected, authoritative=True)
        answer = await addresses_of(name, self.resolver, self.timeout_s)
        if not answer.addresses:
            return None
        first = min(answer.addresses, key=lambda entry: entry.family)  # IPv4 is everywhere
        return NameServer(one_line(name, limit=253), first.address, authoritative=True)

    async def wildcard(self) -> tuple[Address, ...]:
        """What a name beside the host leads to that nobody can have made."""
        labels = self.host.split(".")
        parent = labels[1:] if len(labels) > 2 else labels
        unknown = ".".join([f"eloquence-{secrets.token_hex(4)}", *parent])
        return (await addresses_of(unknown, self.resolver, self.timeout_s)).addresses

    async def caa(self) -> tuple[tuple[str, ...], str]:
        """The records that hold for the host, and where they stand: the nearest that has any
        (RFC 8659 §3)."""
        names = _ancestors(self.host)
        for name, reply in zip(
            names, await asyncio.gather(*(self.ask(name, "CAA") for name in names)), strict=True
        ):
            texts = [record.to_text() for rrset in reply.records("CAA") for record in rrset]
            if texts:
                return tuple(one_line(text, limit=120) for text in texts[:_MOST_CAA]), name
        return (), ""

    async def look_alike(self) -> LookAlike | None:
        plain = ascii_look_alike(self.host)
        if plain is None:
            return None
        domain = ".".join(plain.split(".")[-2:])
        answer, servers = await asyncio.gather(
            addresses_of(plain, self.resolver, self.timeout_s), self.ask(domain, "NS")
        )
        names = sorted(
            one_line(record.target.to_text(omit_final_dot=True), limit=253)
            for rrset in servers.records("NS")
            for record in rrset
        )
        return LookAlike(
            host=plain,
            outcome=answer.outcome,
            addresses=answer.addresses,
            name_servers=tuple(names[:_MOST_AUTHORITIES]),
        )


async def survey(
    host: str,
    *,
    resolvers: tuple[NameServer, ...],
    redirect: Redirect,
    timeout_s: float,
    started: float,
) -> NameSurvey:
    """Asks all of `resolvers` for `host` (an A-label), and through the first that answers for the
    rest. Never raises for what a name server does. `started` is the run's `time.monotonic()`."""
    begun = time.monotonic()
    answers = await asyncio.gather(
        *(addresses_of(host, server, timeout_s) for server in resolvers[:MOST_RESOLVERS])
    )
    seen = NameSurvey(host=host, answers=tuple(answers))
    for server, answer in zip(resolvers, answers, strict=False):
        if answer.rcode == "SERVFAIL" and seen.unchecked is None:
            unchecked = await addresses_of(host, server, timeout_s, check=False)
            seen = seen.model_copy(update={"unchecked": unchecked.outcome})
    speaking = [
        server
        for server, answer in zip(resolvers, answers, strict=False)
        if answer.outcome in _SPOKE
    ]
    if speaking:
        found = await _through(_Survey(host, speaking[0], redirect, timeout_s), tuple(answers))
        seen = seen.model_copy(update=found)
    return seen.model_copy(update={"at_s": begun - started, "duration_s": time.monotonic() - begun})


async def _through(asked: _Survey, answers: tuple[ServerAnswer, ...]) -> dict[str, object]:
    """What there is to be known through one resolver that answers."""

    async def of_zone() -> dict[str, object]:
        zone = await asked.zone()
        names, authorities = await asked.authorities(zone)
        told = await asyncio.gather(
            *(addresses_of(asked.host, server, asked.timeout_s) for server in authorities)
        )
        return {"zone": zone, "name_servers": names, "answers": (*answers, *told)}

    found, wildcard, (caa, caa_at), look_alike = await asyncio.gather(
        of_zone(), asked.wildcard(), asked.caa(), asked.look_alike()
    )
    return found | {"wildcard": wildcard, "caa": caa, "caa_at": caa_at, "look_alike": look_alike}


def _ancestors(host: str) -> list[str]:
    """The host and the names above it, down to two labels."""
    labels = host.split(".")
    names = [".".join(labels[place:]) for place in range(max(1, len(labels) - 1))]
    return names[:_MOST_ANCESTORS]
