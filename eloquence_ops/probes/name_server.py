"""One question to one name server, and what its answer says of a host's addresses."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from eloquence_ops.findings import Family
from eloquence_ops.observations.names import Address, AnswerOutcome, ServerAnswer
from eloquence_ops.probes.resolver_query import CutShort, answer_to
from eloquence_ops.probes.tcp import describe
from eloquence_ops.untrusted import one_line

if TYPE_CHECKING:
    from dns.message import Message
    from dns.name import Name
    from dns.rrset import RRset

_FAMILIES: Final = {"A": Family.IPV4, "AAAA": Family.IPV6}
_NO_MESSAGE: Final[dict[str, AnswerOutcome]] = {"silent": "silent", "cut": "cut"}
_MOST_OF_A_FAMILY: Final = 8
_MOST_ALIASES: Final = 16
_ATTEMPTS: Final = 2
# What says of a family whether there is an address.
_TELLS: Final = frozenset({"found", "no-name", "no-address"})
# What a server answers that does not serve the zone it is asked for (RFC 8499, lame delegation).
_LAME: Final = frozenset({"REFUSED", "SERVFAIL", "NOTAUTH"})


@dataclass(frozen=True, slots=True)
class NameServer:
    """Where to ask. An authority is asked for what it knows itself, a resolver to find out."""

    name: str
    address: str
    port: int = 53
    authoritative: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """`message` is None where none came; `rcode` is then `silent`, `cut` or `failed`."""

    rcode: str
    message: Message | None = None
    detail: str = ""

    def records(self, kind: str, owner: Name | None = None) -> Iterator[RRset]:
        """Those of the answer, of `owner` alone where it is given."""
        import dns.rdatatype

        wanted = dns.rdatatype.from_text(kind)
        for rrset in self.message.answer if self.message else ():
            if rrset.rdtype == wanted and (owner is None or rrset.name == owner):
                yield rrset


async def put(
    host: str,
    kind: str,
    server: NameServer,
    timeout_s: float,
    *,
    check: bool = True,
    signed: bool = False,
) -> Reply:
    """Asks `server` for the `kind` records of `host`; never raises for what it does.

    `check` false: the resolver is told not to verify signatures (CD, RFC 4035). `signed`: they are
    wanted with the answer (DO).
    """
    import dns.exception
    import dns.flags
    import dns.message
    import dns.rcode

    try:
        query = dns.message.make_query(host, kind, use_edns=0, payload=1232, want_dnssec=signed)
        # AD in a question asks for AD in the answer (RFC 6840 §5.7).
        query.flags |= dns.flags.AD
        if server.authoritative:
            query.flags &= ~dns.flags.RD
        if not check:
            query.flags |= dns.flags.CD
        async with asyncio.timeout(timeout_s):
            patience_s = timeout_s / _ATTEMPTS
            message = await answer_to(query, server.address, server.port, patience_s)
    except CutShort:
        return Reply("cut")
    except TimeoutError:
        return Reply("silent", detail=f"nothing within {timeout_s:g} s")
    except OSError as error:
        return Reply("failed", detail=describe(error))
    except (dns.exception.DNSException, EOFError, ValueError) as error:
        return Reply("failed", detail=one_line(f"{type(error).__name__}: {error}", limit=200))
    return Reply(dns.rcode.to_text(message.rcode()), message)


async def addresses_of(
    host: str, server: NameServer, timeout_s: float, *, check: bool = True
) -> ServerAnswer:
    """What `server` says of the A and AAAA records of `host`."""
    replies = await asyncio.gather(
        *(put(host, kind, server, timeout_s, check=check) for kind in _FAMILIES)
    )
    each = [
        _read(host, kind, reply, server) for kind, reply in zip(_FAMILIES, replies, strict=True)
    ]
    # NXDOMAIN is about the name, whatever was asked for; half an answer is none.
    order = ("found", "loop", "no-name", "cut", "silent", "failed", "lame", "alias", "no-address")
    best = min(each, key=lambda answer: order.index(answer.outcome))
    addresses = tuple(dict.fromkeys(entry for answer in each for entry in answer.addresses))
    told = [
        family
        for family, answer in zip(_FAMILIES.values(), each, strict=True)
        if answer.outcome in _TELLS
    ]
    return best.model_copy(
        update={
            "addresses": addresses,
            "told": tuple(told),
            "ttl_s": _longest(answer.ttl_s for answer in each),
            "negative_ttl_s": _longest(answer.negative_ttl_s for answer in each),
            "address": server.address if server.authoritative else "",
        }
    )


def _longest(seconds: Iterable[int | None]) -> int | None:
    return max((entry for entry in seconds if entry is not None), default=None)


def _read(host: str, kind: str, reply: Reply, server: NameServer) -> ServerAnswer:
    import dns.flags
    import dns.name

    outcome: AnswerOutcome
    if reply.message is None:
        outcome = _NO_MESSAGE.get(reply.rcode, "failed")
        return _answer(server, outcome, "", reply)
    if server.authoritative and (reply.rcode in _LAME or not reply.message.flags & dns.flags.AA):
        return _answer(server, "lame", reply.rcode, reply)
    if reply.rcode not in ("NOERROR", "NXDOMAIN"):
        return _answer(server, "failed", reply.rcode, reply)
    aliases, loops = _aliases(reply, dns.name.from_text(host))
    target = aliases[-1] if aliases else dns.name.from_text(host)
    rrset = next(reply.records(kind, target), None)
    # Servers turn their addresses round; of many, the same ones have to be left.
    each = sorted((record.address for record in rrset or ()), key=_by_number)
    addresses = tuple(
        Address(family=_FAMILIES[kind], address=text) for text in each[:_MOST_OF_A_FAMILY]
    )
    if loops:
        outcome = "loop"
    elif addresses:
        outcome = "found"
    elif reply.rcode == "NXDOMAIN":
        outcome = "no-name"
    else:
        outcome = "alias" if aliases and server.authoritative else "no-address"
    return _answer(server, outcome, reply.rcode, reply).model_copy(
        update={
            "aliases": tuple(_text(alias) for alias in aliases),
            "addresses": addresses,
            # Any of them may be the one that was changed, an alias as well as what it leads to.
            "ttl_s": _longest(entry.ttl for entry in reply.message.answer) if addresses else None,
            "negative_ttl_s": None if addresses else _negative_ttl(reply.message),
            "authenticated": bool(reply.message.flags & dns.flags.AD),
        }
    )


def _by_number(address: str) -> int:
    return int(ipaddress.ip_address(address))


def _answer(server: NameServer, outcome: AnswerOutcome, rcode: str, reply: Reply) -> ServerAnswer:
    return ServerAnswer(
        server=server.name,
        authoritative=server.authoritative,
        outcome=outcome,
        rcode=rcode,
        detail=reply.detail,
    )


def _aliases(reply: Reply, host: Name) -> tuple[list[Name], bool]:
    """Where the aliases of an answer lead, one by one, and whether they turn in a circle."""
    targets = {rrset.name: rrset[0].target for rrset in reply.records("CNAME")}
    found: list[Name] = []
    place = host
    while place in targets and len(found) < _MOST_ALIASES:
        place = targets[place]
        found.append(place)
        if place == host or found.count(place) > 1:
            return found, True
    return found, False


def _negative_ttl(message: Message) -> int | None:
    """RFC 2308 §5: the smaller of the SOA's own TTL and its last field."""
    import dns.rdatatype

    for rrset in message.authority:
        if rrset.rdtype == dns.rdatatype.SOA:
            return int(min(rrset.ttl, rrset[0].minimum))
    return None


def _text(name: Name) -> str:
    return one_line(name.to_text(omit_final_dot=True), limit=253)
