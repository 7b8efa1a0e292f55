"""Whether the key that a proxy is configured with belongs to its certificate.

A proxy that runs has loaded both, and does not notice that one was replaced; its next start does.
OpenSSL is asked here as the proxy asks it then, in this process: yes or no is all that is kept.
"""

from __future__ import annotations

import os

from eloquence_ops.server.remote.reading import KIB, Unreadable, read_bytes

_MOST_BYTES = 256 * KIB
_KEY = b"PRIVATE KEY-----"
_ENCRYPTED = (b"BEGIN ENCRYPTED PRIVATE KEY", b"4,ENCRYPTED")
# Of the same kind and another key's; of another kind (an RSA certificate, an EC key).
_MISMATCH = frozenset({"KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED"})


def described(certificate: str, key: str) -> dict[str, object]:
    """`matches` is None where it cannot be told; `why` says why, or that there is no key."""
    matches, why = _compared(certificate, key)
    return {"path": key, "matches": matches, "why": why}


def of_combined(path: str) -> str:
    """Where HAProxy finds the key of a file that it is given; empty where nowhere is seen."""
    try:
        if _KEY in read_bytes(path, _MOST_BYTES):
            return path
    except Unreadable:
        return ""
    beside = (path + ".key", os.path.splitext(path)[0] + ".key")
    return next((name for name in beside if os.path.exists(name)), "")


def _compared(certificate: str, key: str) -> tuple[bool | None, str]:
    try:
        # First of all: OpenSSL would wait for a pipe, and read a file of any length.
        raw = read_bytes(key, _MOST_BYTES)
    except Unreadable as error:
        known = error.reason in ("permission-denied", "not-found")
        return None, error.reason if known else "unreadable"
    if any(mark in raw for mark in _ENCRYPTED):
        return None, "encrypted"
    try:
        import ssl  # most servers have a key to compare, and some a Python without it
    except ImportError:
        return None, "no-openssl"
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("DEFAULT:@SECLEVEL=0")  # how strong they are is not the question
        context.load_cert_chain(certificate, key, password=_no_password)
    except ssl.SSLError as error:
        return (False, "") if error.reason in _MISMATCH else (None, "unreadable")
    except (OSError, ValueError):
        return None, "unreadable"
    return True, ""


def _no_password() -> bytes:
    """Without this OpenSSL would ask at the terminal."""
    return b""
