"""Keys beside certificates, both made by the real openssl."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from eloquence_ops.server.remote import certificate_keys, certificates, nginx_config, proxy
from eloquence_ops.server.remote.gaps import Gaps
from tests.real import require

RSA = ("RSA", "-pkeyopt", "rsa_keygen_bits:2048")
EC = ("EC", "-pkeyopt", "ec_paramgen_curve:P-256")
EC_WITH_PARAMETERS = ("EC", "-pkeyopt", "ec_paramgen_curve:secp384r1")
ED25519 = ("ED25519",)
KINDS = pytest.mark.parametrize(
    "kind", [RSA, EC, EC_WITH_PARAMETERS, ED25519], ids=lambda kind: kind[-1]
)


def openssl(*words: str) -> None:
    subprocess.run(
        ["openssl", *words], check=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=60
    )


def a_key(path: Path, kind: tuple[str, ...] = EC) -> str:
    openssl("genpkey", "-algorithm", *kind, "-out", str(path))
    return str(path)


def certified(path: Path, key: str, *more: str) -> str:
    openssl("req", "-x509", "-key", key, "-out", str(path), "-subj", "/CN=a", "-days", "9", *more)
    return str(path)


@KINDS
def test_a_certificate_and_its_key(tmp_path: Path, kind: tuple[str, ...]) -> None:
    key = a_key(tmp_path / "key.pem", kind)
    certificate = certified(tmp_path / "cert.pem", key)
    told = certificate_keys.described(certificate, key)
    assert told == {"path": key, "matches": True, "why": ""}


@KINDS
@pytest.mark.parametrize("other", [RSA, EC, ED25519], ids=lambda kind: kind[-1])
def test_another_key_of_the_same_kind_and_of_another(
    tmp_path: Path, kind: tuple[str, ...], other: tuple[str, ...]
) -> None:
    certificate = certified(tmp_path / "cert.pem", a_key(tmp_path / "key.pem", kind))
    key = a_key(tmp_path / "other.pem", other)
    told = certificate_keys.described(certificate, key)
    assert told == {"path": key, "matches": False, "why": ""}


@pytest.mark.parametrize(
    ("other", "said"),
    # Of another kind it takes without a word, and then finishes no handshake.
    [(RSA, "key values mismatch"), (EC, "")],
    ids=["same-kind", "another-kind"],
)
def test_what_nginx_says_of_a_key_that_does_not_fit(
    tmp_path: Path, other: tuple[str, ...], said: str
) -> None:
    nginx = require("nginx")
    certificate = certified(tmp_path / "cert.pem", a_key(tmp_path / "key.pem", RSA))
    key = a_key(tmp_path / "other.pem", other)
    assert certificate_keys.described(certificate, key)["matches"] is False
    folders = "".join(
        f"{of}_temp_path {tmp_path}/{of}; " for of in ("proxy", "fastcgi", "uwsgi", "scgi")
    )
    main = tmp_path / "nginx.conf"
    main.write_text(
        f"pid {tmp_path}/pid; error_log stderr; events {{}}\n"
        f"http {{ access_log off; client_body_temp_path {tmp_path}/body; {folders}"
        "server { listen 127.0.0.1:18998 ssl; "
        f"ssl_certificate {certificate}; ssl_certificate_key {key}; }} }}\n"
    )
    done = subprocess.run(
        [nginx, "-t", "-q", "-p", tmp_path, "-c", main],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (said in done.stderr, done.returncode == 0) == (True, not said)


def test_how_weak_they_are_does_not_matter(tmp_path: Path) -> None:
    key = a_key(tmp_path / "key.pem", ("RSA", "-pkeyopt", "rsa_keygen_bits:1024"))
    certificate = certified(tmp_path / "cert.pem", key, "-sha1")
    assert certificate_keys.described(certificate, key)["matches"] is True


@pytest.mark.parametrize("traditional", [False, True])
def test_an_encrypted_key_is_not_guessed_at(tmp_path: Path, traditional: bool) -> None:
    plain, key = a_key(tmp_path / "plain.pem", RSA), str(tmp_path / "key.pem")
    certificate = certified(tmp_path / "cert.pem", plain)
    way = ("rsa", "-traditional") if traditional else ("pkey",)
    openssl(*way, "-in", plain, "-aes256", "-passout", "pass:secret", "-out", key)
    told = certificate_keys.described(certificate, key)
    assert told == {"path": key, "matches": None, "why": "encrypted"}


def test_what_is_no_key(tmp_path: Path) -> None:
    certificate = certified(tmp_path / "cert.pem", a_key(tmp_path / "key.pem"))
    (tmp_path / "text").write_text("no key\n")
    os.mkfifo(tmp_path / "pipe")  # which would be waited for
    (tmp_path / "long").write_bytes(bytes(300 * 1024))
    broken = (tmp_path / "key.pem").read_text().replace("M", "N", 1)
    (tmp_path / "broken").write_text(broken)
    told = {
        name: certificate_keys.described(certificate, str(tmp_path / name))
        for name in ("gone", "text", "pipe", "long", "broken", "cert.pem", ".")
    }
    assert {entry["matches"] for entry in told.values()} == {None}
    whys = {name: entry["why"] for name, entry in told.items()}
    assert whys.pop("gone") == "not-found"
    assert set(whys.values()) == {"unreadable"}


def test_a_key_for_root_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = certified(tmp_path / "cert.pem", a_key(tmp_path / "key.pem"))

    def denied(path: str, *_: object) -> int:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "open", denied)  # as root itself nothing is
    told = certificate_keys.described(certificate, str(tmp_path / "key.pem"))
    assert (told["matches"], told["why"]) == (None, "permission-denied")


def test_a_python_without_openssl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = a_key(tmp_path / "key.pem")
    certificate = certified(tmp_path / "cert.pem", key)
    monkeypatch.setitem(sys.modules, "ssl", None)
    assert certificate_keys.described(certificate, key)["why"] == "no-openssl"


def test_where_haproxy_has_the_key_of_a_file(tmp_path: Path) -> None:
    key = a_key(tmp_path / "key.pem")
    certificate = Path(certified(tmp_path / "site.pem", key))
    assert certificate_keys.of_combined(str(certificate)) == ""
    assert certificate_keys.of_combined(str(tmp_path / "gone.pem")) == ""
    for beside in ("site.key", "site.pem.key"):
        shutil.copy(key, tmp_path / beside)
        assert certificate_keys.of_combined(str(certificate)) == str(tmp_path / beside)
    whole = tmp_path / "whole.pem"
    whole.write_text(certificate.read_text() + Path(key).read_text())
    assert certificate_keys.of_combined(str(whole)) == str(whole)
    assert certificate_keys.described(str(whole), str(whole))["matches"] is True
    other = Path(a_key(tmp_path / "other.pem"))
    whole.write_text(other.read_text() + certificate.read_text())
    assert certificate_keys.described(str(whole), str(whole))["matches"] is False


def test_the_pairs_of_nginx() -> None:
    directives = nginx_config.parse(
        """
        http {
          ssl_certificate_key common.key;
          server { ssl_certificate a.pem; }
          server {
            ssl_certificate b-rsa.pem; ssl_certificate_key b-rsa.key;
            ssl_certificate b-ec.pem; ssl_certificate_key b-ec.key;
          }
          server { listen 80; }
        }
        stream { server { ssl_certificate c.pem; ssl_certificate_key c.key; } }
        """
    )
    assert nginx_config.key_pairs(directives) == [
        ("a.pem", "common.key"),
        ("b-rsa.pem", "b-rsa.key"),
        ("b-ec.pem", "b-ec.key"),
        ("c.pem", "c.key"),
    ]


@pytest.mark.parametrize("name", ["nginx", "caddy", "haproxy"])
@pytest.mark.parametrize("fits", [True, False])
def test_from_a_configuration_to_the_answer(tmp_path: Path, name: str, fits: bool) -> None:
    key = a_key(tmp_path / "site.key")
    certificate = certified(tmp_path / "site.pem", key)
    if not fits:
        a_key(tmp_path / "site.key")
    text, load = {
        "nginx": (
            "http { server { ssl_certificate site.pem; ssl_certificate_key site.key; }"
            "server { ssl_certificate $ssl_server_name.pem; ssl_certificate_key $host.key; }"
            "server { ssl_certificate site.pem; ssl_certificate_key engine:pkcs11:a; } }",
            proxy._nginx,
        ),
        "caddy": (
            f"a.test {{\n tls {certificate} {key}\n}}\nb.test {{\n tls internal {{\n}}\n}}\n",
            proxy._caddy,
        ),
        "haproxy": (f"frontend a\n  bind :443 ssl crt {certificate}\n", proxy._haproxy),
    }[name]
    (tmp_path / "conf").write_text(text)
    configuration = load(str(tmp_path / "conf"), Gaps())
    assert configuration.keys == [(certificate, key)]
    found = certificates.facts({certificate: name}, Gaps(), configuration.keys)
    (of_site,) = (entry for entry in found if entry["path"] == certificate)
    assert of_site["keys"] == [{"path": key, "matches": fits, "why": ""}]
