"""The folder that is deployed: every file of it with its hash, read once, in constant memory.

Nothing is followed out of it: links stay links, and one that leads out of the tree is refused by
name, as is what is neither file, folder nor link. Names are whatever the file system holds; what is
no UTF-8 is kept by surrogates.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from eloquence_ops.deploy.ignore import (
    IGNORE_FILES,
    PRIVATE_KEY,
    Patterns,
    Reason,
    patterns,
    reason,
)
from eloquence_ops.errors import UsageError

CHUNK: Final = 1024 * 1024
MOST_FILES: Final = 50_000
_LARGEST_TEXT: Final = 1024 * 1024
_EXECUTABLE: Final = 0o755
_PLAIN: Final = 0o644


class SourceRefused(UsageError):
    """Something in the source cannot be deployed; it is named."""


class SourceChanged(UsageError):
    """A file changed while it was read: what would arrive is no state that anybody has seen."""

    exit_code = 1


@dataclass(frozen=True, slots=True)
class Entry:
    """A file, or a link within the tree. `path` with slashes, relative to the source."""

    path: str
    sha256: str
    size: int
    mode: int
    link: str | None = None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What is not deployed; of a folder that was left out only the folder is named."""

    path: str
    reason: Reason


@dataclass(frozen=True)
class Source:
    """What is deployed, in the order of its paths, and what is not."""

    root: Path
    entries: tuple[Entry, ...]
    left_out: tuple[LeftOut, ...] = ()

    @property
    def digest(self) -> str:
        """Of all names, modes and contents; the same wherever and whenever they are read."""
        total = hashlib.sha256()
        for entry in self.entries:
            line = (entry.path, f"{entry.mode:o}", entry.sha256, entry.link or "")
            total.update("\0".join(line).encode(errors="surrogateescape") + b"\n")
        return total.hexdigest()

    def entry(self, path: str) -> Entry | None:
        return next((entry for entry in self.entries if entry.path == path), None)

    def text(self, path: str) -> str | None:
        """A small file of it as text, None where there is none."""
        if (entry := self.entry(path)) is None or entry.link is not None:
            return None
        with _opened(self.root, path) as file:
            return file.read(_LARGEST_TEXT).decode("utf-8", errors="replace")


def read(folder: Path) -> Source:
    """Raises `SourceRefused`, and `SourceChanged` for a file that changed while it was hashed."""
    if not folder.is_dir():
        refused = "deploy.source-no-folder" if folder.exists() else "deploy.source-missing"
        raise SourceRefused(refused, source=folder)
    root = folder.resolve()
    entries: list[Entry] = []
    left_out: list[LeftOut] = []
    for entry in _walk(root, "", (), left_out):
        entries.append(entry)
        if len(entries) > MOST_FILES:
            raise SourceRefused("deploy.source-many", source=folder, limit=MOST_FILES)
    if not entries:
        raise SourceRefused("deploy.source-empty", source=folder)
    return Source(root, tuple(sorted(entries, key=lambda entry: entry.path)), tuple(left_out))


def chunks(root: Path, entry: Entry) -> Iterator[bytes]:
    """The content of a file as it was hashed. Raises `SourceChanged` where it is another one now:
    before its last byte, so that it never arrives whole."""
    total, left = hashlib.sha256(), entry.size
    try:
        file = _opened(root, entry.path)
    except SourceRefused:
        raise SourceChanged("deploy.source-changed", path=entry.path) from None
    with file:
        while left > 0:
            data = file.read(min(CHUNK, left))
            if not data:
                raise SourceChanged("deploy.source-changed", path=entry.path)
            total.update(data)
            left -= len(data)
            if left == 0 and (file.read(1) or total.hexdigest() != entry.sha256):
                raise SourceChanged("deploy.source-changed", path=entry.path)
            yield data


