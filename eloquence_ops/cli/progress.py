"""What is shown while a run is under way: on a terminal, after a second, on standard error."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Final, Self

from eloquence_ops.catalogue.model import Catalogue
from eloquence_ops.cli import beside, speaking
from eloquence_ops.language import Language
from eloquence_ops.phrases import phrase
from eloquence_ops.report.prose import Prose
from eloquence_ops.report.so_far import first_verdict
from eloquence_ops.run.carry_out import Execution
from eloquence_ops.run.examine import examine

_QUIET_S: Final = 1.0
_FIRST_VERDICT_S: Final = 2.0
_TICK_S: Final = 0.25


class Watch:
    """Around a run: a line that says what is running, and what is known so far."""

    def __init__(self, execution: Execution, catalogue: Catalogue, language: Language) -> None:
        self._execution = execution
        self._catalogue = catalogue
        self._language = language
        self._task: asyncio.Task[None] | None = None
        self._since: dict[str, float] = {}

    async def __aenter__(self) -> Self:
        if speaking.on_terminal():
            self._task = asyncio.create_task(self._watch())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await beside.end(self._task)

    async def _watch(self) -> None:
        while self._execution.elapsed_s < _QUIET_S:
            self._under_way()
            await asyncio.sleep(_TICK_S)
        console = speaking.console(stderr=True)
        with console.status("") as status:
            while True:
                status.update(Prose(self._line()))
                await asyncio.sleep(_TICK_S)

    def _line(self) -> str:
        execution = self._execution
        probes = ", ".join(sorted(execution.running))
        running = phrase("report.running", self._language, probes=probes)
        line = f"{execution.elapsed_s:.0f} s  {running}"
        under_way = self._under_way()
        if execution.elapsed_s < _FIRST_VERDICT_S:
            return line
        result = examine(execution.snapshot(), self._catalogue)
        known = first_verdict(result, self._catalogue, self._language, under_way)
        return f"{line}\n  {known}"

    def _under_way(self) -> dict[str, float]:
        """For how long each probe has been seen running."""
        now, running = self._execution.elapsed_s, self._execution.running
        self._since = {probe: self._since.get(probe, now) for probe in running}
        return {probe: now - since for probe, since in self._since.items()}
