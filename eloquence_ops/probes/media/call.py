"""The app's whole call: joins, speaks, and listens to whoever else is there."""

from __future__ import annotations

import array
import asyncio
import time
from collections.abc import Iterator
from typing import Any

from livekit import rtc

from eloquence_ops.probes.media import voice
from eloquence_ops.probes.media.ears import CallEar
from eloquence_ops.probes.media.reports import report
from eloquence_ops.probes.media.rooms import (
    FAULTS,
    FRAME_S,
    Tasks,
    are_in,
    ends,
    failed,
    figures_of,
    hear,
    joined,
    play,
    unless,
    within,
)


async def call(job: dict[str, Any]) -> None:
    """Joins, speaks, and listens to whoever else is there."""
    begun = time.monotonic()
    hearing = Tasks()
    ear = CallEar(begun)
    try:
        async with joined(job["url"], [job["token"]], job["timeout_s"], relay=False) as (room,):
            ended = ends((room,))
            joined_s = time.monotonic() - begun
            ear.see(room)
            hear(room, lambda track, who: hearing.start(ear.listen(track, who)))
            source = rtc.AudioSource(voice.RATE, 1, queue_size_ms=100)
            track = rtc.LocalAudioTrack.create_audio_track("microphone", source)
            options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
            async with hearing:
                publishing = room.local_participant.publish_track(track, options)
                await asyncio.wait_for(publishing, job["timeout_s"])
                hearing.start(play(source, _speech_samples, time.monotonic()))
                spoke_s = time.monotonic() - begun
                answered = await unless(ended, within(ear.answered.wait(), job["answer_s"]))
                report(
                    outcome="stayed" if answered or are_in((room,)) else "ended",
                    joined_s=joined_s,
                    spoke_s=spoke_s,
                    waited_s=time.monotonic() - begun - spoke_s,
                    figures=(await figures_of(room)).as_dict(),
                    **ear.as_dict(),
                )
    except FAULTS as failure:  # the library's and the peer's, in its words
        report(**failed(failure))


def _speech_samples() -> Iterator[bytes]:
    phrase, count = voice.phrase(), int(voice.RATE * FRAME_S)
    while True:
        for first in range(0, len(phrase), count):
            yield array.array("h", phrase[first : first + count]).tobytes()
