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
    """`version` is Android's; `names` are subjects by SHA-256 fingerprint, in hex."""

    version: str
    names: Mapping[str, str]


@cache
def android_roots() -> AndroidRoots:
    """As they were when the file was made, which says where from."""
    document = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return AndroidRoots(document["version"], document["roots"])
