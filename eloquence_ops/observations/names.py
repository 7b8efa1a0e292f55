"""Names and the addresses they lead to."""

from __future__ import annotations

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
    `asked` for a name of the command line. `host` is the A-label, empty where there is none.
    """

    kind: Literal["names.forms"] = "names.forms"
    origin: Literal["api", "livekit", "session", "asked"]
    typed: str
    host: str
    labels: tuple[LabelShown, ...] = ()
    too_long: bool = False


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
    "found", "no-name", "no-address", "alias", "loop", "lame", "failed", "silent"
]


class ServerAnswer(Record):
    """What one name server said of a host's A and AAAA records.

    `server` is `address:port`, of an authoritative one its name. `alias`: it knows only the alias,
    whose target is another zone's. `loop`: the aliases lead to one another. `lame`: it is named as
    an authority and is none. `failed`: an answer without one, `rcode` says which. `ttl_s`: for how
    long the addresses may be kept; `negative_ttl_s`: for how long it may be kept that there are
    none (RFC 2308). `authenticated`: it has verified the signatures (AD).
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
    detail: str = ""


class LookAlike(Record):
    """The same name without its accents, and what there is by that name. It is another domain."""

    host: str
    outcome: AnswerOutcome
    addresses: tuple[Address, ...] = ()
    name_servers: tuple[str, ...] = ()


class NameSurvey(Observation):
    """What several name servers say of one host.

    `zone` is the domain that it is in, `name_servers` those that are named as its authorities.
    `unchecked`: what the first resolver says when it is told not to verify signatures; asked only
    where it failed. `wildcard`: what a name that nobody can know leads to. `caa`: who may issue
    certificates, by the records of `caa_at`.
    """

    kind: Literal["names.survey"] = "names.survey"
    host: str
    zone: str = ""
    name_servers: tuple[str, ...] = ()
    answers: tuple[ServerAnswer, ...] = ()
    unchecked: AnswerOutcome | None = None
    wildcard: tuple[Address, ...] = ()
    caa: tuple[str, ...] = ()
    caa_at: str = ""
    look_alike: LookAlike | None = None
