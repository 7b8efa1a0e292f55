"""Reading files within bounds; saying why one could not be read."""

from __future__ import annotations

import os
import stat

KIB = 1024
LARGEST_FILE = 512 * KIB


class Unreadable(Exception):
    """Why a fact is not known: one of `REASONS`, and what the system said of it."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


REASONS = (
    "permission-denied",
    "not-found",
    "no-such-program",
    "timed-out",
    "too-large",
    "not-understood",
    "not-finished",
    "failed",
    "defect",
)


def reason_of(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return "permission-denied"
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return "not-found"
    return "failed"


def unreadable(error: OSError) -> Unreadable:
    return Unreadable(reason_of(error), "{}: {}".format(error.filename, error.strerror))


def read_bytes(path: str, limit: int = LARGEST_FILE) -> bytes:
    """A whole file of at most `limit` bytes. Raises `Unreadable`."""
    found, _ = _read(path, limit, from_end=False)
    if len(found) > limit:
        raise Unreadable("too-large", "{}: more than {} bytes".format(path, limit))
    return found


def read_text(path: str, limit: int = LARGEST_FILE) -> str:
    return text(read_bytes(path, limit))


def read_end(path: str, limit: int) -> tuple[bytes, bool]:
    """The last `limit` bytes of a file, and whether they are all of it. Raises `Unreadable`."""
    found, size = _read(path, limit, from_end=True)
    return found[-limit:], size <= limit


def _read(path: str, limit: int, from_end: bool) -> tuple[bytes, int]:
    try:
        # A pipe in the place of a file would let us wait for ever.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        try:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                raise Unreadable("failed", "{}: not a file".format(path))
            if from_end and status.st_size > limit:
                os.lseek(handle, -limit, os.SEEK_END)
            return _all_of(handle, limit + 1), status.st_size
        finally:
            os.close(handle)
    except OSError as error:
        raise unreadable(error) from None


def _all_of(handle: int, limit: int) -> bytes:
    """/proc says nothing of sizes and hands out pieces: read until there is no more."""
    pieces = []
    while limit > 0:
        piece = os.read(handle, min(limit, 256 * KIB))
        if not piece:
            break
        pieces.append(piece)
        limit -= len(piece)
    return b"".join(pieces)


def text(raw: bytes) -> str:
    return raw.decode("utf-8", errors="backslashreplace")


def listing(path: str, most: int = 5000) -> list[str]:
    """The names in a folder, sorted. Raises `Unreadable`."""
    try:
        names = os.listdir(path)
    except OSError as error:
        raise unreadable(error) from None
    return sorted(names)[:most]
