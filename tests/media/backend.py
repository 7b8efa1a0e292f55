"""The reference API with coaches that have a voice, in a process: `python -m tests.media.backend
ADDRESS:PORT LIVEKIT MANNER`. Says `ready`; each further line is a request that it was sent."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import cast

from eloquence_ops.lab.services.api import ApiBehaviour, build_api
from eloquence_ops.lab.services.serving import serving
from tests.media.coaches import Coaches, Manner


async def main(place: str, livekit: str, manner: str) -> None:
    host, _, port = place.rpartition(":")
    app = build_api(ApiBehaviour(livekit_url=livekit), Coaches(livekit, cast("Manner", manner)))

    @app.get("/open-sessions")
    async def open_sessions() -> list[str]:
        return list(app.state.sessions)

    async with serving(app, host=host, port=int(port)):
        print("ready", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(*sys.argv[1:]))
