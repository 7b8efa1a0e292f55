"""The logs of one server over one link. A lost link is made again; they go on where they were."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from eloquence_ops.logs import program
from eloquence_ops.logs.clock import ClockDifference
from eloquence_ops.logs.entry import Note
from eloquence_ops.logs.frames import Frame, Frames, NotFrames
from eloquence_ops.logs.program import Log, Place
from eloquence_ops.logs.reading import JournalReading, Moment, Reading, TextReading
from eloquence_ops.logs.span import Span
from eloquence_ops.logs.stream import Sink
from eloquence_ops.secrets import Secret
from eloquence_ops.server import sudo
from eloquence_ops.server.errors import HostKeyRefused, LinkError, LinkLost
from eloquence_ops.server.link import Link, Running
from eloquence_ops.untrusted import one_line

_LIFE_EVERY_S: Final = 2.0
_SECOND_SIGN_S: Final = 0.2
_FIRST_WAIT_S: Final = 0.3
_LONGEST_WAIT_S: Final = 5.0
_TRIES: Final = 6
_DAY_S: Final = 86400
# A difference worth saying: people compare with the clock on the wall.
_WORTH_SAYING_S: Final = 0.5

Connect = Callable[[], Awaitable[Link]]


class NotBegun(LinkError):
    """The program did not begin there: no python3, or one that may not run."""


class ServerSource:
    """See `stream.Source`. `host` is for people; `connect` makes a link to it."""

    def __init__(
        self,
        host: str,
        logs: Sequence[Log],
        span: Span,
        connect: Connect,
        *,
        password: Secret | None = None,
    ) -> None:
        self._host, self._logs, self._span, self._connect = host, tuple(logs), span, connect
        self._password = password
        self._readings: dict[str, Reading] = {
            log.name: TextReading(log.name) if log.path else JournalReading(log.name)
            for log in logs
        }
        self._clock, self._east_s = ClockDifference(), 0
        self._first_begun: float | None = None
        self._sent: dict[int, float] = {}
        self._paused: set[int] = set()
        self._orders: asyncio.Queue[bytes] = asyncio.Queue()
        self._done = False

    @property
    def names(self) -> Sequence[str]:
        return [log.name for log in self._logs]

    async def run(self, sink: Sink) -> None:
        """Raises `LinkError` where nothing ever came, or where the server is another one now."""
        await self._visit(sink)
        wait_s, tries, lost = _FIRST_WAIT_S, 0, time.monotonic()
        self._lost(sink)
        while not self._done:
            await asyncio.sleep(wait_s)
            try:
                await self._visit(sink, lost)
            except HostKeyRefused:
                raise
            except LinkError as refused:
                tries += 1
                if not self._span.follows and tries >= _TRIES:
                    raise
                self._note(sink, "logs.unreachable", refusal=refused)
                wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
                continue
            wait_s, tries, lost = _FIRST_WAIT_S, 0, time.monotonic()
            self._lost(sink)

    def tick(self, sink: Sink) -> None:
        now = time.time()
        for number, log in enumerate(self._logs):
            sink.add(log.name, self._readings[log.name].flush(now))
            has_room = sink.has_room(log.name)
            if has_room and number in self._paused:
                self._paused.discard(number)
                self._orders.put_nowait(b"g %d\n" % number)
            elif not has_room and number not in self._paused:
                self._paused.add(number)
                self._orders.put_nowait(b"p %d\n" % number)

    def _lost(self, sink: Sink) -> None:
        if not self._done:
            self._note(sink, "logs.lost")

    async def _visit(self, sink: Sink, lost: float | None = None) -> None:
        """One link, until it breaks or everything was said. Raises `LinkError` where it never came
        to a line; `lost` is when the one before broke."""
        link = await self._connect()
        try:
            nonce = secrets.token_hex(8)
            prepared = sudo.as_root(self._command(nonce), self._password, b"t 0\n")
            self._sent, self._paused, self._orders = {0: time.time()}, set(), asyncio.Queue()
            running = await link.start(prepared.command, stdin=prepared.stdin)
            living = asyncio.create_task(self._live(running))
            try:
                await self._listen(running, Frames(nonce), sink, lost)
            finally:
                living.cancel()
                await running.close()
        finally:
            await link.close()

    def _command(self, nonce: str) -> tuple[str, ...]:
        places = {}
        if self._first_begun is not None:
            for name, reading in self._readings.items():
                reading.again()
                known = reading.place()
                nothing_yet = known.cursor is None and known.file is None
                places[name] = Place(since=self._first_begun) if nothing_yet else known
        return program.command(self._logs, self._span, places, nonce, self._clock.seconds)

    async def _live(self, running: Running) -> None:
        """Signs of life, and orders; the first follows soon, to tell the clocks apart."""
        number, wait_s = 0, _SECOND_SIGN_S
        while True:
            try:
                async with asyncio.timeout(wait_s):
                    order = await self._orders.get()
            except TimeoutError:
                number, wait_s = number + 1, _LIFE_EVERY_S
                self._sent = {number: time.time()}
                order = b"t %d\n" % number
            await running.write(order)

    async def _listen(
        self, running: Running, frames: Frames, sink: Sink, lost: float | None
    ) -> None:
        begun = False
        try:
            while not self._done and (data := await running.read()):
                for frame in frames.feed(data):
                    self._take(frame, sink)
                if frames.begun and not begun:
                    begun = True
                    self._begin(sink, lost)
        except LinkLost:
            if not begun:
                raise
        except (NotFrames, ValueError, KeyError, IndexError, TypeError, RecursionError):
            raise LinkError("logs.garbled", host=self._host) from None
        if not begun:
            went = sudo.went(running.said())
            said = one_line(went.stderr, limit=300)
            raise NotBegun("logs.not-begun", host=self._host, said=said or "—")

    def _begin(self, sink: Sink, lost: float | None) -> None:
        if self._first_begun is None:
            self._first_begun = time.time() + self._clock.seconds
        for log in self._logs:
            sink.begin(log.name)
        if lost is not None:
            self._note(sink, "logs.resumed", seconds=f"{time.monotonic() - lost:.1f}")

    # What the program says

    def _take(self, frame: Frame, sink: Sink) -> None:
        """Raises whatever it may where a frame is not one of the program's."""
        if frame.log < 0:
            if frame.kind == "t":
                self._learn(frame.payload, sink)
            elif frame.kind == "q":
                self._done = True
            return
        log = self._logs[frame.log]
        reading = self._readings[log.name]
        match frame.kind:
            case "d":
                moment = Moment(time.time(), self._clock.seconds, self._east_s)
                sink.add(log.name, reading.feed(frame.payload, moment))
                if isinstance(reading, JournalReading) and reading.gap_is_news():
                    self._note(sink, "logs.gap", log.name)
            case "p" if isinstance(reading, TextReading):
                reading.stands(json.loads(frame.payload))
            case "x":
                reading.void()
            case "n" | "e":
                self._happened(log.name, reading, frame, sink)

    def _happened(self, name: str, reading: Reading, frame: Frame, sink: Sink) -> None:
        told: dict[str, Any] = json.loads(frame.payload)
        said = one_line(str(told.get("said") or "—"), limit=200)
        if frame.kind == "e":
            sink.add(name, reading.close())
            if told["how"] != "done":
                self._note(sink, "logs.ended", name, said=said)
            sink.end(name)
            return
        match told["what"]:
            case "again":
                reading.again()
            case "unreadable":
                self._note(sink, "logs.unreadable", name, said=said)
            case "gap":
                self._note(sink, "logs.gap", name)
            case "truncated":
                self._note(sink, "logs.truncated", name)

    def _learn(self, payload: bytes, sink: Sink) -> None:
        number, answer, east = payload.split()
        self._east_s = max(-_DAY_S, min(_DAY_S, int(east)))
        sent = self._sent.get(int(number))
        if sent is None or not self._clock.learn(sent, float(answer), time.time()):
            return
        ahead = self._clock.seconds
        if abs(ahead) >= _WORTH_SAYING_S:
            phrase_id = "logs.clock-ahead" if ahead > 0 else "logs.clock-behind"
            self._note(sink, phrase_id, seconds=f"{abs(ahead):.1f}")

    def _note(
        self,
        sink: Sink,
        phrase_id: str,
        name: str = "",
        refusal: LinkError | None = None,
        **values: str,
    ) -> None:
        name = name or self._logs[0].name
        where = (("host", self._host), ("log", name), *values.items())
        sink.add(name, [Note(name, time.time(), phrase_id, where, refusal)])
