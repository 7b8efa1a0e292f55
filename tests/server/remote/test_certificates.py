"""Certificates on disk, beside what a full library reads from them."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from eloquence_ops.server.remote import certificates, der
from eloquence_ops.server.remote.gaps import Gaps
from eloquence_ops.server.remote.reading import Unreadable
from tests.server.remote import recorded


def made(begins: datetime.datetime, ends: datetime.datetime) -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "éloquence")])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "Autorité")]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName(
                [
                    x509.DNSName("api.xn--loquence-90a.com"),
                    x509.RFC822Name("a@example.com"),
                    x509.IPAddress(ipaddress.ip_address("203.0.113.5")),
                    x509.IPAddress(ipaddress.ip_address("2001:db8::5")),
                ]
            ),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )


@pytest.mark.parametrize(
    ("begins", "ends"),
    [((2026, 1, 2, 3, 4, 5), (2026, 4, 2, 3, 4, 5)), ((1999, 1, 1), (2061, 12, 31, 23, 59, 59))],
)
def test_it_reads_what_a_library_reads(begins: tuple[int, ...], ends: tuple[int, ...]) -> None:
    certificate = made(
        datetime.datetime(*begins, tzinfo=datetime.UTC),  # type: ignore[arg-type,misc]
        datetime.datetime(*ends, tzinfo=datetime.UTC),  # type: ignore[arg-type,misc]
    )
    found = der.certificate(certificate.public_bytes(serialization.Encoding.DER))
    assert found.not_before == certificate.not_valid_before_utc.timestamp()
    assert found.not_after == certificate.not_valid_after_utc.timestamp()
    assert (found.subject, found.issuer) == ("éloquence", "Autorité")
    assert found.names == ["api.xn--loquence-90a.com", "203.0.113.5", "2001:db8::5"]


def test_a_file_of_a_server() -> None:
    path = recorded.FOLDER / "fullchain.pem"
    gaps = Gaps()
    (found, *_) = certificates.facts({str(path): "nginx"}, gaps)
    leaf = x509.load_pem_x509_certificate(path.read_bytes())
    assert found["sha256"] == leaf.fingerprint(hashes.SHA256()).hex()
    assert (found["chain_length"], found["used_by"]) == (1, "nginx")


def test_the_chain_behind_a_key_is_counted_and_the_key_is_left_alone(tmp_path: Path) -> None:
    pem = recorded.text("fullchain.pem")
    key = "-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----\n"
    assert len(certificates.chain_in((key + pem + "text\n" + pem).encode())) == 2


def test_what_cannot_be_read_is_told_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").touch()
    gaps = Gaps()
    certificates.facts(
        {str(tmp_path / "empty.pem"): "nginx", str(tmp_path / "gone.pem"): "nginx"}, gaps
    )
    told = {(Path(entry["fact"]).name, entry["reason"]) for entry in gaps.entries}
    assert {("empty.pem", "not-understood"), ("gone.pem", "not-found")} <= told


WHOLE = certificates.chain_in(recorded.raw("fullchain.pem"))[0]


@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 255))
def test_a_damaged_one_raises_nothing_else(at: int, byte: int) -> None:
    for damaged in (WHOLE[:at], WHOLE[:at] + bytes([byte]) + WHOLE[at + 1 :]):
        with contextlib.suppress(Unreadable):
            der.certificate(damaged)
