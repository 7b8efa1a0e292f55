"""The rows of the TLS matrix: faults, each with its cause, and healthy oddities."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.systems.authority import (
    CLIENT,
    DAY,
    NOW,
    QUARTER,
    Party,
    Span,
    ec_key,
    key_usage,
    logged,
    raw_name,
    root,
    rsa_key,
    self_signed,
    signed_with,
    spoiled,
)
from tests.systems.tls_ends import Manner

V4: Final = "127.0.0.1"
OTHER_V4: Final = "127.0.0.2"
V6: Final = "::1"

_OVER: Final[Span] = (NOW - 90 * DAY, NOW - DAY)
_OVERDUE: Final[Span] = (NOW - 85 * DAY, NOW + 5 * DAY)

Chain = tuple[Party, ...]
"""The leaf and what is sent after it."""


@dataclass(frozen=True)
class Offer:
    """What is shown at which address, and what the client trusts.

    `shown`: at an address, one chain or several with keys of different kinds. `typed_host`: what
    is asked for where it is not the case's own name. `site`: what the server is told its name is.
    `stapled`: from when to when the stapled answer of the authority holds.
    """

    shown: Mapping[str, tuple[Chain, ...]]
    trusted: tuple[Party, ...]
    scheme: str = "https"
    typed_host: str = ""
    site: str = ""
    stapled: Span | None = None


@dataclass(frozen=True)
class Place:
    """One case's own part of the names, and its own authorities.

    Caddy chooses a certificate by its names among all that it has, so no two cases share one.
    """

    label: str

    @property
    def domain(self) -> str:
        return f"{self.label}.xn--loquence-90a.test"

    @property
    def name(self) -> str:
        return f"api.{self.domain}"

    @cached_property
    def root(self) -> Party:
        return root(f"Root of {self.label}")

    @cached_property
    def issuer(self) -> Party:
        return self.root.authority(f"Issuer of {self.label}")

    @cached_property
    def upper(self) -> Party:
        return self.root.authority(f"Upper issuer of {self.label}")

    @cached_property
    def lower(self) -> Party:
        return self.upper.authority(f"Lower issuer of {self.label}")

    def leaf(self, span: Span = QUARTER) -> Party:
        return self.issuer.leaf(self.name, span=span)

    def sends(self, *chain: Party, **rest: object) -> Offer:
        """Over IPv4, to a client that trusts the root."""
        return Offer({V4: (chain,)}, (self.root,), **rest)  # type: ignore[arg-type]

    def of(self, *names: str) -> Offer:
        """A good chain, for these names."""
        return self.sends(self.issuer.leaf(*names), self.issuer)

    def lasting(self, begins: float, ends: float) -> Offer:
        """A good chain, from and to so many days from now."""
        return self.sends(self.leaf((NOW + begins * DAY, NOW + ends * DAY)), self.issuer)

    def served(self) -> Offer:
        """A good chain."""
        return self.sends(self.leaf(), self.issuer)


Make = Callable[[Place], Offer]

_AS_USUAL: Final = Manner()


@dataclass(frozen=True)
class Fault:
    """`cause` is what the diagnosis must choose, alone; `finding` what must be found, in `tls`."""

    make: Make
    cause: str
    finding: str
    manner: Manner = _AS_USUAL


@dataclass(frozen=True)
class Oddity:
    """What must not be complained of."""

    make: Make
    manner: Manner = _AS_USUAL


def _websockets(place: Place) -> Offer:
    return place.sends(place.leaf(), place.issuer, scheme="wss")


def _by(place: Place, issuer: Party, *above: Party) -> Offer:
    """A leaf of this issuer, sent with it and what is above."""
    return place.sends(issuer.leaf(place.name), issuer, *above)


def _stranger(place: Place, *, with_root: bool) -> Offer:
    """As private authorities do it: no certificate says where its issuer is to be had."""
    other = root(f"Stranger of {place.label}")
    issuer = other.authority("Stranger's issuer", says_where=False)
    leaf = issuer.leaf(place.name, says_where=False)
    return place.sends(leaf, issuer, *((other,) if with_root else ()))


def _issued_by_a_leaf(place: Place) -> Offer:
    other = place.issuer.leaf(f"other.{place.domain}")
    return place.sends(other.leaf(place.name), other, place.issuer)


def _too_long(place: Place) -> Offer:
    last = place.root.authority("Only for leaves", path_length=0)
    below = last.authority("One too many")
    return place.sends(below.leaf(place.name), below, last)


def _expired_root(place: Place) -> Offer:
    old = root(f"Old root of {place.label}", span=(NOW - 900 * DAY, NOW - 2 * DAY))
    issuer = old.authority("Issuer below an old root")
    chain = (issuer.leaf(place.name), issuer, old)
    return Offer({V4: (chain,)}, (old,))


def _weak_intermediate(place: Place) -> Offer:
    return _by(place, place.root.authority("Weak issuer", key=rsa_key(1024)))


def _old_digest(digest: Literal["sha1", "md5"], *, above: bool = False) -> Make:
    def make(place: Place) -> Offer:
        own = root(f"RSA root of {place.label}", key=rsa_key())
        issuer = own.authority("RSA issuer", key=rsa_key())
        leaf = issuer.leaf(place.name)
        chain = (
            (leaf, signed_with(digest, issuer, own))
            if above
            else (signed_with(digest, leaf, issuer), issuer)
        )
        return Offer({V4: (chain,)}, (own,))

    return make


def _critical(place: Place) -> Offer:
    unheard = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00")
    return place.sends(place.issuer.leaf(place.name, more=[(unheard, True)]), place.issuer)


def _common_name_only(place: Place) -> Offer:
    return place.sends(place.issuer.leaf(common_name=place.name), place.issuer)


def _u_label(place: Place) -> Offer:
    leaf = place.issuer.leaf(f"api.{place.label}.éloquence.test")
    return place.sends(leaf, place.issuer)


def _by_address(address: str, make: Callable[[Place], Party]) -> Make:
    """Asked for without a name. Each case has an address of its own: Caddy goes by that then."""

    def offer(place: Place) -> Offer:
        chain = (make(place), place.issuer)
        return Offer({address: (chain,)}, (place.root,), typed_host=address)

    return offer


def _address_as_name(place: Place) -> Party:
    spelled = x509.SubjectAlternativeName([raw_name("127.0.0.4")])
    return place.issuer.leaf(common_name="127.0.0.4", more=[(spelled, False)])


def _must_staple(place: Place, stapled: Span | None = None) -> Offer:
    wanted = x509.TLSFeature([x509.TLSFeatureType.status_request])
    leaf = place.issuer.leaf(place.name, more=[(wanted, False)])
    return place.sends(leaf, place.issuer, stapled=stapled)


def staple(leaf: Party, issuer: Party, span: Span) -> bytes:
    """What an authority's responder says of a certificate that is good, and how long that holds."""
    return (
        ocsp.OCSPResponseBuilder()
        .add_response(
            cert=leaf.certificate,
            issuer=issuer.certificate,
            algorithm=hashes.SHA1(),  # noqa: S303  # RFC 5019: how the certificate is named
            cert_status=ocsp.OCSPCertStatus.GOOD,
            this_update=span[0],
            next_update=span[1],
            revocation_time=None,
            revocation_reason=None,
        )
        .responder_id(ocsp.OCSPResponderEncoding.HASH, issuer.certificate)
        .sign(issuer.key, hashes.SHA256())
        .public_bytes(Encoding.DER)
    )


