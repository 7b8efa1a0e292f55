"""The kernel's log of this boot: as journald keeps it, or out of the kernel's own ring."""

from __future__ import annotations

import collections
import os
import re

from eloquence_ops.server.remote import journal
from eloquence_ops.server.remote.journal import MOST_RECOGNISED, Line, recognise, shown
from eloquence_ops.server.remote.log_patterns import KERNEL
from eloquence_ops.server.remote.processes import boot_time
from eloquence_ops.server.remote.reading import Unreadable, text, unreadable

_RING = "/dev/kmsg"
_LONGEST_RECORD = 8192  # what one read may bring, Documentation/ABI/testing/dev-kmsg
_MOST_RECORDS = 100000
_KEPT = 1500
# A container's groups as the whole machine names them: what is above is not this server's.
_ABOVE = re.compile(r"(_memcg=)/[^,]*?(?=/[\w-]+\.slice/)")
_RECORD = re.compile(r"^(\d+),\d+,(\d+),[^;]*;(.*)")


def facts() -> dict[str, object]:
    source, lines = read()
    found = recognise(lines, KERNEL)[-MOST_RECOGNISED:]
    return {"source": source, "recognised": [shown(entry, "") for entry in found]}


def read() -> tuple[str, list[Line]]:
    """Where the lines are from, `journal` or `ring`, and they. Raises `Unreadable`.

    A kernel always has something to say: a journal without a line of it does not keep them, as in
    a container, whose ring is that of the whole machine.
    """
    refusal: Unreadable | None = None
    try:
        lines = journal.of_kernel()
        if lines:
            return "journal", lines
    except Unreadable as refused:
        refusal = refused
    try:
        return "ring", ring(boot_time())
    except Unreadable as refused:
        raise refusal or refused from None


def ring(booted: float) -> list[Line]:
    """Raises `Unreadable`. `booted` is in seconds since 1970."""
    kept: collections.deque[Line] = collections.deque(maxlen=_KEPT)
    try:
        handle = os.open(_RING, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise unreadable(error) from None
    try:
        for _ in range(_MOST_RECORDS):
            try:
                line = parse(os.read(handle, _LONGEST_RECORD), booted)
            except BlockingIOError:
                break  # the newest has been read
            except BrokenPipeError:
                continue  # overwritten meanwhile; the next read goes on behind the gap
            except OSError as error:
                raise unreadable(error) from None
            if line is not None:
                kept.append(line)
    finally:
        os.close(handle)
    return list(kept)


def parse(record: bytes, booted: float) -> Line | None:
    """`6,1034,5140900,-;text`: facility and priority, number, microseconds since boot."""
    match = _RECORD.match(text(record))
    if match is None:
        return None
    facility, priority = divmod(int(match.group(1)), 8)
    if facility:
        return None  # written by a program
    message = _ABOVE.sub(r"\1", match.group(3))
    return Line(booted + int(match.group(2)) / 1e6, priority, "kernel", message, "")
