"""The frames of a Dart stack trace, under the line that says what was thrown."""

from __future__ import annotations

import re
from typing import Final

from eloquence_ops.logs.traces import Trace

_FRAME: Final = re.compile(r"#[0-9]{1,4} {2,8}\S")
_BETWEEN: Final = ("<asynchronous suspension>", "(elided ", "...", "===== asynchronous gap")


def opens(message: str) -> str | None:
    return "frames" if _FRAME.match(message) else None


def step(state: str, message: str) -> str | None:
    if state == "end":
        return None
    if _FRAME.match(message) or message.startswith(_BETWEEN):
        # The numbers of a second trace begin anew: an error of its own.
        return None if message.startswith("#0 ") else "frames"
    return None if message.strip() else "end"


TRACE = Trace("dart-stack", "#", opens, begins_entry=False, step=step)
