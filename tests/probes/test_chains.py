"""Chains as real servers send them: what is read of each, and which root holds them."""

from __future__ import annotations

import asyncio
import ssl
import time
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

from eloquence_ops.endpoints import Endpoint, covers
from eloquence_ops.findings import Family
from eloquence_ops.observations import TlsChain, TlsHandshake
from eloquence_ops.observations.certificates import SentCertificate
from eloquence_ops.probes import certificates
from eloquence_ops.probes.road import Road
from eloquence_ops.probes.tls import client_context, given_roots, handshake
from eloquence_ops.secrets import Redactor
from tests.probes.authority import DAY, NOW, Authority, Issued, self_signed
from tests.probes.peers import Handler, peer, says, silent

NAME = "xn--loquence-90a.test"


def looked_at(
    server: ssl.SSLContext | None,
    context: ssl.SSLContext,
    *,
    given: frozenset[str] = frozenset(),
    handler: Handler = silent,
) -> tuple[TlsHandshake, TlsChain | None]:
    async def story() -> tuple[TlsHandshake, TlsChain | None]:
        async with peer(handler, tls=server) as port:
            return await handshake(
                Road(Endpoint("wss", NAME, 443), Family.IPV4, "127.0.0.1", port),
                context=context,
                timeout_s=3.0,
                started=time.monotonic(),
                given=given,
            )

    return asyncio.run(story())


def chain_of(
    server: ssl.SSLContext, context: ssl.SSLContext, given: frozenset[str] = frozenset()
) -> TlsChain:
    chain = looked_at(server, context, given=given)[1]
    assert chain is not None
    assert TlsChain.model_validate_json(chain.model_dump_json()) == chain
    return chain


def subjects(chain: TlsChain) -> list[str]:
    return [one.subject for one in chain.certificates]


def test_a_trusted_chain_is_read_as_sent_and_its_root_is_named(
    authority: Authority, trusting: ssl.SSLContext, tmp_path: Path
) -> None:
    middle = authority.intermediate()
    leaf = authority.leaf(NAME, issuer=middle)
    chain = chain_of(leaf.context(tmp_path, and_send=(middle,)), trusting)
    assert subjects(chain) == ["CN=leaf", "CN=Test intermediate"]
    assert (chain.sent, chain.verify_code, chain.unreadable) == (2, 0, ())
    assert chain.anchor is not None
    assert (chain.anchor.subject, chain.anchor.given) == ("CN=Test root", False)
    assert chain.anchor.sha256 == authority.root.certificate.fingerprint(hashes.SHA256()).hex()
    assert [one.is_authority for one in chain.certificates] == [False, True]
    assert chain.certificates[0].sha256 == leaf.certificate.fingerprint(hashes.SHA256()).hex()


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_what_is_sent_besides_is_seen_in_the_order_it_came(
    order: tuple[int, ...], authority: Authority, trusting: ssl.SSLContext, tmp_path: Path
) -> None:
    middle = authority.intermediate()
    besides = (middle, authority.root, Authority("Stranger").root)
    sent = tuple(besides[number] for number in order)
    leaf = authority.leaf(NAME, issuer=middle)
    chain = chain_of(leaf.context(tmp_path, and_send=sent), trusting)
    assert subjects(chain)[1:] == [one.certificate.subject.rfc4514_string() for one in sent]
    assert chain.verify_code == 0


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (lambda ca: ca.leaf(NAME, issuer=ca.intermediate()), 20),
        (lambda _: self_signed(NAME), 18),
        (lambda ca: ca.leaf(NAME, since=NOW - 9 * DAY, until=NOW - DAY), 10),
        (lambda ca: ca.leaf("other.test"), 62),
    ],
    ids=["without-its-intermediate", "self-signed", "expired", "other-name"],
)
def test_a_refused_chain_is_read_too_with_openssls_number_for_the_refusal(
    made: object, code: int, authority: Authority, trusting: ssl.SSLContext, tmp_path: Path
) -> None:
    assert callable(made)
    served: Issued = made(authority)
    chain = chain_of(served.context(tmp_path), trusting)
    assert (chain.verify_code, chain.anchor, chain.sent) == (code, None, 1)
    assert chain.certificates[0].sha256 == served.certificate.fingerprint(hashes.SHA256()).hex()


def test_a_root_of_the_users_own_is_told_from_the_systems(
    authority: Authority, tmp_path: Path
) -> None:
    file = tmp_path / "root.pem"
    file.write_bytes(authority.root.pem)
    given = given_roots(str(file))
    server = authority.leaf(NAME).context(tmp_path)
    chain = chain_of(server, client_context(str(file)), given)
    assert chain.anchor is not None
    assert chain.anchor.given
    assert given_roots(None) == frozenset()


def test_a_stricter_verifier_is_asked_only_of_what_clients_take(
    authority: Authority, trusting: ssl.SSLContext, tmp_path: Path
) -> None:
    # This authority writes no key identifiers and no key usage.
    assert chain_of(authority.leaf(NAME).context(tmp_path), trusting).disliked
    assert chain_of(self_signed(NAME).context(tmp_path), trusting).disliked == ""


