"""`--wait`: look again until it is healthy, without changing anything meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from eloquence_ops.catalogue.model import Catalogue
from eloquence_ops.run.carry_out import stop_signals
from eloquence_ops.run.examine import examine
from eloquence_ops.run.plan import Plan
from eloquence_ops.run.recording import Recording

_PAUSE_S: Final = 2.0

CarryOut = Callable[[Plan], Awaitable[Recording]]


async def until_healthy(
    plan: Plan, seconds: float, carry_out: CarryOut, catalogue: Catalogue
) -> Recording:
    """Read-only runs without a key until one is healthy or `seconds` have passed; then, if healthy,
    the run that was asked for.

    A session is opened in the full run only: a deploy that is waited for does not fill the
    statistics with attempts. Returns the last run.
    """
    deadline = time.monotonic() + seconds
    while True:
        recording = await carry_out(
            # Sound makes a room and opens a session: it has to be judged in the full run only.
            replace(plan, read_only=True, proves_key=False, named=plan.named - {"media"})
        )
        if recording.interrupted:
            return recording
        if examine(recording, catalogue).verdict in ("healthy", "degraded"):
            return await carry_out(plan)
        left = deadline - time.monotonic()
        if left <= 0:
            return recording
        if await _interrupted_within(min(_PAUSE_S, left)):
            return recording.model_copy(update={"interrupted": True})


async def _interrupted_within(seconds: float) -> bool:
    """A pause that Ctrl-C ends; what the last run saw is then still told."""
    interrupt = asyncio.Event()
    with stop_signals(interrupt.set), contextlib.suppress(TimeoutError):
        await asyncio.wait_for(interrupt.wait(), seconds)
    return interrupt.is_set()
