"""How the stream is written: one module a form. Each turns what is ready into text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from eloquence_ops.logs.dress import Shown
from eloquence_ops.logs.entry import Note

Item = Shown | Note


class Output(Protocol):
    def text(self, items: Sequence[Item]) -> str:
        """Whole lines, with their ends; nothing where there is nothing to say."""
        ...
