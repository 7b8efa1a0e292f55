"""Which host keys are known: the files of sshd(8), SSH_KNOWN_HOSTS FILE FORMAT. Never written.

Read anew because paramiko's reader takes the marker of a line for a host name, and a line whose
key is cut off keeps it from reading the rest. Certificates of hosts are not used: lines that begin
with @cert-authority are passed over.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from eloquence_ops.server.ssh_options import matches

KEY_TYPES: Final = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "ssh-rsa",
)
"""What a server can be asked for here."""
_LARGEST_BYTES: Final = 16 * 1024 * 1024
_PORT: Final = 22


class Verdict(StrEnum):
    KNOWN = "known"
    UNKNOWN = "unknown"
    CHANGED = "changed"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class HostKey:
    """A server's public key; `blob` is its wire format, RFC 4253, 6.6."""

    type: str
    blob: bytes

    @property
    def fingerprint(self) -> str:
        """As `ssh-keygen -l` and ssh print it."""
        digest = base64.b64encode(hashlib.sha256(self.blob).digest()).decode()
        return f"SHA256:{digest.rstrip('=')}"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line that could be read; `names` is its list of patterns, or one hashed name."""

    names: str
    key: HostKey
    revoked: bool
    file: Path
    line: int

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"

    def is_for(self, name: str) -> bool:
        if not self.names.startswith("|"):
            return matches(name, self.names.lower())
        try:
            _, one, salt, digest = self.names.split("|")
            made = hmac.digest(base64.b64decode(salt), name.encode(), "sha1")
            return one == "1" and hmac.compare_digest(made, base64.b64decode(digest))
        except ValueError:  # not four parts, or no base64
            return False


@dataclass(frozen=True, slots=True)
class Judgement:
    """`entries` are the lines it rests on."""

    verdict: Verdict
    entries: tuple[Entry, ...] = ()


def read(files: Iterable[Path]) -> tuple[Entry, ...]:
    """Every line of every file that can be read; the others are passed over, as ssh does."""
    return tuple(entry for file in files for entry in _entries(file))


def judge(entries: Iterable[Entry], host: str, port: int, key: HostKey) -> Judgement:
    """What the files say of the key that `host` shows (a name or address in lower case).

    A host that is known by keys of other types only counts as changed: it was asked for one of
    those first, and ssh, which asks what to do, would warn.
    """
    name = _name(host, port)
    of_host = [entry for entry in entries if entry.is_for(name)]
    # Without an entry of its own for the port, that of the name itself is good enough for ssh.
    of_name = [] if name == host else [entry for entry in entries if entry.is_for(host)]
    same = [entry for entry in (*of_host, *of_name) if entry.key == key]
    if revoked := tuple(entry for entry in same if entry.revoked):
        return Judgement(Verdict.REVOKED, revoked)
    if any(entry in of_host for entry in same):
        return Judgement(Verdict.KNOWN, tuple(same))
    others = tuple(entry for entry in of_host if not entry.revoked and entry.key.type in KEY_TYPES)
    if others:
        return Judgement(Verdict.CHANGED, others)
    return Judgement(Verdict.KNOWN if same else Verdict.UNKNOWN, tuple(same))


def known_types(entries: Iterable[Entry], host: str, port: int) -> tuple[str, ...]:
    """The types of the keys that are known of a host, to ask it for those first."""
    names = {_name(host, port), host}
    found = {
        entry.key.type
        for entry in entries
        if not entry.revoked and any(entry.is_for(name) for name in names)
    }
    return tuple(type_ for type_ in KEY_TYPES if type_ in found)


def _name(host: str, port: int) -> str:
    return host if port == _PORT else f"[{host}]:{port}"


def _entries(file: Path) -> Iterator[Entry]:
    try:
        with file.open("rb") as opened:
            text = opened.read(_LARGEST_BYTES).decode("utf-8", errors="replace")
    except OSError:
        return
    for number, line in enumerate(text.splitlines(), 1):
        fields = line.split()
        marker = fields.pop(0) if line.lstrip().startswith("@") else ""
        if len(fields) < 3 or fields[0].startswith("#") or marker not in ("", "@revoked"):
            continue
        names, type_, encoded = fields[:3]
        try:
            blob = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            continue
        # The blob begins with its own type; a line whose two halves disagree is nobody's.
        if blob.startswith(len(type_).to_bytes(4) + type_.encode()):
            yield Entry(names, HostKey(type_, blob), marker == "@revoked", file, number)
