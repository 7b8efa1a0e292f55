"""What is heard in a room: the melody window by window, or who comes and how loud."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final

from livekit import rtc

from eloquence_ops.probes.media import melody, voice

# Whoever talks to the coach is heard from this loudness on: comfort noise is at -60 and below.
AUDIBLE_DB: Final = -50.0
_AUDIBLE_S: Final = 0.2
_EGRESS: Final = 2
_NOTES: Final = 128
MELODY: Final = melody.compose(_NOTES, int.from_bytes(os.urandom(4)))
"""Another one in each run: what is heard is this run's own."""


@dataclass
class Ear:
    """What one participant hears of the other, window by window; times count from `begun`."""

    begun: float = 0.0
    windows: list[melody.Heard] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def begin(self) -> None:
        """From now on the melody is played."""
        self.begun = time.monotonic()
        self.windows.clear()

    async def listen(self, track: rtc.Track) -> None:
        """Windows come in order and without gaps, but late now and then when we are busy: the
        promptest of them says when the others were due."""
        due = float("inf")
        async for window in windows_of(track):
            due = min(due + melody.WINDOW_S, time.monotonic() - self.begun)
            self.windows.append(melody.Heard(due, melody.tone_in(window)))
            self.news.set()

    def since(self, second: float) -> melody.Recognition:
        return melody.recognise(
            MELODY, [window for window in self.windows if window.at_s >= second]
        )

    def first_tone_s(self, after: float) -> float | None:
        return next((w.at_s for w in self.windows if w.tone is not None and w.at_s >= after), None)

    def longest_silence_s(self, after: float) -> float:
        """Between two windows with a tone, or until now."""
        times = [w.at_s for w in self.windows if w.tone is not None and w.at_s >= after]
        ends = [*times, time.monotonic() - self.begun]
        return max((b - a for a, b in zip([after, *times], ends, strict=True)), default=0.0)

    async def until_ours(self, after: float, at_most_s: float, wanted_s: float) -> bool:
        """Until the melody is recognised in what came after `after`, of `wanted_s` at least."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(at_most_s):
                while True:
                    first = self.first_tone_s(after)
                    if first is not None and self.windows[-1].at_s - first >= wanted_s:
                        # Judged anew every tenth window; it takes milliseconds.
                        if self.since(first).is_ours:
                            return True
                        wanted_s += 10 * melody.WINDOW_S
                    self.news.clear()
                    await self.news.wait()
        return False


class CallEar:
    """Who comes, what they publish, and how loud it is. Times count from the beginning."""

    def __init__(self, begun: float) -> None:
        self._begun = begun
        self.answered = asyncio.Event()
        self._come_s: float | None = None
        self._track_s: float | None = None
        self._sound_s: float | None = None
        self._loudest_db = -96.0
        self._heard_s = 0.0
        self._kind = ""

    def see(self, room: rtc.Room) -> None:
        for participant in room.remote_participants.values():
            self._come(participant)
        room.on("participant_connected", self._come)
        room.on("track_published", lambda _track, _who: self._published())

    def _come(self, participant: rtc.RemoteParticipant) -> None:
        if participant.kind == _EGRESS:
            return
        if self._come_s is None:
            self._come_s = self._now()
        kinds = rtc.ParticipantKind
        self._kind = str(kinds.Name(participant.kind)).removeprefix("PARTICIPANT_KIND_").lower()
        for publication in participant.track_publications.values():
            if publication.kind == rtc.TrackKind.KIND_AUDIO:
                self._published()

    def _published(self) -> None:
        if self._track_s is None:
            self._track_s = self._now()

    async def listen(self, track: rtc.Track, who: rtc.RemoteParticipant) -> None:
        if track.kind != rtc.TrackKind.KIND_AUDIO or who.kind == _EGRESS:
            return
        self._published()
        async for window in windows_of(track):
            level = voice.level_db(window)
            self._loudest_db = max(self._loudest_db, level)
            if level < AUDIBLE_DB:
                continue
            if self._sound_s is None:
                self._sound_s = self._now()
            self._heard_s += melody.WINDOW_S
            if self._heard_s >= _AUDIBLE_S:
                self.answered.set()

    def _now(self) -> float:
        return time.monotonic() - self._begun

    def as_dict(self) -> dict[str, object]:
        return {
            "came_s": self._come_s,
            "track_s": self._track_s,
            "sound_s": self._sound_s if self._heard_s >= _AUDIBLE_S else None,
            "loudest_db": self._loudest_db,
            "who": self._kind,
        }


async def windows_of(track: rtc.Track) -> AsyncIterator[memoryview]:
    """20 ms each, of 16 bit samples."""
    stream = rtc.AudioStream.from_track(
        track=track, sample_rate=melody.RATE, num_channels=1, frame_size_ms=20
    )
    try:
        async for event in stream:
            yield event.frame.data
    finally:
        await stream.aclose()
