"""Files that hold a private key, in whatever format they were written."""

from __future__ import annotations

import base64
import binascii
import contextlib
import io
from pathlib import Path
from typing import Final

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    load_ssh_private_key,
)

from eloquence_ops.secrets import Secret

_LARGEST_BYTES: Final = 64 * 1024


class NeedsPassphrase(Exception):
    """The file is encrypted, and the passphrase is missing or wrong."""


class NotAKey(Exception):
    """The file holds no private key that can be used."""


def load(path: Path, passphrase: Secret | None = None) -> paramiko.PKey:
    """The key in `path`, with the certificate beside it if there is one that can be read, as ssh
    does; a passphrase takes its time.

    paramiko itself reads no PKCS #8, which clouds hand out: so cryptography reads each format, and
    paramiko is given the one that it knows. Raises `NeedsPassphrase`, `NotAKey`, `OSError`.
    """
    with path.open("rb") as file:
        data = file.read(_LARGEST_BYTES)
    password = passphrase.reveal().encode() if passphrase else None
    try:
        loaded = _loaded(data, password)
    except TypeError as error:  # no password for an encrypted key, or the other way round
        raise NeedsPassphrase from error
    except (ValueError, UnsupportedAlgorithm) as error:
        # A wrong passphrase and a broken file look alike in OpenSSH's format.
        raise (NeedsPassphrase if passphrase else NotAKey) from error
    kind = next((made for of, made in _KINDS.items() if isinstance(loaded, of)), None)
    if kind is None:
        raise NotAKey
    plain = loaded.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    key = kind.from_private_key(io.StringIO(plain))
    certificate = path.with_name(f"{path.name}-cert.pub")
    with contextlib.suppress(OSError, ValueError, IndexError, paramiko.SSHException):
        key.load_certificate(_text_of(certificate))
    return key


def _text_of(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(_LARGEST_BYTES).decode()


_Loaded = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey
_KINDS: Final[dict[type, type[paramiko.PKey]]] = {
    RSAPrivateKey: paramiko.RSAKey,
    EllipticCurvePrivateKey: paramiko.ECDSAKey,
    Ed25519PrivateKey: paramiko.Ed25519Key,
}


def _loaded(data: bytes, password: bytes | None) -> _Loaded:
    try:
        return load_ssh_private_key(data, password)  # type: ignore[return-value]  # or `kind` is None
    except ValueError:
        return load_pem_private_key(data, password)  # type: ignore[return-value]


def public_half(path: Path) -> bytes | None:
    """The wire format of the public key that belongs to a file: beside it, or the file itself.

    IdentityFile may name a public key, to choose among those of an agent.
    """
    for candidate in (path.with_name(f"{path.name}.pub"), path):
        try:
            with candidate.open("rb") as file:
                fields = file.read(_LARGEST_BYTES).split(None, 2)
            blob = base64.b64decode(fields[1], validate=True)
        except (OSError, IndexError, binascii.Error):
            continue
        if blob.startswith(len(fields[0]).to_bytes(4) + fields[0]):
            return blob
    return None
