"""Certificates on disk: which ones, for whom, until when, by which fingerprint."""

from __future__ import annotations

import base64
import binascii
import glob
import hashlib
import os
import re
from typing import Iterable

from eloquence_ops.server.remote import certificate_keys, der
from eloquence_ops.server.remote.gaps import Gaps
from eloquence_ops.server.remote.reading import KIB, Unreadable, read_bytes, unreadable

MOST = 40
MOST_KEYS = 4
_PEM = re.compile(rb"-----BEGIN (?:TRUSTED )?CERTIFICATE-----\s+([A-Za-z0-9+/=\s]+?)-----END")
_KEPT_BY = (
    "/etc/letsencrypt/live/*/fullchain.pem",
    "/var/lib/caddy/.local/share/caddy/certificates/*/*/*.crt",
)


def facts(
    configured: dict[str, str], gaps: Gaps, keys: Iterable[tuple[str, str]] = ()
) -> list[dict[str, object]]:
    """`configured` are paths and which program names them; what certbot and Caddy keep is added.
    `keys` are files of certificates, each with the file of a key that it is configured with."""
    paths = dict(configured)
    pairs = list(dict.fromkeys(keys))
    for pattern in _KEPT_BY:
        folder = pattern.partition("*")[0]
        if os.path.isdir(folder) and not os.access(folder, os.R_OK | os.X_OK):
            gaps.note(folder, "permission-denied", folder)
        for path in sorted(glob.glob(pattern)):
            paths.setdefault(path, "")
    found = []
    for path, used_by in list(paths.items())[:MOST]:
        with gaps.around(path):
            of_file = [key for certificate, key in pairs if certificate == path][:MOST_KEYS]
            with_keys = [certificate_keys.described(path, key) for key in of_file]
            found.append(dict(_described(path), used_by=used_by, keys=with_keys))
    return found


def _described(path: str) -> dict[str, object]:
    chain = chain_in(read_bytes(path, 256 * KIB))
    if not chain:
        raise Unreadable("not-understood", path + ": no certificate in it")
    leaf = der.certificate(chain[0])
    try:
        status = os.stat(path)
    except OSError as error:
        raise unreadable(error) from None
    return {
        "path": path,
        "subject": leaf.subject,
        "issuer": leaf.issuer,
        "names": leaf.names,
        "not_before": leaf.not_before,
        "not_after": leaf.not_after,
        "sha256": hashlib.sha256(chain[0]).hexdigest(),
        "chain_length": len(chain),
        "modified_at": int(status.st_mtime),
    }


def chain_in(raw: bytes) -> list[bytes]:
    """The certificates of a PEM file in order; its keys are not looked at."""
    found = []
    for body in _PEM.findall(raw)[:20]:
        try:
            found.append(base64.b64decode(b"".join(body.split()), validate=True))
        except binascii.Error:
            continue
    return found
