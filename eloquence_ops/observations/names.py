"""Names and the addresses they lead to."""

from __future__ import annotations

from typing import Literal

from eloquence_ops.findings import Family
from eloquence_ops.observations.base import Observation, Record


class Address(Record):
    family: Family
    address: str


class AddressLookup(Observation):
    """What one resolver said of a host's A and AAAA records.

    `host` is the A-label. `resolver` is `system` (getaddrinfo, as applications resolve),
    `address:port`, or `none` where the host is an address already.
    `no-answer`: the resolver could not be asked or did not answer; this says nothing of the name.
    """

    kind: Literal["names.addresses"] = "names.addresses"
    host: str
    resolver: str
    outcome: Literal["found", "no-name", "no-address", "no-answer"]
    addresses: tuple[Address, ...] = ()
    detail: str = ""