def _two_kinds(place: Place, *, ecdsa_expired: bool = False) -> Offer:
    """A client that takes both is shown the one with the elliptic curve."""
    ecdsa = place.leaf(_OVER if ecdsa_expired else QUARTER)
    rsa = place.issuer.leaf(place.name, key=rsa_key())
    chains = ((ecdsa, place.issuer), (rsa, place.issuer))
    return Offer({V4: chains}, (place.root,))


def _at_two(one: str, other: str, first: Span = QUARTER, second: Span = QUARTER) -> Make:
    def make(place: Place) -> Offer:
        shown = {
            at: ((place.leaf(span), place.issuer),) for at, span in ((one, first), (other, second))
        }
        return Offer(shown, (place.root,))

    return make


def _only(version: str) -> Manner:
    return Manner(
        nginx=f"ssl_protocols TLSv{version};".replace("TLSv1.0", "TLSv1"),
        caddy=f"    protocols tls{version} tls{version}" if version >= "1.2" else None,
        haproxy=f"ssl-min-ver TLSv{version} ssl-max-ver TLSv{version}",
    )


def _refuses_names(place: Place) -> Offer:
    """The server has a site of another name, and says so instead of showing that one's."""
    other = f"www.{place.label}.other.test"
    return place.sends(place.issuer.leaf(other), place.issuer, site=other)


