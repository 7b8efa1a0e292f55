"""The packets of one proof, and the responder's program as the words of a command. Pure.

`docs/ports.md` says how it goes. Whoever does not hold the run's secret can make neither a question
nor an answer; the secret goes to the server through standard input and nowhere else.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Final

from eloquence_ops.port_spans import packed, unpacked

_UNPACK: Final = "import sys,base64,zlib;exec(zlib.decompress(base64.b64decode(sys.argv[1])))"
# Isolated from the folder, environment and packages of whoever logs in; writes no caches.
_PYTHON: Final = ("python3", "-I", "-S", "-B", "-c", _UNPACK)

# Tag, port, number of the try; then the MAC. See `remote/responder.py`, which has them too.
_HEAD: Final = struct.Struct("!4sHH")
_MAC_BYTES: Final = 16
SIZE: Final = _HEAD.size + _MAC_BYTES
_ASKING, _ANSWERING = b"\xe5", b"\xe6"
# What a login shell may print before the program begins, and the longest report: all 65,535 ports,
# every other one.
_MOST_BYTES: Final = 4 * 1024 * 1024


class NotTheResponder(Exception):
    """What came is not what the program says."""


@dataclass(frozen=True)
class Run:
    """What packets of one proof have in common. `tag` is public, `secret` is not."""

    nonce: str = field(default_factory=lambda: secrets.token_hex(8))
    tag: bytes = field(default_factory=lambda: secrets.token_bytes(3))
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    def question(self, port: int, number: int) -> bytes:
        return self._sealed(_ASKING, port, number)

    def answered(self, packet: bytes) -> tuple[int, int] | None:
        """The port and the number of the try that a packet answers; None for any other."""
        if len(packet) != SIZE or packet[:4] != _ANSWERING + self.tag:
            return None
        _, port, number = _HEAD.unpack_from(packet)
        if not hmac.compare_digest(packet, self._sealed(_ANSWERING, port, number)):
            return None
        return port, number

    def _sealed(self, kind: bytes, port: int, number: int) -> bytes:
        head = _HEAD.pack(kind + self.tag, port, number)
        return head + hashlib.blake2s(head, key=self.secret, digest_size=_MAC_BYTES).digest()

    @property
    def first_line(self) -> bytes:
        """What standard input begins with."""
        return base64.b64encode(self.secret) + b"\n"

    def command(
        self, version: int, ports: Iterable[int], deadline_s: float, *, bind: bool
    ) -> tuple[str, ...]:
        """`version` of IP; `bind`: sockets that are bound, whatever else is allowed."""
        told = {
            "nonce": self.nonce,
            "family": version,
            "ports": packed(ports),
            "deadline_s": deadline_s,
            "tag": base64.b64encode(self.tag).decode(),
            "bind": bind,
        }
        return (*_PYTHON, _packed(), base64.b64encode(json.dumps(told).encode()).decode())


@cache
def _packed() -> str:
    text = (files("eloquence_ops.probes.ports.remote") / "responder.py").read_bytes()
    return base64.b64encode(zlib.compress(text, 9)).decode()


@dataclass(frozen=True)
class Ready:
    """How the responder listens. `room` is what the server's connection tracking has left."""

    way: str
    sees_arrivals: bool
    in_use: frozenset[int]
    left: frozenset[int]
    room: int | None


@dataclass(frozen=True)
class Report:
    """What it has heard so far, what arrived before any rule, what it could not send back."""

    heard: frozenset[int]
    arrived: frozenset[int]
    held_back: frozenset[int]
    translated: int
    dropped: int


class Sayings:
    """Takes the responder's lines out of what arrives. Raises `NotTheResponder`."""

    def __init__(self, nonce: str) -> None:
        self._start, self._rest = f"{nonce} ".encode(), b""

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        self._rest += data
        if len(self._rest) > _MOST_BYTES:
            raise NotTheResponder
        *lines, self._rest = self._rest.split(b"\n")
        found = [line[len(self._start) :] for line in lines if line.startswith(self._start)]
        try:
            said = [json.loads(line) for line in found]
        except (ValueError, RecursionError):
            raise NotTheResponder from None
        if not all(isinstance(one, dict) for one in said):
            raise NotTheResponder
        return said


def ready(said: dict[str, Any]) -> Ready:
    """Raises `NotTheResponder`."""
    try:
        room = said["room"]
        return Ready(
            way=_one_of(said["way"], "raw", "bound"),
            sees_arrivals=said["sees_arrivals"] is True,
            in_use=frozenset(unpacked(said["in_use"])),
            left=frozenset(unpacked(said["left"])),
            room=None if room is None else int(room),
        )
    except (KeyError, ValueError, TypeError):
        raise NotTheResponder from None


def report(said: dict[str, Any]) -> Report:
    """Raises `NotTheResponder`."""
    try:
        return Report(
            heard=frozenset(unpacked(said["heard"])),
            arrived=frozenset(unpacked(said["arrived"])),
            held_back=frozenset(unpacked(said["held_back"])),
            translated=int(said["translated"]),
            dropped=int(said["dropped"]),
        )
    except (KeyError, ValueError, TypeError):
        raise NotTheResponder from None


def _one_of(value: object, *allowed: str) -> str:
    if value not in allowed:
        raise ValueError("not a word of ours")
    return str(value)
