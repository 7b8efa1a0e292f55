"""The program that holds `livekit`'s native library: `python -m eloquence_ops.probes.media.peer`.

One line of JSON on standard input says what to do; each line on standard output is a `Report`. It
leaves its rooms and ends when it is done, when standard input ends (whoever started it is gone, or
wants no more), and in every case when its time is over.
"""

from __future__ import annotations

import array
import asyncio
import contextlib
import json
import logging
import os
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from livekit import rtc
from livekit.rtc.participant import PublishTrackError

from eloquence_ops.probes.media import melody, voice
from eloquence_ops.probes.media.figures import Figures, figures

_PLAYED_RATE: Final = 48_000
_FRAME_S: Final = 0.01
_NOTES: Final = 128
# How long leaving may take, and how long a native library that hangs is waited for.
_LEAVING_S: Final = 1.0
_ERROR_SHOWN: Final = 2_000
# Whoever talks to the coach is heard from this loudness on: comfort noise is at -60 and below.
AUDIBLE_DB: Final = -50.0
_AUDIBLE_S: Final = 0.2
_EGRESS: Final = 2
# What the library says when it is in the room and ICE has found nothing.
_NO_PATH: Final = "pc_connection"


# What the library prints is no report: it goes where errors go.
_reports = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)

# What the server, the network and the library can make happen; all else is our defect.
_FAULTS: Final = (TimeoutError, RuntimeError, rtc.ConnectError, PublishTrackError)


def report(**fields: object) -> None:
    """One line for whoever started us."""
    _reports.write(json.dumps(fields) + "\n")
    _reports.flush()


async def main() -> None:
    job: dict[str, Any] = json.loads(sys.stdin.readline())
    work = asyncio.create_task(_call(job) if job["kind"] == "call" else _ways(job))
    loop = asyncio.get_running_loop()
    threading.Thread(target=_until_dismissed, args=(loop, work), daemon=True).start()
    with contextlib.suppress(asyncio.CancelledError):
        await work


def _until_dismissed(loop: asyncio.AbstractEventLoop, work: asyncio.Task[None]) -> None:
    """A thread of its own: the library may hold the loop up, but not this."""
    sys.stdin.read()
    loop.call_soon_threadsafe(work.cancel)
    time.sleep(2 * _LEAVING_S)
    os._exit(1)


# The transport alone: one of two participants plays the melody, the other listens


@dataclass
class _Ear:
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
        async for window in _windows(track):
            due = min(due + melody.WINDOW_S, time.monotonic() - self.begun)
            self.windows.append(melody.Heard(due, melody.tone_in(window)))
            self.news.set()

    def since(self, second: float) -> melody.Recognition:
        return melody.recognise(
            _MELODY, [window for window in self.windows if window.at_s >= second]
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


_MELODY: Final = melody.compose(_NOTES, int.from_bytes(os.urandom(4)))


async def _windows(track: rtc.Track) -> AsyncIterator[memoryview]:
    """20 ms each, of 16 bit samples."""
    stream = rtc.AudioStream.from_track(
        track=track, sample_rate=melody.RATE, num_channels=1, frame_size_ms=20
    )
    try:
        async for event in stream:
            yield event.frame.data
    finally:
        await stream.aclose()


async def _ways(job: dict[str, Any]) -> None:
    """The way that is found, a link that is lost on it, and each way that is forced."""
    over_udp = True
    for way in job["ways"]:
        if way["needs_udp"] and not over_udp:
            continue
        try:
            over_udp = await _one_way(job, way)
        except _FAULTS as failure:  # the library's and the peer's, in its words
            report(way=way["name"], **_failed(failure))


async def _one_way(job: dict[str, Any], way: dict[str, Any]) -> bool:
    """Whether UDP passes, as far as it is known."""
    name, timeout_s = way["name"], job["timeout_s"]
    begun = time.monotonic()
    ear = _Ear(begun=begun)
    async with _joined(job["url"], way["tokens"], timeout_s, relay=way["relay"]) as rooms:
        speaker, listener = rooms
        ended = _ends(rooms)
        hearing = _Tasks()
        _hear(listener, lambda track, _who: hearing.start(ear.listen(track)))
        connected_s = time.monotonic() - begun
        source = rtc.AudioSource(_PLAYED_RATE, 1, queue_size_ms=100)
        track = rtc.LocalAudioTrack.create_audio_track("eloquence", source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE, dtx=False)
        async with hearing:
            await asyncio.wait_for(
                speaker.local_participant.publish_track(track, options), timeout_s
            )
            ear.begin()
            hearing.start(_play(source, _note_samples, ear.begun))
            offset = ear.begun - begun
            heard = await _unless(ended, ear.until_ours(0.0, timeout_s, job["listen_s"]))
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
    ear: _Ear,
    heard: bool | None,
    connected_s: float,
    offset: float,
    after: float,
) -> Figures:
    first = ear.first_tone_s(after)
    found = ear.since(first) if first is not None else melody.Recognition(0.0, 0.0, 0)
    speaking, listening = await _figures(rooms[0]), await _figures(rooms[1])
    both = speaking.beside(listening)
    if name == "tcp" and both.protocol != "tcp":
        heard = None  # the switch was not made, and what was heard says nothing of the port
    report(
        way=name,
        outcome="heard"
        if heard
        else "ended"
        if heard is None or not _are_in(rooms)
        else "not-heard",
        connected_s=connected_s,
        first_sound_s=first - after + offset if first is not None else None,
        delay_s=found.delay_s if heard else None,
        agreement=found.agreement,
        figures=both.as_dict(),
    )
    return both


