"""The files that are sent, out of one compressed archive, into a folder of their own.

The archive is the client's, and yet only what the job's manifest announces is taken out of it: no
other name, size or kind. Runs as the service's user (`identity.acting_as`).
"""

from __future__ import annotations

import hashlib
import os
import tarfile
import zlib
from typing import IO, Iterable, cast

from eloquence_ops.deploy.remote.frames import Gone, Heard
from eloquence_ops.deploy.remote.tree import hash_of_link
from eloquence_ops.deploy.remote.why import Failed

_BLOCK = 256 * 1024


class Undone(Exception):
    """The client takes it back; why it does."""


class Upload:
    """The archive as a file that can be read once, out of the frames `d` up to `e`.

    It is unpacked here and a block at a time, not by `tarfile`: a few frames may hold a gigabyte.
    """

    def __init__(self, heard: Heard) -> None:
        self._heard, self._packed, self._ended = heard, b"", False
        self._unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)

    def read(self, size: int) -> bytes:
        """No more than `size`; empty at the end. Raises `Failed`, `Gone`, `Undone`."""
        while True:
            try:
                found = self._unpacker.decompress(self._packed, size)
            except zlib.error as error:
                raise Failed("files", "the archive: {}".format(error)) from None
            self._packed = self._unpacker.unconsumed_tail
            if found or self._ended:
                return found
            self._take()

    def _take(self) -> None:
        frame = self._heard.next()
        if frame.kind == "d":
            self._packed += frame.payload
        elif frame.kind == "e":
            self._ended = True
        elif frame.kind == "u":
            raise Undone(frame.payload.decode("utf-8", "replace"))
        elif not frame.kind:
            raise Gone

    def finish(self) -> None:
        while not self._ended:
            self._packed = b""
            self._take()


class Announced:
    """A file that the manifest names. `target`: a link, and where it leads."""

    def __init__(self, row: list[object]) -> None:
        path, sha256, size, mode, target = [*row, None, None][:5] if len(row) < 5 else row[:5]
        self.path = str(path)
        self.sha256 = str(sha256)
        self.size = int(str(size))
        self.mode = int(str(mode if mode is not None else 0o644)) & 0o777
        self.target = None if target is None else str(target)


def safe_path(path: str) -> str:
    """Relative, without a step up or out. Raises `Failed`."""
    parts = path.split("/")
    if not path or path.startswith("/") or "\0" in path or any(p in ("", ".", "..") for p in parts):
        raise Failed("files", "a path that leads elsewhere", path=path)
    return path


def safe_target(path: str, target: str) -> str:
    """A link stays within the release. Raises `Failed`."""
    inside = os.path.normpath(os.path.join("/r", os.path.dirname(path), target))
    if target.startswith("/") or not (inside == "/r" or inside.startswith("/r/")):
        raise Failed("files", "a link that leads out of the release", path=path)
    return target


def announced(rows: Iterable[object]) -> dict[str, Announced]:
    """By path. Raises `Failed` for one that leads elsewhere or that another one stands in."""
    found: dict[str, Announced] = {}
    for row in rows:
        entry = Announced(cast("list[object]", row))
        safe_path(entry.path)
        if entry.target is not None:
            safe_target(entry.path, entry.target)
        if entry.path in found:
            raise Failed("files", "named twice", path=entry.path)
        found[entry.path] = entry
    for path in found:
        above = os.path.dirname(path)
        while above:
            if above in found:
                raise Failed("files", "a file that is a folder too", path=above)
            above = os.path.dirname(above)
    return found


def receive(
    heard: Heard,
    folder: str,
    wanted: dict[str, Announced],
    wheels: dict[str, Announced],
) -> int:
    """Takes `files/…` and `wheels/…` into `folder`; how many. Raises `Failed`, `Gone`, `Undone`."""
    upload = Upload(heard)
    taken = set()
    try:
        with tarfile.open(
            fileobj=cast("IO[bytes]", upload), mode="r|", errorlevel=2, bufsize=_BLOCK
        ) as archive:
            for member in archive:
                kind, _, path = member.name.partition("/")
                entry = {"files": wanted, "wheels": wheels}.get(kind, {}).get(path)
                if entry is None or member.name in taken:
                    raise Failed("files", "not announced", path=member.name)
                taken.add(member.name)
                _take(archive, member, os.path.join(folder, kind), entry)
    except tarfile.TarError as error:
        raise Failed("files", "the archive: {}".format(error)) from None
    upload.finish()
    return len(taken)


def _take(archive: tarfile.TarFile, member: tarfile.TarInfo, root: str, entry: Announced) -> None:
    where = os.path.join(root, entry.path)
    os.makedirs(os.path.dirname(where), mode=0o755, exist_ok=True)
    if entry.target is not None:
        if not member.issym() or member.linkname != entry.target:
            raise Failed("files", "another kind of file than announced", path=entry.path)
        os.symlink(entry.target, where)
        return
    content = archive.extractfile(member) if member.isreg() else None
    if content is None or member.size != entry.size:
        raise Failed("files", "another size or kind than announced", path=entry.path)
    digest = hashlib.sha256()
    # Made anew, and through no link: whatever came before it in the archive.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    handle = os.open(where, flags, 0o600)
    try:
        while True:
            piece = content.read(_BLOCK)
            if not piece:
                break
            digest.update(piece)
            left = memoryview(piece)
            while left:
                left = left[os.write(handle, left) :]
        os.fchmod(handle, entry.mode)
    finally:
        os.close(handle)
    if digest.hexdigest() != entry.sha256:
        raise Failed("changed", "its content is not what was announced", path=entry.path)


def verified(root: str, entry: Announced) -> None:
    """What now lies there is what was announced. Raises `Failed` and `OSError`."""
    from eloquence_ops.deploy.remote.tree import hash_of

    where = os.path.join(root, entry.path)
    if entry.target is not None:
        found = hash_of_link(os.readlink(where))
        expected = hash_of_link(entry.target)
    else:
        found, expected = hash_of(where), entry.sha256
    if found != expected:
        raise Failed("files", "its content is not what was written", path=entry.path)
