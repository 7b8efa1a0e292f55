"""All sources at once: what they bring is merged and handed on in batches."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

from eloquence_ops.logs.entry import Entry, Note
from eloquence_ops.logs.merge import Merger

_TICK_S: Final = 0.05

Item = Entry | Note
Take = Callable[[Sequence[Item]], Awaitable[None]]


class Source(Protocol):
    """Where lines come from. `names` are its logs."""

    @property
    def names(self) -> Sequence[str]: ...

    async def run(self, sink: Sink) -> None:
        """Until its logs end. Cancelled, it leaves nothing behind."""
        ...

    def tick(self, sink: Sink) -> None:
        """Often: what was held back for what might have followed it is let go."""
        ...


class Sink(Protocol):
    """What a source brings its entries to."""

    def begin(self, name: str) -> None: ...

    def add(self, name: str, items: Sequence[Item]) -> None: ...

    def end(self, name: str) -> None: ...

    def has_room(self, name: str) -> bool:
        """Whether more of this log can be taken; one that comes faster than it goes has to wait."""
        ...

    async def room(self, name: str) -> None:
        """Returns when there is."""
        ...


class Stream:
    """The merged stream of several sources. `take` gets what is ready, in order."""

    def __init__(self, sources: Sequence[Source], take: Take, *, follows: bool) -> None:
        names = [name for source in sources for name in source.names]
        self._sources, self._take = sources, take
        self._merger: Merger[Item] = Merger(names, follows=follows, started=time.monotonic())
        self._news = asyncio.Event()
        self._space = asyncio.Event()

    async def run(self) -> None:
        """Until all sources have ended. What one of them raises ends all of them."""
        tasks = [asyncio.create_task(self._run(source)) for source in self._sources]
        try:
            await self._pump(tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, source: Source) -> None:
        try:
            await source.run(self)
        finally:
            for name in source.names:
                self.end(name)

    async def _pump(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        while True:
            done = all(task.done() for task in tasks)
            for task in tasks:
                if task.done() and not task.cancelled() and (error := task.exception()):
                    raise error
            for source in self._sources:
                source.tick(self)
            if items := self._merger.ready(time.monotonic()):
                await self._take(items)
                self._space.set()
                await asyncio.sleep(0)
            elif done and self._merger.is_empty():
                return
            else:
                self._news.clear()
                try:
                    async with asyncio.timeout(_TICK_S):
                        await self._news.wait()
                except TimeoutError:
                    pass

    def begin(self, name: str) -> None:
        self._merger.begin(name)

    def add(self, name: str, items: Sequence[Item]) -> None:
        if items:
            self._merger.add(name, list(items), time.monotonic())
            self._news.set()

    def end(self, name: str) -> None:
        self._merger.end(name)
        self._news.set()

    def has_room(self, name: str) -> bool:
        return self._merger.has_room(name)

    async def room(self, name: str) -> None:
        while not self._merger.has_room(name):
            self._space.clear()
            await self._space.wait()
