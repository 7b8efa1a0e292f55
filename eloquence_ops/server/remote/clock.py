"""The clock, and whether the kernel holds it synchronised."""

from __future__ import annotations

import ctypes
import os
import struct
import time

from eloquence_ops.server.remote.gaps import Gaps
from eloquence_ops.server.remote.reading import Unreadable

_UNSYNCHRONISED = 0x0040  # STA_UNSYNC, adjtimex(2)
_DAEMONS = ("systemd-timesyn", "chronyd", "ntpd", "openntpd")
_TIMESYNC = "/run/systemd/timesync/synchronized"


def facts(running: set[str], gaps: Gaps) -> dict[str, object]:
    """`now` is seconds since 1970 in UTC, to the microsecond. `running` are names of processes."""
    found: dict[str, object] = {
        "now": time.time(),
        "zone": time.strftime("%Z"),
        "daemons": [name for name in _DAEMONS if name in running],
        "timesync_marker": os.path.exists(_TIMESYNC),
    }
    with gaps.around("synchronised"):
        status, largest_error_us = adjtimex()
        found["synchronised"] = not status & _UNSYNCHRONISED
        found["largest_error_s"] = largest_error_us / 1e6
    return found


def is_synchronised() -> bool:
    """Raises `Unreadable`."""
    return not adjtimex()[0] & _UNSYNCHRONISED


def adjtimex() -> tuple[int, int]:
    """The kernel's status bits and its largest error in microseconds. Asks, and sets nothing.

    This is what `timedatectl` shows as "System clock synchronized", whoever keeps the time.
    """
    if struct.calcsize("l") != 8:
        raise Unreadable("not-understood", "adjtimex: not a 64-bit system")
    # struct timex begins: modes, (4 bytes of padding,) offset, freq, maxerror, esterror, status.
    timex = ctypes.create_string_buffer(512)
    if ctypes.CDLL(None, use_errno=True).adjtimex(timex) < 0:
        raise Unreadable("permission-denied", "adjtimex: " + os.strerror(ctypes.get_errno()))
    _, _, _, largest_error, _, status = struct.unpack_from("i4xlllli", timex.raw)
    return status, largest_error
