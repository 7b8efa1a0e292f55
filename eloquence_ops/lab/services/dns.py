"""A small authoritative DNS server: UDP and TCP on one port of loopback.

It answers as an authority does, because a diagnosis depends on the differences: NXDOMAIN (the
name is unknown) against NODATA (the name is there, but not this type; RFC 2308: no error, no
answer, the SOA as authority), and REFUSED for what is not its business.
"""

import asyncio
import ipaddress
import struct
from collections.abc import Mapping, Sequence
from typing import Self, cast

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from eloquence_ops.lab.services.certificates import a_label
from eloquence_ops.lab.services.listening import Closing, Listener, listening_socket

_TTL_S = 5
# RFC 2308: how long a negative answer may be cached is the last field of the SOA.
_SOA = "ns.lab.invalid. hostmaster.lab.invalid. 1 3600 600 86400 5"
_UDP_LIMIT = 512
_HEADER = 12
_TCP_IDLE_S = 5.0
_BIND_ATTEMPTS = 20


class DnsServer(Closing):
    """Serves `records`: names (U- or A-labels) to IPv4 and IPv6 addresses.

    An empty sequence makes a name that exists without addresses (NODATA). `zones` are the
    domains it is the authority for; by default the last two labels of every name. `name_servers`
    are named in the NS records of every zone. Names in `bogus` are refused as a verifying resolver
    does whose signatures do not hold: SERVFAIL, unless it is told not to check (CD).

    Raises:
        ValueError: a name or an address that is none, or a name outside the given zones.
    """

    def __init__(
        self,
        records: Mapping[str, Sequence[str]],
        *,
        zones: Sequence[str] | None = None,
        name_servers: Sequence[str] = (),
        bogus: Sequence[str] = (),
    ) -> None:
        self._addresses = {
            _name(name): tuple(ipaddress.ip_address(address) for address in addresses)
            for name, addresses in records.items()
        }
        if zones is None:
            self._zones = {_registered(name) for name in self._addresses}
        else:
            self._zones = {_name(zone) for zone in zones}
        for name in self._addresses:
            if self._zone_of(name) is None:
                raise ValueError(f"{name} lies outside the zones of this server")
        self._name_servers = [_name(name).to_text() for name in name_servers]
        self._bogus = {_name(name) for name in bogus}
        self.host = "127.0.0.1"
        self.port = 0
        self._listener = Listener(self._stream)
        self._transport: asyncio.DatagramTransport | None = None

    async def start(self, *, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; `host` and `port` tell where afterwards. Port 0 is chosen by the system.

        Raises:
            OSError: the port is taken, for UDP or for TCP.
        """
        loop = asyncio.get_running_loop()
        for attempt in range(_BIND_ATTEMPTS):
            stream = listening_socket(port, host)
            self.host, self.port = stream.getsockname()[:2]
            try:
                self._transport, _ = await loop.create_datagram_endpoint(
                    lambda: _Datagrams(self), local_addr=(host, self.port)
                )
            except OSError:
                # A TCP port that is free may be taken for UDP: ask for another one.
                stream.close()
                if port or attempt == _BIND_ATTEMPTS - 1:
                    raise
                continue
            await self._listener.open([stream])
            return

    async def close(self) -> None:
        """Stop listening and drop open connections; may be called twice."""
        # The datagram transport closes its socket in the next turn of the loop.
        if self._transport is not None:
            self._transport.close()
        await self._listener.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    def answer(self, wire: bytes, *, datagram: bool = True) -> bytes | None:
        """The reply to one message, both as on the wire; None for what deserves silence.

        A datagram's reply keeps to what the query allows (512 bytes without EDNS) and is marked
        truncated when it does not fit.
        """
        try:
            query = dns.message.from_wire(wire, ignore_trailing=True)
        except (dns.exception.DNSException, ValueError):
            return _format_error(wire)
        if query.flags & dns.flags.QR:
            # Answering answers is how two servers keep each other busy for ever.
            return None
        reply = self._reply(query)
        if not datagram:
            return reply.to_wire(max_size=65535)
        limit = max(_UDP_LIMIT, query.payload) if query.edns >= 0 else _UDP_LIMIT
        try:
            return reply.to_wire(max_size=limit)
        except dns.exception.TooBig:
            reply.answer, reply.authority = [], []
            reply.flags |= dns.flags.TC
            return reply.to_wire(max_size=limit)

    def _reply(self, query: dns.message.Message) -> dns.message.Message:
        reply = dns.message.make_response(query)
        if query.opcode() != dns.opcode.QUERY:
            reply.set_rcode(dns.rcode.NOTIMP)
            return reply
        if len(query.question) != 1:
            reply.set_rcode(dns.rcode.FORMERR)
            return reply
        question = query.question[0]
        zone = self._zone_of(question.name)
        if zone is None or question.rdclass != dns.rdataclass.IN:
            reply.set_rcode(dns.rcode.REFUSED)
            return reply
        if question.name in self._bogus and not query.flags & dns.flags.CD:
            reply.set_rcode(dns.rcode.SERVFAIL)
            return reply
        reply.flags |= dns.flags.AA
        answers = self._answers(question.name, question.rdtype, zone)
        if answers:
            reply.answer.extend(answers)
            return reply
        if not self._exists(question.name, zone):
            reply.set_rcode(dns.rcode.NXDOMAIN)
        reply.authority.append(_rrset(zone, dns.rdatatype.SOA, [_SOA]))
        return reply

    def _answers(
        self, name: dns.name.Name, kind: dns.rdatatype.RdataType, zone: dns.name.Name
    ) -> list[dns.rrset.RRset]:
        if name == zone and kind == dns.rdatatype.SOA:
            return [_rrset(name, kind, [_SOA])]
        if name == zone and kind == dns.rdatatype.NS and self._name_servers:
            return [_rrset(name, kind, self._name_servers)]
        addresses = self._addresses.get(name, ())
        found = []
        for family, wanted in ((4, dns.rdatatype.A), (6, dns.rdatatype.AAAA)):
            texts = [str(address) for address in addresses if address.version == family]
            if texts and kind in (wanted, dns.rdatatype.ANY):
                found.append(_rrset(name, wanted, texts))
        return found

    def _zone_of(self, name: dns.name.Name) -> dns.name.Name | None:
        holders = [zone for zone in self._zones if name.is_subdomain(zone)]
        return max(holders, key=len, default=None)

    def _exists(self, name: dns.name.Name, zone: dns.name.Name) -> bool:
        # A name above an existing one exists too (RFC 8020), even if it has no record itself.
        return name == zone or any(known.is_subdomain(name) for known in self._addresses)

    async def _stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """RFC 7766: messages with a length in front, as many as the client likes."""
        try:
            while True:
                async with asyncio.timeout(_TCP_IDLE_S):
                    (length,) = struct.unpack("!H", await reader.readexactly(2))
                    query = await reader.readexactly(length)
                reply = self.answer(query, datagram=False)
                if reply is None:
                    return
                writer.write(struct.pack("!H", len(reply)) + reply)
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: DnsServer) -> None:
        self._server = server
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        reply = self._server.answer(data)
        if reply is not None and self._transport is not None:
            self._transport.sendto(reply, addr)


def _name(text: str) -> dns.name.Name:
    return dns.name.from_text(a_label(text))


def _registered(name: dns.name.Name) -> dns.name.Name:
    return dns.name.Name(name.labels[-3:])


def _rrset(
    name: dns.name.Name, kind: dns.rdatatype.RdataType, texts: Sequence[str]
) -> dns.rrset.RRset:
    return dns.rrset.from_text(name, _TTL_S, dns.rdataclass.IN, kind, *texts)


def _format_error(wire: bytes) -> bytes | None:
    if len(wire) < _HEADER or wire[2] & 0x80:
        return None
    # Its id, QR set, no sections: what it asked is not known (RFC 1035, 4.1.1).
    return wire[:2] + struct.pack("!HHHHH", 0x8000 | dns.rcode.FORMERR, 0, 0, 0, 0)
