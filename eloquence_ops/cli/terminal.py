"""Rich's console, as this command wants it."""

from __future__ import annotations

from typing import NoReturn

from rich.console import Console


class Terminal(Console):
    """Leaves the end of the process to us: a closed pipe is no reason for exit code 1."""

    def on_broken_pipe(self) -> NoReturn:
        raise BrokenPipeError
