"""Runs probes as soon as what they need is there, each within its deadline.

A probe that hangs is cut off and named; one that raises is a defect of ours and hides nothing
else; what an interrupt leaves behind is still judged. Whoever started is finished.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from eloquence_ops.observations.probe_ends import ProbeEnd, ProbeState
from eloquence_ops.run.board import Board, Probe
from eloquence_ops.untrusted import one_line

# How long a cancelled probe may take to let go before it is left to itself.
_GRACE_S = 0.5

Progress = Callable[[frozenset[str]], None]
"""Called with the ids of the probes that are running, each time that changes."""


@dataclass
class Runner:
    """One run over `board`. `interrupt` may be called at any time, from a signal handler too."""

    probes: Sequence[Probe]
    board: Board
    progress: Progress = lambda _running: None
    redact: Callable[[str], str] = lambda text: text
    ends: list[ProbeEnd] = field(default_factory=list)
    interrupted: bool = False
    _interrupt: asyncio.Event = field(default_factory=asyncio.Event)
    _hurry: asyncio.Event = field(default_factory=asyncio.Event)

    def interrupt(self) -> None:
        """The first call ends the probes; the second one ends the tidying up too."""
        if self._interrupt.is_set():
            self._hurry.set()
        self.interrupted = True
        self._interrupt.set()

    async def run(self) -> None:
        """Until every probe has an end; never raises for what a probe does."""
        started: list[Probe] = []
        try:
            await self._measure_all(started)
        finally:
            await self._finish(started)

    async def _measure_all(self, started: list[Probe]) -> None:
        waiting = list(self.probes)
        running: dict[asyncio.Task[None], Probe] = {}
        interrupt = asyncio.ensure_future(self._interrupt.wait())
        try:
            while waiting or running:
                for probe in [entry for entry in waiting if self._has_needs(entry)]:
                    waiting.remove(probe)
                    started.append(probe)
                    running[asyncio.create_task(self._measure(probe))] = probe
                alive = (*waiting, *running.values())
                for probe in [entry for entry in waiting if self._is_starved(entry, alive)]:
                    waiting.remove(probe)
                    missing = tuple(n.name for n in probe.needs if not self.board.has(n))
                    self._end(probe, "starved", 0.0, missing=missing)
                self.progress(frozenset(probe.id for probe in running.values()))
                if running:
                    await asyncio.wait({*running, interrupt}, return_when=asyncio.FIRST_COMPLETED)
                if self._interrupt.is_set():
                    break
                for task in [task for task in running if task.done()]:
                    del running[task]
        finally:
            interrupt.cancel()
            for task in running:
                task.cancel()
            await asyncio.wait({*running, interrupt}, timeout=_GRACE_S)
            for probe in waiting:
                self._end(probe, "interrupted", 0.0)

    def _has_needs(self, probe: Probe) -> bool:
        return all(self.board.has(need) for need in probe.needs)

    def _is_starved(self, probe: Probe, alive: Sequence[Probe]) -> bool:
        """Whether a need is open that nobody alive can still provide."""
        can_come = {fact.name for other in alive if other is not probe for fact in other.provides}
        return any(not self.board.has(n) and n.name not in can_come for n in probe.needs)

    async def _measure(self, probe: Probe) -> None:
        begin = time.monotonic()
        task = asyncio.ensure_future(probe.measure(self.board))
        state, detail = await self._outcome(task, probe.deadline_s)
        self._end(probe, state, time.monotonic() - begin, detail=detail)

    async def _outcome(
        self, task: asyncio.Future[None], deadline_s: float
    ) -> tuple[ProbeState, str]:
        try:
            await asyncio.wait({task}, timeout=deadline_s)
            if not task.done():
                await self._let_go(task)
                return "late", ""
            defect = task.exception()
        except asyncio.CancelledError:
            await self._let_go(task)
            return "interrupted", ""
        if defect is None:
            return "done", ""
        # Redacted first: cut before, the text could end in half a secret.
        return "crashed", one_line(self.redact(f"{type(defect).__name__}: {defect}"), limit=200)

    async def _let_go(self, task: asyncio.Future[None]) -> None:
        task.cancel()
        await asyncio.wait({task}, timeout=_GRACE_S)
        if task.done() and not task.cancelled():
            task.exception()  # taken, so that the loop does not complain of it at exit

    def _end(
        self,
        probe: Probe,
        state: ProbeState,
        seconds: float,
        *,
        missing: tuple[str, ...] = (),
        detail: str = "",
    ) -> None:
        self.ends.append(
            ProbeEnd(
                id=probe.id,
                state=state,
                missing=missing,
                detail=detail,
                duration_s=round(seconds, 6),
            )
        )

    async def _finish(self, started: list[Probe]) -> None:
        """Takes back what was changed, last first, each within its own deadline."""
        for probe in reversed(started):
            if probe.finish is None:
                continue
            task = asyncio.ensure_future(probe.finish(self.board))
            hurry = asyncio.ensure_future(self._hurry.wait())
            await asyncio.wait(
                {task, hurry}, timeout=probe.deadline_s, return_when=asyncio.FIRST_COMPLETED
            )
            hurry.cancel()
            await asyncio.wait({hurry})
            state, detail = await self._outcome(task, 0.0)
            if state != "done":
                self._end(probe, state, probe.deadline_s, detail=f"finish: {detail}")