# Caddy takes either of two certificates for both sites, as both are for the name.
_NOT_CADDY: Final = Manner(caddy=None)
_PLAIN: Final = Manner(plain=True)
_STAPLES: Final = Manner(
    nginx="ssl_stapling on; ssl_stapling_file {staple};",
    caddy=None,  # which asks the authority itself
)
_REFUSES_NAMES: Final = Manner(nginx="ssl_reject_handshake on;", haproxy="strict-sni")
_WANTS_CLIENTS: Final = Manner(
    nginx=None,  # which asks for it in HTTP
    caddy="    protocols tls1.2 tls1.2\n"
    "    client_auth {{\n      mode require_and_verify\n"
    "      trusted_ca_cert_file {ca}\n    }}",
    haproxy="verify required ca-file {ca} ssl-max-ver TLSv1.2",
)
_NO_CIPHER: Final = Manner(
    nginx="ssl_protocols TLSv1.2; ssl_ciphers ECDHE-ECDSA-NULL-SHA;",
    caddy=None,
    haproxy="ssl-max-ver TLSv1.2 ciphers ECDHE-ECDSA-NULL-SHA",
)
_HTTP2_TO_HTTP1: Final = Manner(nginx=None, caddy=None, haproxy_mode="tcp")

FAULTS: Final[dict[str, Fault]] = {
    # What is sent after the leaf
    "leaf-alone": Fault(lambda p: p.sends(p.leaf()), "cert-chain-incomplete", "chain.incomplete"),
    "leaf-and-root": Fault(
        lambda p: p.sends(p.leaf(), p.root), "cert-chain-incomplete", "chain.incomplete"
    ),
    "lower-intermediate-missing": Fault(
        lambda p: p.sends(p.lower.leaf(p.name), p.upper),
        "cert-chain-incomplete",
        "chain.incomplete",
    ),
    "upper-intermediate-missing": Fault(
        lambda p: p.sends(p.lower.leaf(p.name, more=[logged()]), p.lower),
        "cert-chain-incomplete",
        "chain.incomplete",
    ),
    "upper-intermediate-missing-unlogged": Fault(
        lambda p: p.sends(p.lower.leaf(p.name), p.lower),
        "cert-chain-incomplete",
        "chain.issuer-missing",
    ),
    "intermediate-of-another": Fault(
        lambda p: p.sends(p.leaf(), p.upper), "cert-chain-incomplete", "chain.incomplete"
    ),
    "namesake-of-the-intermediate": Fault(
        lambda p: p.sends(p.leaf(), p.root.authority(f"Issuer of {p.label}")),
        "cert-chain-incomplete",
        "chain.incomplete",
    ),
    # Who stands behind it
    "self-signed": Fault(
        lambda p: p.sends(self_signed(p.name)), "cert-untrusted", "chain.self-signed"
    ),
    "unknown-authority": Fault(
        lambda p: _stranger(p, with_root=False), "cert-untrusted", "chain.unknown-root"
    ),
    "unknown-authority-with-its-root": Fault(
        lambda p: _stranger(p, with_root=True), "cert-untrusted", "chain.untrusted-root"
    ),
    # What it may be used for
    "not-for-servers": Fault(
        lambda p: p.sends(p.issuer.leaf(p.name, purposes=(CLIENT,)), p.issuer),
        "cert-untrusted",
        "chain.unfit",
    ),
    "issued-by-a-leaf": Fault(_issued_by_a_leaf, "cert-untrusted", "chain.unfit"),
    "path-too-long": Fault(_too_long, "cert-untrusted", "chain.unfit"),
    "outside-of-its-issuer-s-domain": Fault(
        lambda p: _by(p, p.root.authority("Only for others", permitted="other.test")),
        "cert-untrusted",
        "chain.unfit",
    ),
    "issuer-without-its-usage": Fault(
        lambda p: _by(
            p, p.root.authority("May not sign", usage=key_usage(signs=True, certificates=False))
        ),
        "cert-untrusted",
        "chain.unfit",
    ),
    "unheard-of-and-critical": Fault(_critical, "cert-untrusted", "chain.unfit"),
    "signature-spoiled": Fault(
        lambda p: p.sends(spoiled(p.leaf()), p.issuer), "cert-untrusted", "chain.unfit"
    ),
    # Keys and digests
    "rsa-1024": Fault(
        lambda p: p.sends(p.issuer.leaf(p.name, key=rsa_key(1024)), p.issuer),
        "cert-weak",
        "key.weak-key",
    ),
    "rsa-1024-above": Fault(_weak_intermediate, "cert-weak", "key.weak-key"),
    "sha1": Fault(_old_digest("sha1"), "cert-weak", "key.weak-signature"),
    "sha1-above": Fault(_old_digest("sha1", above=True), "cert-weak", "key.weak-signature"),
    "md5": Fault(_old_digest("md5"), "cert-weak", "key.weak-signature"),
    # Dates
    "expired": Fault(lambda p: p.lasting(-91, -1), "cert-expired", "handshake.expired"),
    "expired-seconds-ago": Fault(
        lambda p: p.lasting(-90, -2 / 86_400), "cert-expired", "handshake.expired"
    ),
    "to-come": Fault(lambda p: p.lasting(1, 91), "cert-not-yet-valid", "handshake.not-yet-valid"),
    "intermediate-expired": Fault(
        lambda p: _by(p, p.root.authority("Old issuer", span=_OVER)),
        "cert-expired",
        "chain.link-expired",
    ),
    "intermediate-to-come": Fault(
        lambda p: _by(p, p.root.authority("New issuer", span=(NOW + DAY, NOW + 900 * DAY))),
        "cert-not-yet-valid",
        "handshake.not-yet-valid",
    ),
    "root-expired": Fault(_expired_root, "cert-expired", "chain.link-expired"),
    "renewal-overdue": Fault(lambda p: p.lasting(-85, 5), "cert-expiring", "expiry.overdue"),
    "six-days-nearly-over": Fault(
        lambda p: p.lasting(-5.5, 0.5), "cert-expiring", "expiry.overdue"
    ),
    "ten-years-nearly-over": Fault(
        lambda p: p.lasting(-3630, 20), "cert-expiring", "expiry.overdue"
    ),
    "ecdsa-expired-beside-rsa": Fault(
        lambda p: _two_kinds(p, ecdsa_expired=True),
        "cert-expired",
        "handshake.expired",
        _NOT_CADDY,
    ),
    # Names
    "look-alike": Fault(
        lambda p: p.of(f"api.{p.label}.eloquence.test"), "cert-name-mismatch", "names.look-alike"
    ),
    "other-site": Fault(
        lambda p: p.of(f"www.{p.label}.other.test"), "cert-name-mismatch", "names.others"
    ),
    "parent-only": Fault(lambda p: p.of(p.domain), "cert-name-mismatch", "names.others"),
    "wildcard-one-level-up": Fault(
        lambda p: p.of("*.xn--loquence-90a.test"), "cert-name-mismatch", "names.others"
    ),
    "wildcard-of-the-look-alike": Fault(
        lambda p: p.of(f"*.{p.label}.eloquence.test"), "cert-name-mismatch", "names.look-alike"
    ),
    "common-name-only": Fault(_common_name_only, "cert-name-mismatch", "names.none-in-it"),
    "u-label": Fault(_u_label, "cert-name-mismatch", "names.u-label", _NOT_CADDY),
    "address-not-in-it": Fault(
        _by_address("127.0.0.3", Place.leaf), "cert-name-mismatch", "names.others", _NOT_CADDY
    ),
    "must-staple-without": Fault(_must_staple, "cert-staple-missing", "staple.missing"),
    "must-staple-with-an-old-one": Fault(
        lambda p: _must_staple(p, (NOW - 9 * DAY, NOW - 2 * DAY)),
        "cert-staple-missing",
        "staple.unfit",
        replace(_STAPLES, haproxy=None),  # which staples none that is over
    ),
    "address-as-a-name": Fault(
        _by_address("127.0.0.4", _address_as_name), "cert-name-mismatch", "names.others"
    ),
    # Not the same everywhere
    "expired-over-ipv6": Fault(
        _at_two(V4, V6, second=_OVER),
        "cert-differs-by-address",
        "addresses.some-fail",
        _NOT_CADDY,
    ),
    "expired-over-ipv4": Fault(
        _at_two(V4, V6, first=_OVER),
        "cert-differs-by-address",
        "addresses.some-fail",
        _NOT_CADDY,
    ),
    "expired-at-another-address": Fault(
        _at_two(V4, OTHER_V4, second=_OVER),
        "cert-differs-by-address",
        "addresses.some-fail",
        _NOT_CADDY,
    ),
    "not-renewed-at-another-address": Fault(
        _at_two(V4, OTHER_V4, second=_OVERDUE),
        "cert-differs-by-address",
        "addresses.behind",
        _NOT_CADDY,
    ),
    # What is spoken there
    "tls-1-1-only": Fault(Place.served, "tls-too-old", "handshake.no-common-version", _only("1.1")),
    "tls-1-0-only": Fault(Place.served, "tls-too-old", "handshake.no-common-version", _only("1.0")),
    "plain-http": Fault(Place.served, "tls-on-plaintext-port", "handshake.plaintext", _PLAIN),
    "plain-livekit": Fault(_websockets, "tls-on-plaintext-port", "handshake.plaintext", _PLAIN),
    "name-refused": Fault(_refuses_names, "tls-not-answering", "handshake.failed", _REFUSES_NAMES),
    "client-certificate-wanted": Fault(
        Place.served, "tls-not-answering", "handshake.failed", _WANTS_CLIENTS
    ),
    "no-common-cipher": Fault(Place.served, "tls-not-answering", "handshake.failed", _NO_CIPHER),
    "http2-to-an-http1-server": Fault(
        _websockets, "http2-breaks-websocket", "websocket.refused", _HTTP2_TO_HTTP1
    ),
}


