"""Labs for the real command to examine, and services of which a test asks what they saw."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any

from eloquence_ops.lab.faults import combined, named
from eloquence_ops.lab.services.serving import serving
from eloquence_ops.lab.system import LabSystem, running

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


@contextlib.contextmanager
def broken(*faults: str) -> Iterator[LabSystem]:
    """A lab with these faults; none is a healthy one."""
    with running(combined(named(faults))) as system:
        yield system


@contextlib.contextmanager
def served(*apps: object) -> Iterator[list[int]]:
    """Serves each application on loopback, in a thread; yields their ports."""
    ports: list[int] = []
    ready, stop = threading.Event(), threading.Event()

    async def serve() -> None:
        async with contextlib.AsyncExitStack() as stack:
            for app in apps:
                ports.append((await stack.enter_async_context(serving(app))).port)
            ready.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    try:
        assert ready.wait(20), "the services did not start"
        yield ports
    finally:
        stop.set()
        thread.join(20)
