"""The transport alone: one of two participants plays the melody, the other listens."""

from __future__ import annotations

import array
import asyncio
import time
from collections.abc import Iterator
from typing import Any, Final

from livekit import rtc

from eloquence_ops.probes.media import melody
from eloquence_ops.probes.media.ears import MELODY, Ear
from eloquence_ops.probes.media.figures import Figures
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

_PLAYED_RATE: Final = 48_000


async def try_ways(job: dict[str, Any]) -> None:
    """The way that is found, a link that is lost on it, and each way that is forced."""
    over_udp = True
    for way in job["ways"]:
        if way["needs_udp"] and not over_udp:
            continue
        try:
            over_udp = await _one_way(job, way)
        except FAULTS as failure:  # the library's and the peer's, in its words
            report(way=way["name"], **failed(failure))


async def _one_way(job: dict[str, Any], way: dict[str, Any]) -> bool:
    """Whether UDP passes, as far as it is known."""
    name, timeout_s = way["name"], job["timeout_s"]
    begun = time.monotonic()
    ear = Ear(begun=begun)
    async with joined(job["url"], way["tokens"], timeout_s, relay=way["relay"]) as rooms:
        speaker, listener = rooms
        ended = ends(rooms)
        hearing = Tasks()
        hear(listener, lambda track, _who: hearing.start(ear.listen(track)))
        connected_s = time.monotonic() - begun
        source = rtc.AudioSource(_PLAYED_RATE, 1, queue_size_ms=100)
        track = rtc.LocalAudioTrack.create_audio_track("eloquence", source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE, dtx=False)
        async with hearing:
            await asyncio.wait_for(
                speaker.local_participant.publish_track(track, options), timeout_s
            )
            ear.begin()
            hearing.start(play(source, _note_samples, ear.begun))
            offset = ear.begun - begun
            heard = await unless(ended, ear.until_ours(0.0, timeout_s, job["listen_s"]))
            found = await _tell(name, rooms, ear, heard, connected_s, offset, 0.0)
            if heard and way["cut"]:
                heard = await _lose_link(ear, rooms, job, ended)
            over_udp = found.protocol != "tcp"
            if heard and way["force_tcp"] and over_udp:
                await _switch_to_tcp(ear, rooms, job, ended)
            return over_udp


async def _tell(
    name: str,
    rooms: tuple[rtc.Room, ...],
    ear: Ear,
    heard: bool | None,
    connected_s: float,
    offset: float,
    after: float,
) -> Figures:
    first = ear.first_tone_s(after)
    found = ear.since(first) if first is not None else melody.Recognition(0.0, 0.0, 0)
    speaking, listening = await figures_of(rooms[0]), await figures_of(rooms[1])
    both = speaking.beside(listening)
    if name == "tcp" and both.protocol != "tcp":
        heard = None  # the switch was not made, and what was heard says nothing of the port
    report(
        way=name,
        outcome="heard"
        if heard
        else "ended"
        if heard is None or not are_in(rooms)
        else "not-heard",
        connected_s=connected_s,
        first_sound_s=first - after + offset if first is not None else None,
        delay_s=found.delay_s if heard else None,
        agreement=found.agreement,
        figures=both.as_dict(),
    )
    return both


async def _lose_link(
    ear: Ear, rooms: tuple[rtc.Room, ...], job: dict[str, Any], ended: asyncio.Event
) -> bool:
    """Asks for the signalling connections to be cut, and times the return of both: whether they
    are back, and the melody with them."""
    timeout_s, back = job["timeout_s"], _reconnected(rooms)
    at = time.monotonic()
    report(please="cut")
    returned = await unless(ended, within(back, 2 * timeout_s))
    returned_s = time.monotonic() - at
    still = returned and await unless(
        ended, ear.until_ours(time.monotonic() - ear.begun, timeout_s, job["listen_s"])
    )
    report(
        reconnect="back" if still else "not-back",
        seconds=returned_s if still else time.monotonic() - at,
        silence_s=ear.longest_silence_s(at - ear.begun),
    )
    return bool(still)


def _reconnected(rooms: tuple[rtc.Room, ...]) -> asyncio.Future[Any]:
    """Done when every one of these has lost its connection and found it again."""
    events = []
    for room in rooms:
        events.append(event := asyncio.Event())
        room.on("reconnected", event.set)
    return asyncio.gather(*(event.wait() for event in events))


async def _switch_to_tcp(
    ear: Ear, rooms: tuple[rtc.Room, ...], job: dict[str, Any], ended: asyncio.Event
) -> None:
    """LiveKit's own switch, which its JavaScript client uses for the same test: the server then
    offers the address of its ICE/TCP port alone (measured on v1.13.5)."""
    at, both = time.monotonic(), _reconnected(rooms)
    try:
        for room in rooms:
            switch = room.simulate_scenario(rtc.SimulateScenarioKind.SIMULATE_FORCE_TCP)
            await asyncio.wait_for(switch, job["timeout_s"])
    except (TimeoutError, RuntimeError) as failure:
        both.cancel()
        report(way="tcp", **(failed(failure) | {"outcome": "ended"}))
        return
    switched = await unless(ended, within(both, 2 * job["timeout_s"]))
    if not switched:
        report(way="tcp", outcome="ended" if switched is None else "no-path")
        return
    # What was still under way over UDP is not counted: from the new connection on.
    connected_s = time.monotonic() - at
    after = time.monotonic() - ear.begun
    heard = await unless(ended, ear.until_ours(after, job["timeout_s"], job["listen_s"]))
    await _tell("tcp", rooms, ear, heard, connected_s, connected_s, after)


def _note_samples() -> Iterator[bytes]:
    count, number = int(_PLAYED_RATE * FRAME_S), 0
    while True:
        yield array.array("h", melody.played(MELODY, number, count, _PLAYED_RATE)).tobytes()
        number += count
