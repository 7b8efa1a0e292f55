"""Coaches with a voice, as `eloquence_ops.lab.services.api.Agents`: each a real participant.

`speaks`: answers when it has heard somebody, after a second. `silent`: publishes a track and has
nothing to say. `mute`: comes, and publishes nothing. `absent`: never comes.
"""

from __future__ import annotations

import array
import asyncio
import contextlib
import math
import secrets
from typing import Literal

from livekit import rtc
from livekit.api import AccessToken, VideoGrants

from eloquence_ops.lab.services.api import LAB_LIVEKIT_KEY, LAB_LIVEKIT_SECRET
from eloquence_ops.probes.media.voice import level_db

Manner = Literal["speaks", "silent", "mute", "absent"]
_RATE = 48_000
_FRAME = 480


class Coaches:
    """`livekit` is a ws:// address."""

    def __init__(self, livekit: str, manner: Manner) -> None:
        self._livekit, self._manner = livekit, manner
        self._there: dict[str, asyncio.Task[None]] = {}

    async def dispatch(self, room: str) -> None:
        if self._manner != "absent":
            self._there[room] = asyncio.create_task(self._coach(room))

    async def dismiss(self, room: str) -> None:
        if (coach := self._there.pop(room, None)) is not None:
            coach.cancel()
            await asyncio.wait({coach}, timeout=2)

    async def _coach(self, name: str) -> None:
        token = AccessToken(LAB_LIVEKIT_KEY, LAB_LIVEKIT_SECRET).with_kind("agent")
        token = token.with_identity(f"agent-AJ_{secrets.token_hex(6)}")
        room, spoken_to = rtc.Room(), asyncio.Event()
        listening: set[asyncio.Task[None]] = set()

        @room.on("track_subscribed")
        def _(track: rtc.Track, *_rest: object) -> None:
            listening.add(asyncio.create_task(_listen(track, spoken_to)))

        jwt = token.with_grants(VideoGrants(room_join=True, room=name)).to_jwt()
        connecting = asyncio.ensure_future(room.connect(self._livekit, jwt))
        try:
            await asyncio.shield(connecting)
            if self._manner == "mute":
                await asyncio.Event().wait()
            source = rtc.AudioSource(_RATE, 1)
            track = rtc.LocalAudioTrack.create_audio_track("voice", source)
            await room.local_participant.publish_track(track)
            while True:
                tone = 0.0
                if self._manner == "speaks" and spoken_to.is_set():
                    tone = 8000.0
                samples = (round(tone * math.sin(n / 20)) for n in range(_FRAME))
                data = array.array("h", samples).tobytes()
                await source.capture_frame(rtc.AudioFrame(data, _RATE, 1, _FRAME))
        finally:
            for task in listening:
                task.cancel()
            with contextlib.suppress(Exception):
                # Left in the middle of it, the library ends the whole process some seconds later.
                await connecting
                await room.disconnect()


async def _listen(track: rtc.Track, spoken_to: asyncio.Event) -> None:
    """Loud enough, for a third of a second: somebody speaks. It is answered a second later."""
    heard_s = 0.0
    stream = rtc.AudioStream.from_track(track=track, sample_rate=16_000, num_channels=1)
    async for event in stream:
        if level_db(event.frame.data) > -40:
            heard_s += event.frame.samples_per_channel / 16_000
        if heard_s > 0.3:
            break
    await asyncio.sleep(1)
    spoken_to.set()
