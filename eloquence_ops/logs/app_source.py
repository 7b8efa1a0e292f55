"""The app's log as it comes: standard input, or what a command prints. A file of the app's is
followed as a server's is (`ServerSource`, on this machine)."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import datetime
from typing import Final

from eloquence_ops.logs.clock import StampedDifference
from eloquence_ops.logs.entry import Note
from eloquence_ops.logs.reading import Moment, TextReading
from eloquence_ops.logs.stream import Sink
from eloquence_ops.server.link import Link
from eloquence_ops.server.threads import in_thread

_AT_ONCE: Final = 64 * 1024

Chunks = Callable[[], AsyncGenerator[bytes, None]]


class WatchedSource:
    """See `stream.Source`. `chunks` gives what comes until there is no more."""

    def __init__(self, name: str, chunks: Chunks) -> None:
        self._name, self._chunks = name, chunks
        self._difference = StampedDifference(time.time())
        self._reading = TextReading(name, self._difference)
        self._said = False

    @property
    def names(self) -> Sequence[str]:
        return [self._name]

    async def run(self, sink: Sink) -> None:
        """Raises `LinkError` where a command cannot be started."""
        sink.begin(self._name)
        async with contextlib.aclosing(self._chunks()) as chunks:
            async for data in chunks:
                now = time.time()
                sink.add(self._name, self._reading.feed(data, Moment(now, east_s=_east_s(now))))
                self._say_difference(sink)
                await sink.room(self._name)
        sink.add(self._name, self._reading.close())
        sink.add(self._name, [Note(self._name, time.time(), "logs.over", (("log", self._name),))])

    def tick(self, sink: Sink) -> None:
        sink.add(self._name, self._reading.flush(time.time()))

    def _say_difference(self, sink: Sink) -> None:
        behind = self._difference.correction()
        if self._said or not behind:
            return
        self._said = True
        phrase_id = "logs.app-behind" if behind > 0 else "logs.app-ahead"
        values = (("log", self._name), ("seconds", f"{abs(behind):.1f}"))
        sink.add(self._name, [Note(self._name, time.time(), phrase_id, values)])


def standard_input() -> Chunks:
    async def chunks() -> AsyncGenerator[bytes, None]:
        # In a thread: it may be a file, a pipe or a terminal.
        while data := await in_thread(lambda: os.read(0, _AT_ONCE)):
            yield data

    return chunks


def command(line: str, link: Link) -> Chunks:
    """Both streams of a command of this machine's shell, ended with everything it started."""

    async def chunks() -> AsyncGenerator[bytes, None]:
        running = await link.start(f"exec 2>&1; {line}")
        try:
            while data := await running.read():
                yield data
        finally:
            await running.close()

    return chunks


def _east_s(now: float) -> int:
    offset = datetime.fromtimestamp(now).astimezone().utcoffset()
    return int(offset.total_seconds()) if offset else 0