async def _lose_link(
    ear: _Ear, rooms: tuple[rtc.Room, ...], job: dict[str, Any], ended: asyncio.Event
) -> bool:
    """Asks for the signalling connections to be cut, and times the return of both: whether they
    are back, and the melody with them."""
    timeout_s, back = job["timeout_s"], _reconnected(rooms)
    at = time.monotonic()
    report(please="cut")
    returned = await _unless(ended, _within(back, 2 * timeout_s))
    returned_s = time.monotonic() - at
    still = returned and await _unless(
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
    ear: _Ear, rooms: tuple[rtc.Room, ...], job: dict[str, Any], ended: asyncio.Event
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
        report(way="tcp", **(_failed(failure) | {"outcome": "ended"}))
        return
    switched = await _unless(ended, _within(both, 2 * job["timeout_s"]))
    if not switched:
        report(way="tcp", outcome="ended" if switched is None else "no-path")
        return
    # What was still under way over UDP is not counted: from the new connection on.
    connected_s = time.monotonic() - at
    after = time.monotonic() - ear.begun
    heard = await _unless(ended, ear.until_ours(after, job["timeout_s"], job["listen_s"]))
    await _tell("tcp", rooms, ear, heard, connected_s, connected_s, after)


# The app's whole call


async def _call(job: dict[str, Any]) -> None:
    """Joins, speaks, and listens to whoever else is there."""
    begun = time.monotonic()
    hearing = _Tasks()
    ear = _CallEar(begun)
    try:
        async with _joined(job["url"], [job["token"]], job["timeout_s"], relay=False) as (room,):
            ended = _ends((room,))
            joined_s = time.monotonic() - begun
            ear.see(room)
            _hear(room, lambda track, who: hearing.start(ear.listen(track, who)))
            source = rtc.AudioSource(voice.RATE, 1, queue_size_ms=100)
            track = rtc.LocalAudioTrack.create_audio_track("microphone", source)
            options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
            async with hearing:
                publishing = room.local_participant.publish_track(track, options)
                await asyncio.wait_for(publishing, job["timeout_s"])
                hearing.start(_play(source, _speech_samples, time.monotonic()))
                spoke_s = time.monotonic() - begun
                answered = await _unless(ended, _within(ear.answered.wait(), job["answer_s"]))
                report(
                    outcome="stayed" if answered or _are_in((room,)) else "ended",
                    joined_s=joined_s,
                    spoke_s=spoke_s,
                    waited_s=time.monotonic() - begun - spoke_s,
                    figures=(await _figures(room)).as_dict(),
                    **ear.as_dict(),
                )
    except _FAULTS as failure:  # the library's and the peer's, in its words
        report(**_failed(failure))


class _CallEar:
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
        async for window in _windows(track):
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


# What both have in common


@contextlib.asynccontextmanager
async def _joined(
    url: str, tokens: list[str], timeout_s: float, *, relay: bool
) -> AsyncIterator[tuple[rtc.Room, ...]]:
    """In the room until the end of the block; whoever got in leaves it."""
    kinds = rtc.IceTransportType
    kind = kinds.TRANSPORT_RELAY if relay else kinds.TRANSPORT_ALL
    options = rtc.RoomOptions(
        rtc_config=rtc.RtcConfiguration(ice_transport_type=kind), connect_timeout=timeout_s
    )
    rooms = tuple(rtc.Room() for _ in tokens)
    try:
        async with asyncio.timeout(2 * timeout_s):
            await asyncio.gather(
                *(
                    room.connect(url, token, options)
                    for room, token in zip(rooms, tokens, strict=True)
                )
            )
        yield rooms
    finally:
        with contextlib.suppress(Exception):
            async with asyncio.timeout(_LEAVING_S):
                await asyncio.gather(*(room.disconnect() for room in rooms))


def _ends(rooms: tuple[rtc.Room, ...]) -> asyncio.Event:
    """Set as soon as the server, or the library for it, has ended one of these."""
    ended = asyncio.Event()
    for room in rooms:
        room.on("disconnected", lambda _reason: ended.set())
    return ended


async def _unless(ended: asyncio.Event, waiting: Any) -> bool | None:
    """What `waiting` comes to; None where the connection ends before."""
    work = asyncio.ensure_future(waiting)
    end = asyncio.ensure_future(ended.wait())
    try:
        await asyncio.wait({work, end}, return_when=asyncio.FIRST_COMPLETED)
        return bool(work.result()) if work.done() else None
    finally:
        end.cancel()
        work.cancel()


async def _within(waiting: Any, at_most_s: float) -> bool:
    try:
        await asyncio.wait_for(waiting, at_most_s)
    except TimeoutError:
        return False
    return True


def _hear(room: rtc.Room, start: Callable[[rtc.Track, rtc.RemoteParticipant], None]) -> None:
    """`start` is called for each track that comes, and for those that are there."""
    room.on("track_subscribed", lambda track, _publication, who: start(track, who))
    for who in room.remote_participants.values():
        for publication in who.track_publications.values():
            if publication.track is not None:
                start(publication.track, who)


class _Tasks:
    """Those that are started within the block end with it."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    def start(self, work: Any) -> None:
        self._running.add(asyncio.ensure_future(work))

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(self, *_exception: object) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)


async def _play(
    source: rtc.AudioSource, frames: Callable[[], Iterator[bytes]], begun: float
) -> None:
    """10 ms at a time, each when it is due: what waits in a queue would count as delay."""
    for number, samples in enumerate(frames()):
        await asyncio.sleep(begun + number * _FRAME_S - time.monotonic())
        count = len(samples) // 2
        rate = int(count / _FRAME_S)
        await source.capture_frame(rtc.AudioFrame(samples, rate, 1, count))


def _note_samples() -> Iterator[bytes]:
    count, number = int(_PLAYED_RATE * _FRAME_S), 0
    while True:
        yield array.array("h", melody.played(_MELODY, number, count, _PLAYED_RATE)).tobytes()
        number += count


def _speech_samples() -> Iterator[bytes]:
    phrase, count = voice.phrase(), int(voice.RATE * _FRAME_S)
    while True:
        for first in range(0, len(phrase), count):
            yield array.array("h", phrase[first : first + count]).tobytes()


async def _figures(room: rtc.Room) -> Figures:
    """None of them where the library does not tell in time."""
    with contextlib.suppress(Exception):
        async with asyncio.timeout(_LEAVING_S):
            stats = await room.get_rtc_stats()
            return figures([*stats.publisher_stats, *stats.subscriber_stats])
    return Figures()


def _are_in(rooms: tuple[rtc.Room, ...]) -> bool:
    """Whether nobody is looking for the server again."""
    return all(room.connection_state == rtc.ConnectionState.CONN_CONNECTED for room in rooms)


def _failed(failure: Exception) -> dict[str, object]:
    """A way that was not found, or an end for another reason."""
    words = _words(failure)
    not_found = isinstance(failure, TimeoutError) or _NO_PATH in words
    return (
        {"outcome": "no-path", "detail": ""} if not_found else {"outcome": "ended", "detail": words}
    )


def _words(failure: BaseException) -> str:
    """May hold a whole token: whoever reads this redacts it."""
    return (str(failure) or type(failure).__name__)[:_ERROR_SHOWN]


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    asyncio.run(main())
    os._exit(0)  # the library's threads are waited for by nobody
