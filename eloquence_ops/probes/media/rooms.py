"""In a room and out of it again, with sound and the figures of a connection."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Final

from livekit import rtc
from livekit.rtc.participant import PublishTrackError

from eloquence_ops.probes.media.figures import Figures, figures

LEAVING_S: Final = 1.0
"""How long leaving may take, and how long a native library that hangs is waited for."""
FRAME_S: Final = 0.01
_ERROR_SHOWN: Final = 2_000
# What the library says when it is in the room and ICE has found nothing.
_NO_PATH: Final = "pc_connection"
FAULTS: Final = (TimeoutError, RuntimeError, rtc.ConnectError, PublishTrackError)
"""What the server, the network and the library can make happen; all else is our defect."""


@contextlib.asynccontextmanager
async def joined(
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
            async with asyncio.timeout(LEAVING_S):
                await asyncio.gather(*(room.disconnect() for room in rooms))


def ends(rooms: tuple[rtc.Room, ...]) -> asyncio.Event:
    """Set as soon as the server, or the library for it, has ended one of these."""
    ended = asyncio.Event()
    for room in rooms:
        room.on("disconnected", lambda _reason: ended.set())
    return ended


async def unless(ended: asyncio.Event, waiting: Any) -> bool | None:
    """What `waiting` comes to; None where the connection ends before."""
    work = asyncio.ensure_future(waiting)
    end = asyncio.ensure_future(ended.wait())
    try:
        await asyncio.wait({work, end}, return_when=asyncio.FIRST_COMPLETED)
        return bool(work.result()) if work.done() else None
    finally:
        end.cancel()
        work.cancel()


async def within(waiting: Any, at_most_s: float) -> bool:
    try:
        await asyncio.wait_for(waiting, at_most_s)
    except TimeoutError:
        return False
    return True


def hear(room: rtc.Room, start: Callable[[rtc.Track, rtc.RemoteParticipant], None]) -> None:
    """`start` is called for each track that comes, and for those that are there."""
    room.on("track_subscribed", lambda track, _publication, who: start(track, who))
    for who in room.remote_participants.values():
        for publication in who.track_publications.values():
            if publication.track is not None:
                start(publication.track, who)


class Tasks:
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


async def play(
    source: rtc.AudioSource, frames: Callable[[], Iterator[bytes]], begun: float
) -> None:
    """10 ms at a time, each when it is due: what waits in a queue would count as delay."""
    for number, samples in enumerate(frames()):
        await asyncio.sleep(begun + number * FRAME_S - time.monotonic())
        count = len(samples) // 2
        rate = int(count / FRAME_S)
        await source.capture_frame(rtc.AudioFrame(samples, rate, 1, count))


async def figures_of(room: rtc.Room) -> Figures:
    """None of them where the library does not tell in time."""
    with contextlib.suppress(Exception):
        async with asyncio.timeout(LEAVING_S):
            stats = await room.get_rtc_stats()
            return figures([*stats.publisher_stats, *stats.subscriber_stats])
    return Figures()


def are_in(rooms: tuple[rtc.Room, ...]) -> bool:
    """Whether nobody is looking for the server again."""
    return all(room.connection_state == rtc.ConnectionState.CONN_CONNECTED for room in rooms)


def failed(failure: Exception) -> dict[str, object]:
    """A way that was not found, or an end for another reason."""
    words = _words(failure)
    not_found = isinstance(failure, TimeoutError) or _NO_PATH in words
    return (
        {"outcome": "no-path", "detail": ""} if not_found else {"outcome": "ended", "detail": words}
    )


def _words(failure: BaseException) -> str:
    """May hold a whole token: whoever reads this redacts it."""
    return (str(failure) or type(failure).__name__)[:_ERROR_SHOWN]
