"""What several name servers say of one host: the resolvers asked, and the zone's own authorities.

Only resolvers that the system or the user names are asked, and the authorities that are found
through them. Whatever is asked for has its deadline, and there is a bound on how much that is.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass
from typing import Final, NamedTuple

from eloquence_ops.endpoints import ip_address
from eloquence_ops.idn.siblings import ascii_look_alike, is_a_slip_of, labels_that_differ
from eloquence_ops.observations.names import (
    Address,
    LookAlike,
    NameSurvey,
    Neighbour,
    ServerAnswer,
)
from eloquence_ops.probes import delegation
from eloquence_ops.probes.chain_of_trust import chain_of_trust
from eloquence_ops.probes.delegation import Asking, Redirect
from eloquence_ops.probes.name_server import NameServer, addresses_of
from eloquence_ops.untrusted import one_line

MOST_RESOLVERS: Final = 4
_MOST_CAA: Final = 16
_MOST_ALIASES: Final = 16
# A resolver that says nothing of the host cannot be asked for what else there is by that name.
_SPOKE: Final = frozenset({"found", "no-name", "no-address", "alias", "loop"})


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


async def survey(
    host: str,
    *,
    resolvers: tuple[NameServer, ...],
    redirect: Redirect,
    timeout_s: float,
    started: float,
    in_use: tuple[str, ...] = (),
) -> NameSurvey:
    """Asks all of `resolvers` for `host` (an A-label), and through the first that answers for the
    rest. Never raises for what a name server does. `started` is the run's `time.monotonic()`,
    `in_use` are the other names that are meant, as A-labels."""
    begun = time.monotonic()
    asked = resolvers[:MOST_RESOLVERS]
    answers = await asyncio.gather(*(_answer(host, server, timeout_s) for server in asked))
    seen = NameSurvey(
        host=host,
        answers=tuple(answers),
        unchecked=next((a.unchecked for a in answers if a.unchecked is not None), None),
    )
    if guide := _guide(asked, answers, redirect, timeout_s):
        seen = seen.model_copy(update=await _Survey(host, in_use, *guide).through(answers))
    return seen.model_copy(update={"at_s": begun - started, "duration_s": time.monotonic() - begun})


async def _answer(host: str, server: NameServer, timeout_s: float) -> ServerAnswer:
    """What a resolver says, and where it fails, what it says unverified."""
    answer = await addresses_of(host, server, timeout_s)
    if answer.rcode != "SERVFAIL":
        return answer
    unchecked = await addresses_of(host, server, timeout_s, check=False)
    return answer.model_copy(update={"unchecked": unchecked.outcome})


def _guide(
    resolvers: tuple[NameServer, ...],
    answers: list[ServerAnswer],
    redirect: Redirect,
    timeout_s: float,
) -> tuple[Asking, bool] | None:
    """The resolver to find the rest with, and whether it knows the host.

    One that fails, because of a zone that nobody serves or that turns in a circle, still knows who
    is named for it; and one whose signatures do not hold tells everything to those who do not
    verify.
    """
    pairs = list(zip(resolvers, answers, strict=True))
    for server, answer in pairs:
        if answer.outcome in _SPOKE:
            return Asking(server, redirect, timeout_s), True
    for server, answer in pairs:
        if answer.unchecked in _SPOKE:
            return Asking(server, redirect, timeout_s, check=False), True
    for server, answer in pairs:
        if answer.rcode or answer.outcome == "silent":
            return Asking(server, redirect, timeout_s, check=False), False
    return None


class _Wildcard(NamedTuple):
    wildcard: tuple[Address, ...]
    wildcard_at: str


@dataclass(frozen=True)
class _Survey:
    """One host. `knows`: the resolver that is asked has an answer for it."""

    host: str
    in_use: tuple[str, ...]
    asking: Asking
    knows: bool

    async def through(self, answers: list[ServerAnswer]) -> dict[str, object]:
        """What there is to be known through one resolver."""
        found = await delegation.delegation_of(self.host, self.asking)
        authorities, more, answers = await asyncio.gather(
            asyncio.gather(
                *(
                    addresses_of(self.host, server, self.asking.timeout_s)
                    for server in found.servers
                )
            ),
            self._more(found.zone, answers),
            self._circle(answers),
        )
        refused = any(answer.unchecked in _SPOKE for answer in answers)
        trust = (
            await chain_of_trust(self.host, found.zone, self.asking.resolver, self.asking.timeout_s)
            if refused and found.zone
            else None
        )
        told = {
            "zone": found.zone,
            "name_servers": found.names,
            "delegated_by": found.delegated_by,
            "answers": (*answers, *authorities, *found.lost),
            "trust": trust,
        }
        return told | more

    async def _more(self, zone: str, answers: list[ServerAnswer]) -> dict[str, object]:
        if not self.knows:
            return {}
        wildcard, caa, look_alike = await asyncio.gather(
            self._wildcard(zone), self._caa(), self._look_alike()
        )
        beside = await self._neighbours(answers, wildcard.wildcard)
        return wildcard._asdict() | caa | {"look_alike": look_alike, "neighbours": beside}

    async def _neighbours(
        self, answers: list[ServerAnswer], wildcard: tuple[Address, ...]
    ) -> tuple[Neighbour, ...]:
        """The names that the host may have been meant to be, where nobody but the wildcard
        answers for it."""
        told = {entry for answer in answers for entry in answer.addresses}
        if not told or not told <= set(wildcard):
            return ()
        meant = [name for name in self.in_use if is_a_slip_of(self.host, name)]
        each = await asyncio.gather(*map(self.asking.addresses, meant))
        return tuple(
            Neighbour(host=name, addresses=answer.addresses)
            for name, answer in zip(meant, each, strict=True)
        )

    async def _circle(self, answers: list[ServerAnswer]) -> list[ServerAnswer]:
        """The answers, where resolvers fail because the aliases of the host turn in a circle.

        A question for the alias itself is answered without following it.
        """
        if self.knows:
            return answers
        aliases: list[str] = []
        place = self.host
        while len(aliases) < _MOST_ALIASES:
            reply = await self.asking.ask(place, "CNAME")
            rrset = next(reply.records("CNAME"), None)
            if rrset is None:
                return answers
            place = rrset[0].target.to_text(omit_final_dot=True).lower()
            aliases.append(one_line(place, limit=253))
            if place == self.host or aliases.count(aliases[-1]) > 1:
                loop = {"outcome": "loop", "aliases": tuple(aliases)}
                return [a.model_copy(update=loop) if a.rcode else a for a in answers]
        return answers

    async def _wildcard(self, zone: str) -> _Wildcard:
        """What a name beside the host leads to that nobody can have made; below it where the host
        is a domain itself, since what lies beside it is other people's."""
        beside = self.host.partition(".")[2]
        parent = self.host if self.host == zone or "." not in beside else beside
        unknown = f"eloquence-{secrets.token_hex(4)}.{parent}"
        answer = await self.asking.addresses(unknown)
        return _Wildcard(answer.addresses, parent)

    async def _caa(self) -> dict[str, tuple[str, ...] | str]:
        """The records that hold for the host, and where they stand: the nearest that has any
        (RFC 8659 §3)."""
        names = delegation.ancestors(self.host, down_to=2)
        replies = await asyncio.gather(*(self.asking.ask(name, "CAA") for name in names))
        for name, reply in zip(names, replies, strict=True):
            texts = [record.to_text() for rrset in reply.records("CAA") for record in rrset]
            if texts:
                shown = tuple(one_line(text, limit=120) for text in texts[:_MOST_CAA])
                return {"caa": shown, "caa_at": name}
        return {}

    async def _look_alike(self) -> LookAlike | None:
        plain = ascii_look_alike(self.host)
        if plain is None:
            return None
        answer, zone = await asyncio.gather(
            self.asking.addresses(plain), delegation.zone_of(plain, self.asking)
        )
        # Where the other domain does not exist, the zone is that of all domains of its kind.
        differing = labels_that_differ(self.host, plain)
        its_own = len(zone.split(".")) >= min(differing, default=0) + 1
        names = await delegation.servers_of(zone, self.asking) if zone and its_own else ()
        return LookAlike(
            host=plain,
            outcome=answer.outcome,
            addresses=answer.addresses,
            name_servers=tuple(one_line(name, limit=253) for name in names),
        )
