"""A resolver on loopback that answers as it is told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import cast

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

Answering = Callable[[dns.message.Message], bytes | None]


def answers(
    *records: str, rcode: dns.rcode.Rcode = dns.rcode.NOERROR, truncated: bool = False
) -> Answering:
    """Each record as `A 192.0.2.1` (of the name that is asked for) or `other.test. A 192.0.2.1`."""

    def answering(query: dns.message.Message) -> bytes:
        response = dns.message.make_response(query)
        response.set_rcode(rcode)
        asked = query.question[0]
        for record in records:
            parts = record.split()
            owner = parts[0] if len(parts) == 3 else asked.name.to_text()
            kind, data = parts[-2:]
            if kind in ("CNAME", dns.rdatatype.to_text(asked.rdtype)):
                response.answer.append(dns.rrset.from_text(owner, 60, "IN", kind, data))
        if truncated:
            response.flags |= dns.flags.TC
            response.answer.clear()
        return response.to_wire()

    return answering


class Udp(asyncio.DatagramProtocol):
    def __init__(self, answering: Answering) -> None:
        self.answering, self.asked = answering, 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.asked += 1
        if (wire := self.answering(dns.message.from_wire(data))) is not None:
            self.transport.sendto(wire, addr)


@contextlib.asynccontextmanager
async def resolver(
    answering: Answering, over_tcp: Answering | None = None, *, host: str = "127.0.0.1"
) -> AsyncIterator[tuple[int, Udp]]:
    async def tcp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        length = int.from_bytes(await reader.readexactly(2))
        query = dns.message.from_wire(await reader.readexactly(length))
        wire = (over_tcp or answering)(query)
        if wire is not None:
            writer.write(len(wire).to_bytes(2) + wire)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(tcp, host, 0)
    port = server.sockets[0].getsockname()[1]
    transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Udp(answering), (host, port)
    )
    try:
        yield port, protocol
    finally:
        transport.close()
        server.close()
