"""Python's tracebacks: chained ones, exception groups, the carets of a SyntaxError.

The last line (`ValueError: …`) goes on over indented lines only: what an exception's message says
behind a line end cannot be told from the next line of the log.
"""

from __future__ import annotations

import re
from typing import Final

from eloquence_ops.logs.traces import Trace

_HEADER: Final = "Traceback (most recent call last):"
_GROUP: Final = "+ Exception Group Traceback (most recent call last):"
_CHAINED: Final = (
    "During handling of the above exception, another exception occurred:",
    "The above exception was the direct cause of the following exception:",
)
_RAISED: Final = re.compile(r"[A-Za-z_][\w.<>]{0,200}(?:: |:?$)")


def opens(message: str) -> str | None:
    if message.startswith(_HEADER):
        return "frames"
    if message.startswith("  ") and message.lstrip(" ").startswith(_GROUP):
        return "group"
    return "chained" if message in _CHAINED else None


def step(state: str, message: str) -> str | None:
    if state == "group" and message.lstrip(" ")[:1] in {"|", "+"}:
        return "group"
    if state == "frames":
        if message[:1] in {" ", "\t"}:
            return "frames"
        return "raised" if _RAISED.match(message) else None
    if not message:
        return "chained" if state == "chained" else "blank"
    if state == "raised" and message[:1] in {" ", "\t"}:
        return "raised"
    return opens(message) if state in {"blank", "chained"} else None


TRACE = Trace("python", "T D", opens, begins_entry=False, step=step)
