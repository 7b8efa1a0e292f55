"""The roots that Android ships. An app in Flutter trusts them there, and no other."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_suffix(".toml")


@dataclass(frozen=True)
class AndroidRoots:
    """`version` is Android's; `names` are subjects by SHA-256 fingerprint, in hex; `keys` are the
    key identifiers (hex, may be empty) by subject."""

    version: str
    names: Mapping[str, str]
    keys: Mapping[str, frozenset[str]]

    def issued(self, issuer: str, authority_key: str) -> bool:
        """Whether a certificate that names this issuer and this key of it is one of these roots'.

        An identifier that one of the two lacks is compared with nothing (RFC 5280, 4.2.1.1).
        """
        keys = self.keys.get(issuer, frozenset())
        return bool(keys) and (not authority_key or bool(keys & {authority_key, ""}))


@cache
def android_roots() -> AndroidRoots:
    """As they were when the file was made, which says where from."""
    document = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    keys: dict[str, frozenset[str]] = {}
    for root in document["roots"].values():
        keys[root["subject"]] = keys.get(root["subject"], frozenset()) | {root["key"]}
    names = {sha256: root["name"] for sha256, root in document["roots"].items()}
    return AndroidRoots(document["version"], names, keys)
