"""Names and the addresses they lead to."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from eloquence_ops.findings import Family
from eloquence_ops.observations.base import Observation, Record


class Address(Record):
    family: Family
    address: str


class LabelShown(Record):
    """One label in each of its forms; a form that does not exist is empty."""

    typed: str
    nfc: str = ""
    uts46: str = ""
    a_label: str = ""
    u_label: str = ""
    remarks: tuple[str, ...] = ()
    refusal: str = ""
    reason: str = ""


class NameShown(Observation):
    """A name in use, as it was written and as it goes on the wire. Nothing was sent for it.

    `origin`: the settings' `api` or `livekit`, `session` for the address that the API handed out,
    `app` for one that the app's source holds, at `place` first (`lib/api.dart:12`), `asked` for a
    name of the command line. `host` is the A-label, empty where there is none.
    """

    kind: Literal["names.forms"] = "names.forms"
    origin: Literal["api", "livekit", "session", "app", "asked"]
    typed: str
    host: str
    labels: tuple[LabelShown, ...] = ()
    too_long: bool = False
    place: str = ""


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


AnswerOutcome = Literal[
    "found", "no-name", "no-address", "alias", "loop", "lame", "failed", "silent", "cut", "nowhere"
]


class ServerAnswer(Record):
    """What one name server said of a host's A and AAAA records.

    `server` is `address:port`, of an authoritative one its name. `alias`: it knows only the alias,
    whose target is another zone's. `loop`: the aliases lead to one another. `lame`: it is named as
    an authority and is none. `failed`: an answer without one, `rcode` says which. `cut`: it is
    longer than UDP carries, and TCP does not come about. `nowhere`: it is
    named as an authority, and its name leads to no address. `ttl_s`: for how long the addresses may
    be kept; `negative_ttl_s`: for how long it may be kept that there are none (RFC 2308).
    `authenticated`: it has verified the signatures (AD). `told`: the families of which it said
    whether there is an address. `unchecked`: what it says when it is told not to verify signatures
    (CD); asked only where it failed. `address`: where an authority was asked.
    """

    server: str
    authoritative: bool = False
    outcome: AnswerOutcome
    rcode: str = ""
    aliases: tuple[str, ...] = ()
    addresses: tuple[Address, ...] = ()
    ttl_s: int | None = None
    negative_ttl_s: int | None = None
    authenticated: bool = False
    told: tuple[Family, ...] = ()
    unchecked: AnswerOutcome | None = None
    address: str = ""
    detail: str = ""


class LookAlike(Record):
    """The same name without its accents, and what there is by that name. It is another domain."""

    host: str
    outcome: AnswerOutcome
    addresses: tuple[Address, ...] = ()
    name_servers: tuple[str, ...] = ()


class Neighbour(Record):
    """Another name in use, a slip away, and what it leads to."""

    host: str
    addresses: tuple[Address, ...] = ()


class ChainOfTrust(Record):
    """What a zone is signed with whose signatures a resolver refuses, as far as it can be had.

    `named` are the tags of the keys that the domain above names (DS), `keys` those that the zone
    has (DNSKEY), `holds` whether one of them is the other. `expires_at`: when the signature of the
    host's records ran out, or will. All of it empty where nobody says.
    """

    named: tuple[int, ...] = ()
    keys: tuple[int, ...] = ()
    holds: bool = False
    is_signed: bool = False
    expires_at: datetime | None = None


class NameSurvey(Observation):
    """What several name servers say of one host.

    `zone` is the domain that it is in, `name_servers` those that are named as its authorities; by
    the servers of the domain above it where `delegated_by` names that one, since nobody who serves
    the zone itself could be asked. `unchecked`: what the first resolver that failed says when it is
    told not to verify signatures. `wildcard`: what a name beside the host leads to that nobody can
    know, at `wildcard_at`. `caa`: who may issue certificates, by the records of `caa_at`.
    `neighbours` are asked for where the wildcard alone
    answers for the host, `trust` where a resolver refuses its signatures.
    """

    kind: Literal["names.survey"] = "names.survey"
    host: str
    zone: str = ""
    delegated_by: str = ""
    name_servers: tuple[str, ...] = ()
    answers: tuple[ServerAnswer, ...] = ()
    unchecked: AnswerOutcome | None = None
    wildcard: tuple[Address, ...] = ()
    wildcard_at: str = ""
    caa: tuple[str, ...] = ()
    caa_at: str = ""
    look_alike: LookAlike | None = None
    neighbours: tuple[Neighbour, ...] = ()
    trust: ChainOfTrust | None = None
