"""What goes over the link, both ways: frames to the server's program, lines of events back. Pure.

To it: `<kind> <length>`, a line end, and that many bytes. From it: lines that begin with the nonce
of this run, each with one event as JSON; whatever a login shell prints besides is no event.
"""

from __future__ import annotations

import json
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from eloquence_ops.deploy.source import Entry
from eloquence_ops.secrets import Secret

REQUEST: Final = "j"
SECRETS: Final = "s"
DATA: Final = "d"
END: Final = "e"
CONFIRM: Final = "c"
UNDO: Final = "u"
ALIVE: Final = "t"

_LONGEST_LINE: Final = 8 * 1024 * 1024
_LONGEST_NOISE: Final = 64 * 1024
_FRAME: Final = 256 * 1024
_LEVEL: Final = 6

Event = dict[str, Any]


class NotEvents(Exception):
    """The far end speaks, and not in events of ours."""


def frame(kind: str, payload: bytes = b"") -> bytes:
    return b"%s %d\n%s" % (kind.encode(), len(payload), payload)


def request(nonce: str, asked: Mapping[str, Any]) -> bytes:
    """Paths that are no UTF-8 go as lone surrogates, which JSON keeps."""
    return frame(REQUEST, json.dumps({"nonce": nonce, **asked}).encode())


def secrets(values: Mapping[str, Secret | None]) -> bytes:
    """Values that are nowhere else: not in a request, a log or an argument."""
    revealed = {name: secret.reveal() for name, secret in values.items() if secret}
    return frame(SECRETS, json.dumps(revealed).encode()) if revealed else b""


@dataclass
class Events:
    """The events among what the server's program says."""

    nonce: str
    noise: str = ""
    _rest: bytearray = field(default_factory=bytearray)

    def feed(self, data: bytes) -> Iterator[Event]:
        """Raises `NotEvents` where a line of ours is none, or has no end."""
        self._rest += data
        begin = f"{self.nonce} ".encode()
        *lines, rest = bytes(self._rest).split(b"\n")
        self._rest = bytearray(rest)
        if len(rest) > _LONGEST_LINE:
            raise NotEvents
        for line in lines:
            if not line.startswith(begin):
                self.noise = (self.noise + line.decode(errors="replace") + "\n")[:_LONGEST_NOISE]
                continue
            try:
                event = json.loads(line[len(begin) :])
            except (ValueError, RecursionError):
                raise NotEvents from None
            if not isinstance(event, dict) or not isinstance(event.get("event"), str):
                raise NotEvents
            yield event


@dataclass(frozen=True, slots=True)
class Member:
    """A file of the stream; `root` is the folder that `entry.path` is in."""

    name: str
    entry: Entry
    root: Path


def tar_frames(
    members: Iterable[Member], content: Callable[[Path, Entry], Iterator[bytes]]
) -> Iterator[bytes]:
    """One gzip stream of a PAX archive, in frames, in constant memory.

    `content` yields exactly `entry.size` bytes, or raises: then the stream is left unfinished.
    """
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    waiting = bytearray()

    def packed(data: bytes) -> Iterator[bytes]:
        waiting.extend(packer.compress(data))
        while len(waiting) >= _FRAME:
            yield frame(DATA, bytes(waiting[:_FRAME]))
            del waiting[:_FRAME]

    for member in members:
        yield from packed(_header(member.name, member.entry))
        for data in content(member.root, member.entry):
            yield from packed(data)
        yield from packed(b"\0" * (-member.entry.size % tarfile.BLOCKSIZE))
    yield from packed(b"\0" * 2 * tarfile.BLOCKSIZE)
    waiting.extend(packer.flush())
    for start in range(0, len(waiting), _FRAME):
        yield frame(DATA, bytes(waiting[start : start + _FRAME]))


def _header(name: str, entry: Entry) -> bytes:
    """Of a plain file; whose it is and since when is the server's matter."""
    info = tarfile.TarInfo(name)
    info.size, info.mode = entry.size, entry.mode
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