def _cross_signed(*, trusts: tuple[str, ...], sends_both: bool = False) -> Make:
    """A young root vouched for by an old one: its twin, the same name and key."""

    def make(place: Place) -> Offer:
        old, key = root(f"Old root of {place.label}"), ec_key()
        young = root(f"Young root of {place.label}", key=key)
        twin = old.authority(f"Young root of {place.label}", key=key)
        issuer = young.authority("Issuer below the young root")
        chain = (issuer.leaf(place.name), issuer, twin, *((young,) if sends_both else ()))
        known = {"old": old, "young": young}
        return Offer({V4: (chain,)}, tuple(known[name] for name in trusts))

    return make


def _expired_twin(place: Place) -> Offer:
    """As Let's Encrypt sent it for years: the old root is over, the young one is known."""
    old, key = root("Old root", span=(NOW - 900 * DAY, NOW - DAY)), ec_key()
    young = root(f"Young root of {place.label}", key=key)
    twin = old.authority(f"Young root of {place.label}", key=key)
    issuer = young.authority("Issuer below the young root")
    return Offer({V4: ((issuer.leaf(place.name), issuer, twin),)}, (young, old))


def _without_key_usage(place: Place) -> Offer:
    own = root(f"Plain root of {place.label}", without_usage=True)
    issuer = own.authority("Issuer without usage", without_usage=True)
    return Offer({V4: ((issuer.leaf(place.name), issuer),)}, (own,))


