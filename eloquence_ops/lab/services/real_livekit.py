"""The real livekit-server, where this machine has one: what a fault allows is shown with it.

One process for the length of a lab, with a configuration of its own: signalling on loopback, media
on one UDP port at the address that the app is told. It names no public STUN server, as it would by
itself: a lab sends nothing to anybody.
"""

import asyncio
import contextlib
import json
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from eloquence_ops.lab.services.listening import listening_socket
from eloquence_ops.lab.services.programs import program, said

# The first version with /rtc/v1, which the stand-in and the checks take for granted.
_OLDEST: Final = (1, 10)
_LOOPBACK: Final = "127.0.0.1"


@dataclass(frozen=True)
class Media:
    """`address` is what clients are told; `stays_here`: only this machine's loopback is used."""

    address: str = _LOOPBACK
    stays_here: bool = True


OVER_LOOPBACK: Final = Media()


@dataclass(frozen=True)
class LivekitServer:
    """A program of this machine, and its version (`1.13.5`)."""

    path: str
    version: str


async def find_livekit_server() -> LivekitServer | None:
    """The one on PATH, if it is new enough."""
    path = shutil.which("livekit-server")
    if path is None:
        return None
    words = (await said(path, "--version")).split()
    version = words[-1] if words else ""
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    return LivekitServer(path, version) if len(numbers) == 2 and numbers >= _OLDEST else None


@contextlib.asynccontextmanager
async def real_livekit(
    server: LivekitServer,
    folder: Path,
    *,
    keys: Mapping[str, str],
    port: int = 0,
    development: bool = False,
    media: Media = OVER_LOOPBACK,
) -> AsyncIterator[tuple[tuple[str, int], int]]:
    """Its address and its UDP port, once it is healthy.

    `port` 0 is any; `development`: with its debug pages. Raises `NotStarted`.
    """
    with contextlib.ExitStack() as stack:
        free = [stack.enter_context(listening_socket()).getsockname()[1] for _ in range(3)]
    address = _LOOPBACK, port or free[0]
    rtc = {
        "udp_port": free[1],
        "tcp_port": 0,  # it would listen on every address of this machine
        "node_ip": media.address,
        "use_external_ip": False,
        "enable_loopback_candidate": True,
        "stun_servers": [f"{_LOOPBACK}:{free[2]}"],
    }
    if media.stays_here:
        rtc["interfaces"] = {"includes": ["lo"]}
    else:
        rtc["ips"] = {"includes": [f"{media.address}/32"]}
    configuration = {
        "port": address[1],
        "bind_addresses": [_LOOPBACK],
        "development": development,
        "keys": dict(keys),
        "rtc": rtc,
    }
    file = folder / "livekit.yaml"
    file.touch(mode=0o600)
    file.write_text(json.dumps(configuration), encoding="utf-8")  # JSON is YAML
    async with program(
        [server.path, "--config", str(file)], until=_is_healthy(address), log=folder / "livekit.log"
    ):
        yield address, free[1]


def _is_healthy(address: tuple[str, int]) -> Callable[[], Awaitable[bool]]:
    async def ask() -> bool:
        reader, writer = await asyncio.open_connection(*address)
        try:
            writer.write(b"GET / HTTP/1.0\r\n\r\n")
            return (await reader.read(1024)).endswith(b"OK")
        finally:
            writer.close()

    return ask