def _walk(
    root: Path, folder: str, above: Sequence[Patterns], left_out: list[LeftOut]
) -> Iterator[Entry]:
    here = root / folder
    try:
        with os.scandir(here) as listing:
            found = sorted(listing, key=lambda item: item.name)
    except OSError as refusal:
        raise _unreadable(folder or ".", refusal) from None
    known = (*above, *_own_patterns(root, folder, [item.name for item in found]))
    for item in found:
        path = f"{folder}/{item.name}" if folder else item.name
        is_folder = item.is_dir(follow_symlinks=False)
        why = reason(path, known, is_folder=is_folder)
        if why is None and is_folder and (here / item.name / "pyvenv.cfg").is_file():
            why = "made"
        if why is not None:
            left_out.append(LeftOut(path, why))
        elif is_folder:
            yield from _walk(root, path, known, left_out)
        elif item.is_symlink():
            yield _link(root, path)
        elif item.is_file(follow_symlinks=False):
            entry = _file(root, path)
            if entry is None:
                left_out.append(LeftOut(path, "private"))
            else:
                yield entry
        else:
            raise SourceRefused("deploy.source-special", path=path)


def _own_patterns(root: Path, folder: str, names: Iterable[str]) -> Iterator[Patterns]:
    present = [name for name in IGNORE_FILES if name in set(names)]
    texts = []
    for name in present:
        path = root / folder / name
        if path.is_symlink() or not path.is_file():  # git does not follow them either
            continue
        with _opened(root, f"{folder}/{name}" if folder else name) as file:
            texts.append(file.read(_LARGEST_TEXT).decode("utf-8", errors="surrogateescape"))
    if texts:
        yield patterns(folder, texts)


def _link(root: Path, path: str) -> Entry:
    place = root / path
    target = os.readlink(place)  # noqa: PTH115  # as it is written
    real = os.path.realpath(place)
    # Both: `a/../..` through a link that is a folder elsewhere, and a link to nothing yet.
    lexical = os.path.normpath(os.path.join(os.path.dirname(path), target))  # noqa: PTH118, PTH120
    leaves = os.path.isabs(target) or lexical.startswith("..")  # noqa: PTH117
    if leaves or not (real == str(root) or real.startswith(f"{root}{os.sep}")):
        raise SourceRefused("deploy.source-link", path=path, target=target)
    digest = hashlib.sha256(target.encode(errors="surrogateescape")).hexdigest()
    return Entry(path, digest, 0, 0o777, target)


def _file(root: Path, path: str) -> Entry | None:
    """None for a private key."""
    total = hashlib.sha256()
    with _opened(root, path) as file:
        before = os.fstat(file.fileno())
        size = 0
        while data := file.read(CHUNK):
            if not size and PRIVATE_KEY.search(data[:4096]) and not path.endswith(".py"):
                return None
            total.update(data)
            size += len(data)
        after = os.fstat(file.fileno())
    if _state(before) != _state(after) or size != after.st_size:
        raise SourceChanged("deploy.source-changed", path=path)
    mode = _EXECUTABLE if before.st_mode & 0o111 else _PLAIN
    return Entry(path, total.hexdigest(), size, mode)


def _state(of: os.stat_result) -> tuple[int, int, int]:
    return of.st_ino, of.st_size, of.st_mtime_ns


def _opened(root: Path, path: str) -> _Opened:
    """A regular file, without waiting for one that became a pipe. Raises `SourceRefused`."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        descriptor = os.open(root / path, flags | getattr(os, "O_BINARY", 0))
    except OSError as refusal:
        raise _unreadable(path, refusal) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise SourceRefused("deploy.source-special", path=path)
    return _Opened(descriptor)


class _Opened:
    """A file without a buffer of its own."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __enter__(self) -> _Opened:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def fileno(self) -> int:
        return self._descriptor

    def read(self, size: int) -> bytes:
        return os.read(self._descriptor, size)


def _unreadable(path: str, refusal: OSError) -> SourceRefused:
    return SourceRefused(
        "deploy.source-unreadable", path=path, reason=refusal.strerror or str(refusal)
    )
