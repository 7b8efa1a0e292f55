"""The lab's certificates convince OpenSSL, and fail it in the way that was asked for."""

import datetime
import socket
import ssl
import stat
import threading
import unicodedata
from pathlib import Path

import pytest
from cryptography import x509

from eloquence_ops.lab.services.certificates import Authority, IssuedCertificate, a_label

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)


def _handshake(issued: IssuedCertificate, trusted: Path, name: str) -> str | None:
    """Verify a served certificate as a client does; None when OpenSSL is content."""
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(issued.chain_path, issued.key_path)
    client_context = ssl.create_default_context(cafile=str(trusted))
    client, server = socket.socketpair()

    def serve() -> None:
        try:
            server_context.wrap_socket(server, server_side=True).close()
        except OSError:
            server.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with client_context.wrap_socket(client, server_hostname=name):
            return None
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    finally:
        client.close()
        thread.join()


@pytest.mark.parametrize(
    ("names", "asked"),
    [
        (["éloquence.com"], "xn--loquence-90a.com"),
        (["api.éloquence.com", "livekit.éloquence.com"], "livekit.xn--loquence-90a.com"),
        (["*.éloquence.com"], "api.xn--loquence-90a.com"),
        (["127.0.0.1", "::1"], "127.0.0.1"),
        (["lab.test"], "lab.test"),
    ],
)
def test_an_issued_certificate_is_trusted_for_its_names(
    tmp_path: Path, names: list[str], asked: str
) -> None:
    authority = Authority(tmp_path)
    assert _handshake(authority.issue(names), authority.root_path, asked) is None


def test_a_strict_verification_is_passed_too(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    issued = authority.issue(["lab.test"])
    leaf = x509.verification.PolicyBuilder().store(x509.verification.Store([authority.root]))
    verifier = leaf.build_server_verifier(x509.DNSName("lab.test"))
    chain = verifier.verify(issued.certificate, [authority.intermediate])
    assert len(chain) == 3


def test_faulty_certificates_fail_as_asked(tmp_path: Path) -> None:
    authority, stranger = Authority(tmp_path / "a"), Authority(tmp_path / "b")
    cases = [
        (authority.issue(["other.test"]), "Hostname mismatch"),
        (authority.issue(["lab.test"], not_after=NOW - DAY), "certificate has expired"),
        (authority.issue(["lab.test"], not_before=NOW + DAY), "certificate is not yet valid"),
        (
            authority.issue(["lab.test"], include_intermediate=False),
            "unable to get local issuer certificate",
        ),
        (stranger.issue(["lab.test"]), "unable to get local issuer certificate"),
    ]
    for issued, message in cases:
        said = _handshake(issued, authority.root_path, "lab.test")
        assert said is not None
        assert message in said


def test_keys_are_for_their_owner_only_even_when_renewed_in_place(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    first = authority.issue(["lab.test"], stem="site")
    first.key_path.chmod(0o644)
    renewed = authority.issue(["lab.test"], stem="site")
    assert renewed.chain_path == first.chain_path
    assert stat.S_IMODE(renewed.key_path.stat().st_mode) == 0o600
    assert _handshake(renewed, authority.root_path, "lab.test") is None
    assert authority.issue(["lab.test"]).key_path != authority.issue(["lab.test"]).key_path


def test_what_cannot_be_issued_is_refused(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with pytest.raises(ValueError, match="at least one name"):
        authority.issue([])
    with pytest.raises(ValueError, match="before it begins"):
        authority.issue(["lab.test"], not_before=NOW, not_after=NOW - DAY)
    with pytest.raises(ValueError, match="A-label"):
        # All ASCII behind the prefix: the label that a misread guide produces.
        authority.issue(["xn--eloquence-.com"])


def test_a_label_accepts_a_decomposed_name() -> None:
    assert a_label(unicodedata.normalize("NFD", "Éloquence.com.")) == "xn--loquence-90a.com"
    assert a_label("*.éloquence.com") == "*.xn--loquence-90a.com"
