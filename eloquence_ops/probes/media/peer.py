"""The program that holds `livekit`'s native library: `python -m eloquence_ops.probes.media.peer`.

One line of JSON on standard input says what to do; each line on standard output is a `Report`. It
leaves its rooms and ends when it is done, when standard input ends (whoever started it is gone, or
wants no more), and in every case when its time is over.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import sys
import threading
import time
from typing import Any

from eloquence_ops.probes.media.call import call
from eloquence_ops.probes.media.rooms import LEAVING_S
from eloquence_ops.probes.media.ways import try_ways


async def main() -> None:
    job: dict[str, Any] = json.loads(sys.stdin.readline())
    work = asyncio.create_task(call(job) if job["kind"] == "call" else try_ways(job))
    loop = asyncio.get_running_loop()
    threading.Thread(target=_until_dismissed, args=(loop, work), daemon=True).start()
    with contextlib.suppress(asyncio.CancelledError):
        await work


def _until_dismissed(loop: asyncio.AbstractEventLoop, work: asyncio.Task[None]) -> None:
    """A thread of its own: the library may hold the loop up, but not this."""
    sys.stdin.read()
    loop.call_soon_threadsafe(work.cancel)
    time.sleep(2 * LEAVING_S)
    os._exit(1)


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    asyncio.run(main())
    os._exit(0)  # the library's threads are waited for by nobody
