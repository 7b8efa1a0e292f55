"""The certificates that a server shows, as it sends them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from eloquence_ops.findings import Family
from eloquence_ops.observations.base import Observation, Record
from eloquence_ops.observations.transport import TlsOutcome


class SentCertificate(Record):
    """One certificate of a chain. Names are bounded, redacted and visible.

    `key` is the algorithm, with the curve where it has one (`RSA`, `EC secp256r1`), `key_bits` its
    size, 0 where it is not known. `digest` is that of the signature on it, empty where it has none
    (Ed25519). `subject_key` and `authority_key` are the key identifiers in hex, `issuer_url` where
    it says that its issuer can be fetched. `scts` counts the timestamps of transparency logs in it.
    """

    subject: str
    issuer: str
    names: tuple[str, ...] = ()
    not_before: datetime
    not_after: datetime
    key: str = ""
    key_bits: int = 0
    digest: str = ""
    is_authority: bool = False
    subject_key: str = ""
    authority_key: str = ""
    issuer_url: str = ""
    scts: int = 0
    must_staple: bool = False
    sha256: str


class Anchor(Record):
    """What a chain ends at in the trust store. `given`: the user named it with `--ca`."""

    subject: str
    sha256: str
    given: bool = False


class NamelessAnswer(Observation):
    """What a server shows to a handshake that says no name (SNI, RFC 6066). Nothing is verified.

    `sha256` is the leaf's, empty where none was shown; `detail` then says how it ended.
    """

    kind: Literal["transport.nameless"] = "transport.nameless"
    endpoint: str
    family: Family
    address: str
    sha256: str = ""
    names: tuple[str, ...] = ()
    detail: str = ""


class TlsChain(Observation):
    """The certificates of one handshake in the order they were sent, and how OpenSSL found them.

    At most ten are described; `sent` counts all, and `unreadable` says why some could not be.
    `verify_code` is 0 where the chain was trusted, otherwise OpenSSL's X509_V_ERR_… number;
    nothing is fetched that was not sent. `anchor` is there where it was trusted, and `disliked` is
    then what a verifier that takes RFC 5280 to the letter has against it, empty where nothing.
    """

    kind: Literal["transport.chain"] = "transport.chain"
    endpoint: str
    family: Family
    address: str
    server_name: str
    certificates: tuple[SentCertificate, ...]
    sent: int
    unreadable: tuple[str, ...] = ()
    verify_code: int = 0
    anchor: Anchor | None = None
    disliked: str = ""


class AddressAnswer(Observation):
    """A handshake with one more address of a name, verified like the first of its family.

    `outcome` is `no-connection` where TCP did not come about. `sha256` is the leaf's, empty where
    none was shown; its validity comes with it.
    """

    kind: Literal["transport.address"] = "transport.address"
    endpoint: str
    family: Family
    address: str
    outcome: TlsOutcome | Literal["no-connection"]
    sha256: str = ""
    not_before: datetime | None = None
    not_after: datetime | None = None
    detail: str = ""


StapleStatus = Literal["", "good", "revoked", "unlisted", "unreadable"]


class StapleAnswer(Observation):
    """Whether a handshake that asked for a stapled OCSP answer got one.

    `is_known` is false where the handshake did not come to its end; `detail` then says how it
    ended. `status` is empty where nothing was stapled, otherwise what the answer says, whose
    signature is not verified; `next_update` is its end.
    """

    kind: Literal["transport.staple"] = "transport.staple"
    endpoint: str
    family: Family
    address: str
    is_known: bool
    status: StapleStatus = ""
    next_update: datetime | None = None
    detail: str = ""


class TlsVersions(Observation):
    """Which versions of TLS are taken when each is offered alone. Nothing is verified.

    In `unknown` is what this machine's OpenSSL cannot offer, or what brought no answer.
    """

    kind: Literal["transport.versions"] = "transport.versions"
    endpoint: str
    family: Family
    address: str
    taken: tuple[str, ...]
    refused: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