ODDITIES: Final[dict[str, Oddity]] = {
    "plain": Oddity(Place.served),
    "without-ocsp": Oddity(lambda p: p.sends(p.issuer.leaf(p.name, says_where=False), p.issuer)),
    "six-days-on-its-second": Oddity(lambda p: p.lasting(-2, 4)),
    "ten-years": Oddity(lambda p: p.lasting(-1, 3640)),
    "wildcard": Oddity(lambda p: p.of(f"*.{p.domain}")),
    "many-names": Oddity(
        lambda p: p.of(*(f"n{number}.{p.domain}" for number in range(40)), p.name)
    ),
    "with-an-address": Oddity(lambda p: p.of(p.name, V4, V6)),
    "asked-by-its-address": Oddity(
        _by_address("127.0.0.5", lambda p: p.issuer.leaf(p.name, "127.0.0.5"))
    ),
    "common-name-of-another": Oddity(
        lambda p: p.sends(p.issuer.leaf(p.name, common_name="www.other.test"), p.issuer)
    ),
    "with-its-root": Oddity(lambda p: p.sends(p.leaf(), p.issuer, p.root)),
    "root-in-the-middle": Oddity(lambda p: p.sends(p.leaf(), p.root, p.issuer)),
    "out-of-order": Oddity(lambda p: p.sends(p.lower.leaf(p.name), p.upper, p.lower)),
    "intermediate-twice": Oddity(lambda p: p.sends(p.leaf(), p.issuer, p.issuer)),
    "with-a-stranger": Oddity(lambda p: p.sends(p.leaf(), p.issuer, root("A stranger"))),
    "two-intermediates": Oddity(lambda p: p.sends(p.lower.leaf(p.name), p.lower, p.upper)),
    "ecdsa-and-rsa": Oddity(_two_kinds, _NOT_CADDY),
    "rsa": Oddity(lambda p: p.sends(p.issuer.leaf(p.name, key=rsa_key()), p.issuer)),
    "p-384": Oddity(
        lambda p: p.sends(
            p.issuer.leaf(p.name, key=ec.generate_private_key(ec.SECP384R1())), p.issuer
        )
    ),
    "for-clients-too": Oddity(
        lambda p: p.sends(
            p.issuer.leaf(p.name, purposes=(ExtendedKeyUsageOID.SERVER_AUTH, CLIENT)), p.issuer
        )
    ),
    "tls-1-3-only": Oddity(Place.served, _only("1.3")),
    "tls-1-2-only": Oddity(Place.served, _only("1.2")),
    "authority-without-key-usage": Oddity(_without_key_usage),
    "cross-signed-old-root-known": Oddity(_cross_signed(trusts=("old",))),
    "cross-signed-young-root-known": Oddity(_cross_signed(trusts=("young",))),
    "cross-signed-both-sent-and-known": Oddity(
        _cross_signed(trusts=("old", "young"), sends_both=True)
    ),
    "cross-signed-by-one-that-is-over": Oddity(_expired_twin),
    "must-staple-with-its-staple": Oddity(
        lambda p: _must_staple(p, (NOW - DAY, NOW + 3 * DAY)), _STAPLES
    ),
    "another-one-over-ipv6": Oddity(_at_two(V4, V6), _NOT_CADDY),
    "another-one-at-another-address": Oddity(_at_two(V4, OTHER_V4), _NOT_CADDY),
    "websockets": Oddity(_websockets),
}
