"""The agent worker: sends a coach into each session's room, as the backend's does.

A coach takes part over the signalling only, and lacks a voice. That is enough to be seen by the
others in the room, as kind AGENT by its token's `kind`: with the stand-in, and with the real server
(v1.13.5, measured).
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from types import TracebackType
from typing import Self

import websockets
from livekit.api import AccessToken, VideoGrants
from livekit.protocol import models, rtc

from eloquence_ops.lab.services.api import LAB_LIVEKIT_KEY, LAB_LIVEKIT_SECRET

# How long a session's opening waits for its coach at most.
_PATIENCE_S = 1.0
_ENDING_S = 1.0
# LiveKit drops who has not pinged for 15 s.
_PING_S = 5.0


class AgentWorker:
    """Works until the end of its block, when every coach leaves. `livekit` is a ws:// address."""

    def __init__(
        self, livekit: str, *, key: str = LAB_LIVEKIT_KEY, secret: str = LAB_LIVEKIT_SECRET
    ) -> None:
        self._livekit, self._key, self._secret = livekit, key, secret
        self._coaches: dict[str, asyncio.Task[None]] = {}

    async def dispatch(self, room: str) -> None:
        """Send a coach; returns when it is there, when it cannot come, or after a second."""
        there = asyncio.Event()
        coach = asyncio.create_task(self._coach(room, there))
        self._coaches[room] = coach
        arrival = asyncio.create_task(there.wait())
        await asyncio.wait(
            {coach, arrival}, timeout=_PATIENCE_S, return_when=asyncio.FIRST_COMPLETED
        )
        arrival.cancel()

    async def dismiss(self, room: str) -> None:
        """The coach of this room leaves it, if there is one."""
        coach = self._coaches.pop(room, None)
        if coach is not None:
            coach.cancel()
            await asyncio.wait({coach}, timeout=_ENDING_S)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for room in list(self._coaches):
            await self.dismiss(room)

    async def _coach(self, room: str, there: asyncio.Event) -> None:
        token = AccessToken(self._key, self._secret).with_kind("agent")
        token = token.with_identity(f"agent-AJ_{secrets.token_hex(6)}")
        bearer = token.with_grants(VideoGrants(room_join=True, room=room)).to_jwt()
        connecting = websockets.connect(
            f"{self._livekit}/rtc?protocol=15",
            additional_headers={"Authorization": f"Bearer {bearer}"},
            proxy=None,
            compression=None,
            close_timeout=_ENDING_S / 2,
        )
        # A LiveKit that is down or refuses is the lab's intention, and no business of the API.
        with contextlib.suppress(OSError, TimeoutError, websockets.WebSocketException):
            async with connecting as websocket:
                await websocket.recv()  # the JoinResponse
                there.set()
                try:
                    await _take_part(websocket)
                finally:
                    reason = models.DisconnectReason.CLIENT_INITIATED
                    leave = rtc.SignalRequest(leave=rtc.LeaveRequest(reason=reason))
                    await websocket.send(leave.SerializeToString())


async def _take_part(websocket: websockets.ClientConnection) -> None:
    """Until the server ends it, or until cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        next_ping = loop.time() + _PING_S
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(next_ping):
                while True:
                    await websocket.recv()
        ping = rtc.SignalRequest(ping_req=rtc.Ping(timestamp=int(loop.time() * 1000)))
        await websocket.send(ping.SerializeToString())
