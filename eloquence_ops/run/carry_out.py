"""Carries a plan out and makes a recording of it, whatever interrupts."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from eloquence_ops import __version__
from eloquence_ops.run.board import Board
from eloquence_ops.run.plan import Plan
from eloquence_ops.run.recording import RecordedOptions, Recording, recorded_target
from eloquence_ops.run.runner import Runner

# A closed terminal and a cancelled CI job end a run as Ctrl-C does: sessions are closed first.
_STOP_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


@dataclass
class Execution:
    """One run under way. `snapshot` may be asked for at any time."""

    plan: Plan
    command: str
    rerun: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.started_at = datetime.now(UTC).replace(microsecond=0)
        self.running: frozenset[str] = frozenset()
        self._board: Board = self.plan.board()
        self._runner: Runner | None = None

    async def carry_out(self, *, takes_signals: bool = True) -> Recording:
        """Until every probe has its end, or until it is interrupted.

        `takes_signals` is false where somebody else has them, who calls `interrupt`.
        """
        self._runner = Runner(
            self.plan.probes(),
            self._board,
            progress=self._progress,
            redact=self.plan.redactor.text,
        )
        signals = (
            stop_signals(self._runner.interrupt) if takes_signals else contextlib.nullcontext()
        )
        with signals:
            await self._runner.run()
        return self.snapshot()

    def interrupt(self) -> None:
        if self._runner is not None:
            self._runner.interrupt()

    def _progress(self, running: frozenset[str]) -> None:
        self.running = running

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self._board.started

    def snapshot(self) -> Recording:
        """What has been observed up to now, as a recording."""
        runner = self._runner
        return Recording(
            tool_version=__version__,
            command=self.command,
            target=recorded_target(self.plan.target),
            options=RecordedOptions(
                areas=tuple(sorted(self.plan.areas)),
                read_only=self.plan.read_only,
                proves_key=self.plan.proves_key,
                has_api_key=self.plan.api_key is not None,
                named=tuple(sorted(self.plan.named)),
                left_out=tuple(sorted(self.plan.left_out)),
                on_server=self.plan.on_server,
                names=self.plan.asked.names,
                addresses=tuple(endpoint.url for endpoint in self.plan.addresses),
                livekit_key=self.plan.asked.livekit_key,
                rerun=self.rerun,
            ),
            started_at=self.started_at,
            duration_s=round(self.elapsed_s, 6),
            interrupted=runner.interrupted if runner else False,
            probe_ends=tuple(runner.ends) if runner else (),
            observations=tuple(self._board.observations),
        )


@contextlib.contextmanager
def stop_signals(interrupt: Callable[[], None]) -> Iterator[None]:
    """Signals call `interrupt` during a run; where the loop cannot take them, Ctrl-C ends it."""
    loop = asyncio.get_running_loop()
    taken: dict[int, Any] = {}
    for name in _STOP_SIGNALS:
        number = getattr(signal, name, None)
        # Windows has no loop handlers, and only the main thread may have any.
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            if number is not None and (before := signal.getsignal(number)) is not signal.SIG_IGN:
                loop.add_signal_handler(number, interrupt)
                taken[number] = before
    try:
        yield
    finally:
        for number, before in taken.items():
            loop.remove_signal_handler(number)
            signal.signal(number, before)
