"""A and AAAA asked of one resolver, over UDP, and TCP where the answer is too long for it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from eloquence_ops.findings import Family
from eloquence_ops.observations.names import Address
from eloquence_ops.probes.channel import socket_address
from eloquence_ops.probes.tcp import describe

if TYPE_CHECKING:
    from dns.message import Message, QueryMessage

_TYPES: Final = {"A": Family.IPV4, "AAAA": Family.IPV6}
# A lost packet is not a resolver that does not answer.
_ATTEMPTS: Final = 2
_LARGEST: Final = 65535

LookupOutcome = Literal["found", "no-name", "no-address", "no-answer"]


@dataclass(frozen=True, slots=True)
class Said:
    """What a resolver said. `detail` may hold its words."""

    outcome: LookupOutcome
    addresses: tuple[Address, ...] = ()
    detail: str = ""


async def ask(host: str, address: str, port: int, timeout_s: float) -> Said:
    """Both types at the same time, aliases (CNAME) followed within the answer."""
    each = await asyncio.gather(
        *(_ask_for(kind, host, address, port, timeout_s) for kind in _TYPES)
    )
    detail = "; ".join(
        f"{kind}: {said.detail}" for kind, said in zip(_TYPES, each, strict=True) if said.detail
    )
    addresses = tuple(entry for said in each for entry in said.addresses)
    outcomes = {said.outcome for said in each}
    # NXDOMAIN is about the name, whatever type was asked for (RFC 8020); but of two answers,
    # one of which is missing, "no address" would be a guess.
    order: tuple[LookupOutcome, ...] = ("found", "no-name", "no-answer", "no-address")
    return Said(next(entry for entry in order if entry in outcomes), addresses, detail)


async def _ask_for(kind: str, host: str, address: str, port: int, timeout_s: float) -> Said:
    import dns.exception
    import dns.message

    try:
        query = dns.message.make_query(host, kind)
        async with asyncio.timeout(timeout_s):
            return _read(await answer_to(query, address, port, timeout_s / _ATTEMPTS), kind)
    except TimeoutError:
        return Said("no-answer", detail=f"nothing within {timeout_s:g} s")
    except OSError as error:
        return Said("no-answer", detail=describe(error))
    except (dns.exception.DNSException, EOFError, ValueError) as error:
        words = str(error).partition("\n")[0]
        return Said("no-answer", detail=f"{type(error).__name__}: {words}".rstrip(": "))


class CutShort(OSError):
    """The answer is longer than UDP carries, and TCP to the server does not come about."""


async def answer_to(query: QueryMessage, address: str, port: int, patience_s: float) -> Message:
    """The packet is sent again after `patience_s`; the caller sets the deadline.

    Raises `OSError` (`CutShort` among them), `EOFError` and `DNSException`.
    """
    import dns.asyncquery
    import dns.flags
    from dns.asyncbackend import get_backend

    family = Family.IPV6 if ":" in address else Family.IPV4
    kind = socket.AF_INET6 if family is Family.IPV6 else socket.AF_INET
    with socket.socket(kind, socket.SOCK_DGRAM) as asking:
        asking.setblocking(False)
        # Connected: nobody else's packets come in, and "port unreachable" is told at once, for
        # which dnspython's own query would wait in vain.
        asking.connect(socket_address(family, address, port))
        answer: Message | None = None
        while answer is None:
            await asyncio.get_running_loop().sock_sendall(asking, query.to_wire())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience_s):
                    answer = await _response_to(query, asking)
    if answer.flags & dns.flags.TC:
        backend = get_backend("asyncio")
        try:
            async with asyncio.timeout(patience_s):
                answer = await dns.asyncquery.tcp(query, address, port=port, backend=backend)
        except (OSError, EOFError) as error:  # a TimeoutError is an OSError
            raise CutShort("the answer is too long for UDP, and TCP does not work") from error
        if answer.flags & dns.flags.TC:
            raise CutShort("the answer is too long for UDP, and cut off over TCP as well")
    return answer


async def _response_to(query: QueryMessage, asking: socket.socket) -> Message:
    """The first packet that answers `query`; noise and forgeries are passed over."""
    import dns.exception
    import dns.message

    while True:
        await asyncio.sleep(0)  # a flood must not outrun the deadline
        packet = await asyncio.get_running_loop().sock_recv(asking, _LARGEST)
        try:
            answer = dns.message.from_wire(packet)
        except (dns.exception.DNSException, ValueError):
            continue
        if query.is_response(answer):
            return answer


def _read(answer: Message, kind: str) -> Said:
    """Raises `DNSException` for an answer that makes no sense."""
    import dns.rcode
    from dns.message import QueryMessage

    rcode = answer.rcode()
    if rcode not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN) or not isinstance(answer, QueryMessage):
        return Said("no-answer", detail=dns.rcode.to_text(rcode))
    return _followed(answer, kind, no_name=rcode == dns.rcode.NXDOMAIN)


def _followed(answer: QueryMessage, kind: str, *, no_name: bool) -> Said:
    chain = answer.resolve_chaining()
    alias = chain.canonical_name.to_text(omit_final_dot=True) if chain.cnames else ""
    if chain.answer is not None and not no_name:
        addresses = tuple(
            Address(family=_TYPES[kind], address=record.address) for record in chain.answer
        )
        return Said("found", addresses)
    detail = f"an alias: {alias}" if alias else ""
    return Said("no-name" if no_name else "no-address", detail=detail)
