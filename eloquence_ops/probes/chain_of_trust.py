"""Why the signatures of a zone do not hold: they have run out, or the domain above names a key
that the zone does not have.

A resolver that refuses them says no more than that. Told not to verify (CD), it hands everything
over that it would have verified with.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from eloquence_ops.observations.names import ChainOfTrust
from eloquence_ops.probes.name_server import NameServer, Reply, put

if TYPE_CHECKING:
    from dns.rdata import Rdata

_MOST_KEYS: Final = 16
# RFC 4509, 8624: SHA-1, SHA-256 and SHA-384, by the numbers they have in a DS record.
_DIGESTS: Final = {1: "SHA1", 2: "SHA256", 4: "SHA384"}


async def chain_of_trust(
    host: str, zone: str, resolver: NameServer, timeout_s: float
) -> ChainOfTrust:
    """Never raises for what a name server does."""

    async def asked(name: str, kind: str) -> Reply:
        return await put(name, kind, resolver, timeout_s, check=False, signed=True)

    above, own, *hosts = await asyncio.gather(
        asked(zone, "DS"), asked(zone, "DNSKEY"), asked(host, "A"), asked(host, "AAAA")
    )
    named = [record for rrset in above.records("DS") for record in rrset][:_MOST_KEYS]
    keys = [record for rrset in own.records("DNSKEY") for record in rrset][:_MOST_KEYS]
    ends = [
        datetime.fromtimestamp(record.expiration, UTC)
        for reply in (*hosts, own)
        for rrset in reply.records("RRSIG")
        for record in rrset
    ]
    return ChainOfTrust(
        named=tuple(int(record.key_tag) for record in named),
        keys=tuple(_tag(key) for key in keys),
        holds=any(_is_named(key, zone, record) for key in keys for record in named),
        is_signed=bool(keys and ends),
        expires_at=min(ends, default=None),
    )


def _tag(key: Rdata) -> int:
    import dns.dnssec

    return int(dns.dnssec.key_id(key))  # type: ignore[arg-type]


def _is_named(key: Rdata, zone: str, record: Rdata) -> bool:
    """Whether a DS record is this key's; one with a digest that nobody knows is taken to be."""
    import dns.dnssec
    import dns.exception
    import dns.name

    if record.key_tag != _tag(key):  # type: ignore[attr-defined]
        return False
    digest = _DIGESTS.get(record.digest_type)  # type: ignore[attr-defined]
    if digest is None:
        return True
    try:
        made = dns.dnssec.make_ds(dns.name.from_text(zone), key, digest, validating=True)
    except (dns.exception.DNSException, ValueError):
        return False
    return bool(made.digest == record.digest)  # type: ignore[attr-defined]
