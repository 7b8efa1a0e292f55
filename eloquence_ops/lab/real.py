"""The real servers that this machine has, wherever a lab can show a fault with them."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from eloquence_ops.lab.plan import LivekitPlan
from eloquence_ops.lab.services.api import LAB_LIVEKIT_KEY, LAB_LIVEKIT_SECRET
from eloquence_ops.lab.services.certificates import IssuedCertificate
from eloquence_ops.lab.services.programs import NotStarted
from eloquence_ops.lab.services.proxy import ProxyBehaviour
from eloquence_ops.lab.services.real_livekit import (
    LivekitServer,
    Media,
    find_livekit_server,
    real_livekit,
)
from eloquence_ops.lab.services.real_nginx import Nginx, find_nginx, real_nginx


@dataclass(frozen=True)
class Standing:
    """A real server that runs: `name` with its version, and LiveKit's UDP port."""

    name: str
    address: tuple[str, int]
    media_port: int = 0


@dataclass(frozen=True)
class Missing:
    """A real server that would not start, and the last thing that it said."""

    name: str
    reason: str


@dataclass(frozen=True)
class RealServers:
    """None: there is the stand-in only."""

    livekit: LivekitServer | None = None
    nginx: Nginx | None = None

    async def livekit_for(
        self,
        plan: LivekitPlan,
        folder: Path,
        stack: contextlib.AsyncExitStack,
        *,
        port: int,
        media: Media,
    ) -> Standing | Missing | None:
        """It runs until the end of `stack`; None where the plan or this machine needs the
        stand-in."""
        if self.livekit is None or not _can_be_real(plan):
            return None
        standing = real_livekit(
            self.livekit,
            folder,
            keys={LAB_LIVEKIT_KEY: LAB_LIVEKIT_SECRET},
            port=port,
            development=plan.development,
            media=media,
        )
        name = f"livekit-server {self.livekit.version}"
        try:
            address, media_port = await stack.enter_async_context(standing)
        except NotStarted as end:
            return Missing(name, str(end))
        return Standing(name, address, media_port)

    async def proxy_for(
        self,
        behaviour: ProxyBehaviour,
        certificate: IssuedCertificate,
        folder: Path,
        stack: contextlib.AsyncExitStack,
    ) -> Standing | Missing | None:
        """The same for the TLS proxy."""
        if self.nginx is None or behaviour.clock_s or behaviour.http2:
            return None
        files = certificate.chain_path, certificate.key_path
        name = f"nginx {self.nginx.version}"
        try:
            port = await stack.enter_async_context(
                real_nginx(self.nginx, folder, behaviour, *files)
            )
        except NotStarted as end:
            return Missing(name, str(end))
        return Standing(name, ("127.0.0.1", port))


STAND_INS: Final = RealServers()


async def find() -> RealServers:
    """Those on PATH."""
    livekit, nginx = await asyncio.gather(find_livekit_server(), find_nginx())
    return RealServers(livekit, nginx)


def _can_be_real(plan: LivekitPlan) -> bool:
    """Whether the real server, of a version of today, can have this fault."""
    healthy = LivekitPlan()
    return (plan.process, plan.rooms, plan.generation, plan.clock_s) == (
        healthy.process,
        healthy.rooms,
        healthy.generation,
        healthy.clock_s,
    )
