"""An asynchronous system for those who are not: in a thread with its own event loop."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from typing import Final, TypeVar

from eloquence_ops.errors import EloquenceError

System = TypeVar("System")

_STARTING_S: Final = 25.0  # two real programs that do not come up, and the rest


@contextlib.contextmanager
def in_thread(system: AbstractAsyncContextManager[System]) -> Iterator[System]:
    """What `async with system` yields, for the length of the block.

    Raises `EloquenceError` when it cannot start.
    """
    started: list[System] = []
    trouble: list[Exception] = []
    ready, stop = threading.Event(), threading.Event()

    async def hold() -> None:
        async with system as running:
            started.append(running)
            ready.set()
            await asyncio.to_thread(stop.wait)

    def serve() -> None:
        try:
            asyncio.run(hold())
        except Exception as problem:  # told in the caller's thread
            trouble.append(problem)
        finally:
            ready.set()

    thread = threading.Thread(target=serve, name="eloquence-lab", daemon=True)
    thread.start()
    try:
        if not ready.wait(_STARTING_S) or not started:
            reason = trouble[0] if trouble else f"> {_STARTING_S:.0f} s"
            raise EloquenceError("lab.not-started", reason=reason)
        yield started[0]
    finally:
        stop.set()
        _wait_for(thread)


def _wait_for(thread: threading.Thread) -> None:
    """Its end, which an impatient second Ctrl-C does not keep from tidying up."""
    deadline = time.monotonic() + _STARTING_S
    while thread.is_alive() and time.monotonic() < deadline:
        with contextlib.suppress(KeyboardInterrupt):
            thread.join(deadline - time.monotonic())
