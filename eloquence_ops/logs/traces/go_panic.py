"""A Go program's end: `panic: …` or `fatal error: …`, then the goroutines."""

from __future__ import annotations

from typing import Final

from eloquence_ops.logs.traces import Trace, go_stack

_MOST_LINES_SAID: Final = 8


def opens(message: str) -> str | None:
    if message.startswith(("panic: ", "fatal error: ", "unexpected fault address ")):
        return "said" + "." * _MOST_LINES_SAID
    return None


def step(state: str, message: str) -> str | None:
    if not state.startswith("said"):
        return go_stack.step(state, message)
    if go_stack.opens(message):
        return "frames"
    belongs = not message or message[0] in "\t["
    return state[:-1] if state != "said" and belongs else None


TRACE = Trace("go-panic", "pfu", opens, begins_entry=True, step=step)
