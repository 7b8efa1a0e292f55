"""What a deploy looks like: rows on standard output, progress on standard error."""

from __future__ import annotations

import asyncio
import contextlib
import io
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from eloquence_ops.cli import beside, speaking
from eloquence_ops.deploy.progress import Steps, Told
from eloquence_ops.deploy.story import Row, Teller, size
from eloquence_ops.report.prose import Prose
from eloquence_ops.run.recording import write_whole

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status

_MARGIN: Final = 12
_WIDEST: Final = 110
_LABELLED: Final = 30
_QUIET_S: Final = 10.0
_TICK_S: Final = 0.25
_STYLES: Final = {
    "head-good": "bold green",
    "head-bad": "bold red",
    "head-plain": "bold",
    "added": "green",
    "removed": "red",
    "changed": "yellow",
    "note": "yellow",
    "dim": "dim",
    "plain": "",
}
_MARKS: Final = {"done": ("✓", "green"), "failed": ("✗", "red"), "skipped": ("-", "dim")}


@contextlib.contextmanager
def page(file: Path | None) -> Iterator[Console]:
    """Standard output, or a file, which is no terminal: no colours in it."""
    if file is None:
        yield speaking.console()
        return
    text = io.StringIO()
    yield speaking.console(file=text)
    write_whole(file, text.getvalue())


def show(console: Console, rows: Iterable[Row]) -> None:
    """Each row beside its label; what is too long goes on below itself."""
    width = min(console.width, _WIDEST)
    for row in rows:
        style = _STYLES[row.style]
        is_head = row.style.startswith("head")
        label = Text(row.label, style=style) if is_head else Text(f"  {row.label}", style="dim")
        label.append(" " * max(2, _MARGIN - cell_len(label.plain)))
        room = width - cell_len(label.plain)
        text = Text(row.text, style="bold" if is_head else style)
        if row.verbatim:
            console.print(label + text, soft_wrap=True)
            continue
        first, *others = Prose(text).lines(console, room) or [Text()]
        first.rstrip()
        console.print(label + first, soft_wrap=True)
        for line in others:
            line.rstrip()
            console.print(Text(" " * cell_len(label.plain)) + line, soft_wrap=True)


def table(console: Console, rows: Sequence[Sequence[str]]) -> None:
    """The first row is the head."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for place, name in enumerate(rows[0]):
        made.add_column(name, no_wrap=place in (0, 1), overflow="fold")
    for row in rows[1:]:
        made.add_row(*(Text(cell) for cell in row))
    console.print(made)


class Progress:
    """Watches an apply. On a terminal one line lives; elsewhere each step is a line, with its id,
    and what takes long says so now and then."""

    def __init__(self, teller: Teller) -> None:
        self._teller = teller
        self.steps = Steps()
        self._console = speaking.console(stderr=True)
        self._lives = speaking.on_terminal()
        self._status: Status | None = None
        self._task: asyncio.Task[None] | None = None
        self._doing = ""
        self._begun: Text | None = None
        self._since = self._told_at = time.monotonic()
        self._sent = 0

    async def __aenter__(self) -> Self:
        if self._lives:
            self._status = self._console.status("")
            self._status.start()
        self._task = asyncio.create_task(self._tick())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await beside.end(self._task)
        if self._status is not None:
            self._status.stop()

    # What happens: see `conversation.Watcher`

    def event(self, event: dict[str, Any]) -> None:
        told = self.steps.feed(event)
        if told is not None:
            self._show(told)

    def note(self, phrase_id: str, **values: object) -> None:
        self._line(Text(f"  {self._teller.say(phrase_id, **values)}", style="yellow"))

    def sent(self, count: int) -> None:
        self._sent += count

    def doing(self, words: str) -> None:
        """What is being done before there are steps."""
        self._doing, self._since = words, time.monotonic()
        if not self._lives:
            self._line(Text(f"  · {words}", style="dim"))

    def _show(self, told: Told) -> None:
        label = self._teller.step(told.step)
        if told.state == "begun":
            self._doing, self._since = label, time.monotonic()
            # Said in a moment: many a step has nothing to do, and says so at once.
            self._begun = None if self._lives else Text(f"  · [{told.step}] {label}")
        elif told.state == "undo":
            self._say_begun()
            self._doing = self._teller.say("deploy.going-back", step=label)
            self._since = time.monotonic()
            if not self._lives and told.detail in ("", "begun"):
                self._line(Text(f"  ← [{told.step}] {self._doing}", style="yellow"))
        elif told.state == "note":
            self._say_begun()
            self._line(Text(f"  {self._teller.remark(told.detail, told.values)}", style="yellow"))
        elif told.state == "said":
            if not self._lives and told.step.endswith("-switch"):
                self._say_begun()
                self._line(Text(f"      {told.detail}", style="dim"))
        else:
            self._finish(told, label)

    def _finish(self, told: Told, label: str) -> None:
        mark, style = _MARKS[told.state]
        seconds = told.seconds or 0.0
        if told.state == "skipped":
            self._begun = None
            return
        self._say_begun()
        if not self._lives and told.state == "done" and seconds < 1:
            return
        name = label if self._lives else f"[{told.step}] {label}"
        line = Text.assemble(
            ("  "), (mark, style), f" {name}", " " * max(1, _LABELLED - cell_len(name))
        )
        line.append(f"{seconds:6.1f} s", style="dim")
        if told.step == "receive" and self._sent:
            line.append(f"  {self._amount()}", style="dim")
        self._line(line)

    def _say_begun(self) -> None:
        begun, self._begun = self._begun, None
        if begun is not None:
            self._line(begun)

    def _amount(self) -> str:
        return self._teller.say("deploy.sent", size=size(self._sent, self._teller.language))

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            self._say_begun()
            seconds = time.monotonic() - self._since
            if self._status is not None:
                room = max(20, self._console.width - 14 - cell_len(self._doing))
                said = self.steps.said[:room]
                self._status.update(Text(f"{self._doing}  {seconds:.0f} s  {said}"))
            elif seconds >= _QUIET_S and time.monotonic() - self._told_at >= _QUIET_S:
                told = self._teller.say("deploy.still", step=self._doing, seconds=f"{seconds:.0f}")
                self._line(Text(f"  {told}  {self.steps.said}".rstrip(), style="dim"))

    def _line(self, text: Text) -> None:
        self._told_at = time.monotonic()
        self._console.print(text, soft_wrap=True)
