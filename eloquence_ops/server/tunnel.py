"""A channel of an SSH session as a socket, for code that knows sockets only.

Two threads carry the bytes, each blocked until the other side takes them, so that a flood is held
back all the way to its source.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Final

import paramiko

_AT_ONCE: Final = 64 * 1024
_BROKEN: Final = (OSError, EOFError, paramiko.SSHException)


def socket_to(channel: paramiko.Channel) -> socket.socket:
    """A non-blocking socket; closing it closes the channel, whose end is its end."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)

    def outwards() -> None:
        _carry(lambda: theirs.recv(_AT_ONCE), channel.sendall)
        # Nobody reads on our side any more, whatever still comes.
        with contextlib.suppress(*_BROKEN):
            channel.close()

    def inwards() -> None:
        _carry(lambda: channel.recv(_AT_ONCE), theirs.sendall)
        # What was read before the end is still delivered; and `outwards` wakes up.
        with contextlib.suppress(OSError):
            theirs.shutdown(socket.SHUT_RDWR)

    def both() -> None:
        with theirs:
            other = threading.Thread(target=outwards, daemon=True)
            other.start()
            inwards()
            other.join()

    threading.Thread(target=both, daemon=True).start()
    return ours


def _carry(receive: Callable[[], bytes], send: Callable[[bytes], object]) -> None:
    """Until one side ends or breaks."""
    with contextlib.suppress(*_BROKEN):
        while data := receive():
            send(data)
