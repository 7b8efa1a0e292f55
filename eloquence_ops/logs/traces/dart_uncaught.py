"""What Dart and Flutter say of an error that nobody caught: the message, then the stack.

Flutter's goes from `══╡ EXCEPTION CAUGHT BY … ╞══` to a line of `═` (FlutterErrorDetails), Dart's
from `Unhandled exception:` over the exception's own lines to the last frame.
"""

from __future__ import annotations

from typing import Final

from eloquence_ops.logs.traces import Trace, dart_stack

_MOST_LINES_SAID: Final = 8


def opens(message: str) -> str | None:
    if message.startswith("══") and message[2:3] == "╡":
        return "banner"
    # Android's log has it behind `[ERROR:flutter/runtime/dart_vm_initializer.cc(41)]`.
    if message.startswith("Unhandled exception:") or (
        message.startswith("[ERROR:flutter/") and "] Unhandled Exception: " in message[:120]
    ):
        return "said" + "." * _MOST_LINES_SAID
    return None


def step(state: str, message: str) -> str | None:
    if state == "banner":
        if opens(message):
            return None
        is_last = len(message) > 8 and not message.strip("═")
        return "end" if is_last else "banner"
    if state.startswith("said"):
        if dart_stack.opens(message):
            return "frames"
        if not message.strip():
            return "said"  # only the stack may follow
        return state[:-1] if state != "said" and not opens(message) else None
    return dart_stack.step(state, message)


TRACE = Trace("dart-uncaught", "═U[", opens, begins_entry=True, step=step)