def test_where_no_certificate_is_shown_there_is_no_chain(trusting: ssl.SSLContext) -> None:
    made, chain = looked_at(None, trusting, handler=says(b"HTTP/1.1 200 OK\r\n\r\n"))
    assert (made.outcome, chain) == ("plaintext", None)


# Hostile ones


def test_of_a_hundred_certificates_ten_are_described(
    authority: Authority, trusting: ssl.SSLContext, tmp_path: Path
) -> None:
    others = tuple(Authority(f"Number {number}").root for number in range(99))
    chain = chain_of(authority.leaf(NAME).context(tmp_path, and_send=others), trusting)
    assert (chain.sent, len(chain.certificates)) == (100, 10)
    assert chain.anchor is not None


def test_more_than_openssl_takes_is_a_failed_handshake(
    authority: Authority, trusting: ssl.SSLContext, tmp_path: Path
) -> None:
    names = [f"{number}.{'x' * 60}.test" for number in range(2000)]
    served = authority.leaf(NAME, *names).context(tmp_path)
    made, chain = looked_at(served, trusting)
    assert (made.outcome, chain) == ("failed", None)
    assert "EXCESSIVE" in made.detail


def test_a_certificate_damaged_anywhere_is_described_or_refused(authority: Authority) -> None:
    good = authority.leaf(NAME, "127.0.0.1").certificate.public_bytes(Encoding.DER)
    for position in range(len(good)):
        for value in (0x00, 0x7F, 0xFF):
            damaged = good[:position] + bytes([value]) + good[position + 1 :]
            made = certificates.describe_sent(damaged, Redactor())
            assert isinstance(made, SentCertificate | str)


def test_huge_fields_are_bounded_and_made_visible(authority: Authority) -> None:
    names = [f"host-{number}.test" for number in range(80)]
    leaf = authority.leaf(*names, common_name="a\x1b[2J password=hunter2")
    made = described(leaf.certificate)
    assert len(made.names) == 50
    assert "\\x1b" in made.subject
    assert "hunter2" not in made.subject


# Fields


def described(certificate: x509.Certificate) -> SentCertificate:
    made = certificates.describe_sent(certificate.public_bytes(Encoding.DER), Redactor())
    assert isinstance(made, SentCertificate), made
    return made


Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


def made_with(
    key: Key, *extensions: x509.ExtensionType, digest: hashes.HashAlgorithm | None = None
) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "one")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=6))
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    is_edwards = isinstance(key, ed25519.Ed25519PrivateKey)
    return builder.sign(key, None if is_edwards else digest or hashes.SHA256())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("key", "told", "bits", "digest"),
    [
        (ec.generate_private_key(ec.SECP256R1()), "EC secp256r1", 256, "sha256"),
        (ec.generate_private_key(ec.SECP192R1()), "EC secp192r1", 192, "sha256"),
        (rsa.generate_private_key(65537, 1024), "RSA", 1024, "sha256"),  # noqa: S505
        (ed25519.Ed25519PrivateKey.generate(), "Ed25519", 256, ""),
    ],
    ids=["p256", "p192", "rsa", "ed25519"],
)
def test_a_key_and_the_digest_of_the_signature(key: Key, told: str, bits: int, digest: str) -> None:
    made = described(made_with(key))
    assert (made.key, made.key_bits, made.digest) == (told, bits, digest)


def test_must_staple_and_the_address_of_the_issuer() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    at = x509.AccessDescription(
        AuthorityInformationAccessOID.CA_ISSUERS,
        x509.UniformResourceIdentifier("http://authority.test/one.cer"),
    )
    made = described(
        made_with(
            key,
            x509.TLSFeature([x509.TLSFeatureType.status_request]),
            x509.AuthorityInformationAccess([at]),
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()),
        )
    )
    assert made.must_staple
    assert made.issuer_url == "http://authority.test/one.cer"
    assert len(made.subject_key) == 40
    assert (made.scts, made.is_authority, made.authority_key) == (0, False, "")
    plain = described(made_with(key))
    assert (plain.must_staple, plain.issuer_url) == (False, "")


def test_a_name_with_accents_is_told_though_cryptography_refuses_it() -> None:
    good = self_signed("xloquence.test").certificate.public_bytes(Encoding.DER)
    latin = good.replace(b"xloquence.test", "éloquence.test".encode("latin-1"))
    made = certificates.describe_sent(latin, Redactor())
    assert isinstance(made, SentCertificate)
    assert made.names == ("\\xe9loquence.test",)


def test_an_address_that_stands_as_a_name_is_no_address() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.DNSName("127.0.0.4"), x509.IPAddress(ip_address("127.0.0.5"))]
    made = described(made_with(key, x509.SubjectAlternativeName(names)))
    assert set(made.names) == {"DNS:127.0.0.4", "127.0.0.5"}
    assert not any(covers(name, "127.0.0.4") for name in made.names)


def test_a_private_key_is_no_certificate() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    assert "cannot be read" in str(certificates.describe_sent(private, Redactor()))
