"""The first connection on the way to a server: TCP, or what a ProxyCommand makes of it."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from eloquence_ops.server import children
from eloquence_ops.server.errors import LinkError, SshConfigError
from eloquence_ops.server.ssh_config import Host
from eloquence_ops.server.threads import in_thread

_Address = tuple[
    socket.AddressFamily,
    socket.SocketKind,
    int,
    str,
    tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes],
]
# Of several addresses each but the last gets this long: one may be a road that leads nowhere.
_PER_ADDRESS_S: Final = 3.0


@dataclass(frozen=True)
class Dialled:
    """A connected socket; `hang_up` ends what stands behind it, once the socket is closed."""

    socket: socket.socket
    hang_up: Callable[[], None]


async def dial(host: Host, environ: Mapping[str, str], timeout_s: float) -> Dialled:
    """Raises `LinkError` with what happened at that host's port."""
    if host.proxy_command is not None:
        return _command(host.proxy_command, environ)
    where = {"host": host.name, "port": host.port}
    try:
        async with asyncio.timeout(timeout_s):
            connected = await connect(host.name, host.port)
    except TimeoutError:
        raise LinkError("link.no-answer", seconds=f"{timeout_s:g}", **where) from None
    except socket.gaierror as error:
        raise LinkError("link.no-address", host=host.name, reason=error.strerror) from None
    except ConnectionRefusedError:
        raise LinkError("link.refused", **where) from None
    except OSError as error:
        raise LinkError("link.no-road", reason=error.strerror or error, **where) from None
    return Dialled(connected, lambda: None)


async def connect(host: str, port: int) -> socket.socket:
    """A non-blocking socket to the first address of `host` that answers. Raises `OSError`."""
    loop = asyncio.get_running_loop()
    found = await in_thread(lambda: _addresses(host, port))
    refusal: OSError = OSError("no address")
    for place, (family, kind, protocol, _, address) in enumerate(found, 1):
        connecting = socket.socket(family, kind, protocol)
        try:
            connecting.setblocking(False)
            connecting.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            async with asyncio.timeout(_PER_ADDRESS_S if place < len(found) else None):
                await loop.sock_connect(connecting, address)
        except OSError as error:  # TimeoutError is one
            connecting.close()
            refusal = error
        except BaseException:
            connecting.close()
            raise
        else:
            return connecting
    raise refusal


def _addresses(host: str, port: int) -> Sequence[_Address]:
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError:  # a label that is empty or too long
        raise socket.gaierror(socket.EAI_NONAME, "this is no possible name") from None


def _command(command: str, environ: Mapping[str, str]) -> Dialled:
    """The command's standard input and output as one socket, as ssh has them."""
    if sys.platform == "win32":
        raise SshConfigError("sshconfig.no-proxy-command")
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            ["/bin/sh", "-c", f"exec {command}"],
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            stderr=subprocess.DEVNULL,
            env=children.environment(environ),
            start_new_session=True,
        )

    def hang_up() -> None:
        if process.poll() is None:
            children.end_group(process.pid)
            process.wait()

    return Dialled(ours, hang_up)
