"""Which ICMP error ended a connection attempt: Linux keeps it beside the socket, if asked to.

A firewall that rejects with "port unreachable" gives the same errno as a RST; only this tells them
apart. (`--reject-with tcp-reset` is a RST, and nothing tells.)
"""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
from typing import Final

from eloquence_ops.findings import Family
from eloquence_ops.probes.ports.states import Icmp

IS_TOLD: Final = sys.platform == "linux"

# <linux/in.h>, <linux/in6.h>, <linux/errqueue.h>; Python has no names for them.
_IP_RECVERR: Final = 11
_IPV6_RECVERR: Final = 25
_MSG_ERRQUEUE: Final = 0x2000
_VERSION_OF_ORIGIN: Final = {2: 4, 3: 6}
# struct sock_extended_err: errno, origin, type, code, pad, info, data; then the sender's address.
_EXTENDED: Final = struct.Struct("=IBBBBII")
_V4_AT: Final = slice(4, 8)
_V6_AT: Final = slice(8, 24)


def ask(connecting: socket.socket, family: Family) -> None:
    """From now on errors are kept beside this socket. Does nothing elsewhere than on Linux."""
    if not IS_TOLD:
        return
    if family is Family.IPV4:
        connecting.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
    else:
        connecting.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)


def of(connecting: socket.socket) -> Icmp | None:
    """The one that came for this socket, if any did."""
    if not IS_TOLD:
        return None
    try:
        _, beside, _, _ = connecting.recvmsg(1, 512, _MSG_ERRQUEUE)
    except OSError:
        return None
    for _, _, data in beside:
        if len(data) >= _EXTENDED.size:
            _, origin, kind, code, _, _, _ = _EXTENDED.unpack_from(data)
            if version := _VERSION_OF_ORIGIN.get(origin):
                return Icmp(version, kind, code, _sender(version, data[_EXTENDED.size :]))
    return None


def _sender(version: int, address: bytes) -> str:
    with contextlib.suppress(ValueError, OSError):
        if version == 4:
            return socket.inet_ntop(socket.AF_INET, address[_V4_AT])
        return socket.inet_ntop(socket.AF_INET6, address[_V6_AT])
    return ""
