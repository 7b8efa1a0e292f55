"""Blocking calls beside the event loop, each in a daemon thread of its own.

Not `asyncio.to_thread`: its pool is small, so that a few blocked reads would hold up everything,
and Python waits for the pool's threads before it exits, so that a dead link would hold up Ctrl-C.
Whoever is cancelled ends the call by closing what it blocks on.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from functools import partial
from typing import TypeVar

T = TypeVar("T")


def in_background(call: Callable[[], object]) -> None:
    """Starts `call` and forgets it; what it raises is dropped."""

    def run() -> None:
        with contextlib.suppress(Exception):
            call()

    threading.Thread(target=run, daemon=True).start()


async def in_thread(call: Callable[[], T], *, unwanted: Callable[[T], object] | None = None) -> T:
    """The result of `call`. `unwanted` gets one that came after the caller was cancelled."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def deliver(result: T) -> None:
        if not future.done():
            future.set_result(result)
        elif unwanted is not None:
            # Getting rid of it may block too.
            in_background(lambda: unwanted(result))

    def fail(error: Exception) -> None:
        if not future.done():
            future.set_exception(error)

    def run() -> None:
        try:
            result = call()
        except Exception as error:  # whatever it is belongs to the caller
            report: Callable[[], object] = partial(fail, error)
        else:
            report = partial(deliver, result)
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(report)

    threading.Thread(target=run, daemon=True).start()
    return await future
