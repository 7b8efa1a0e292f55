"""The stacks of Go's goroutines: a function's line, then its place behind a tab."""

from __future__ import annotations

import re
from typing import Final

from eloquence_ops.logs.traces import Trace

_GOROUTINE: Final = re.compile(r"goroutine [0-9]{1,12} .{0,200}\[.{1,200}\]:$")
_REGISTER: Final = re.compile(r"[a-z][a-z0-9]{1,5} {1,5}0x[0-9a-f]{1,16}$")
_ENDS: Final = ("exit status ", "...additional frames elided...")


def opens(message: str) -> str | None:
    return "frames" if _GOROUTINE.match(message) else None


def step(state: str, message: str) -> str | None:
    if state == "end":
        return None
    if message.startswith(_ENDS):
        return "end" if message.startswith("exit") else "frames"
    belongs = (
        not message
        or message[0] == "\t"
        or message.startswith("created by ")
        or (message[-1] == ")" and _is_call(message))
        or _GOROUTINE.match(message)
        or _REGISTER.match(message)
    )
    return "frames" if belongs else None


def _is_call(message: str) -> bool:
    """`main.f(0x1)`, `panic({0x1, 0x2})`, `github.com/x/y.(*T).f(...)`"""
    name = message.partition("(")[0]
    return bool(name) and " " not in name


TRACE = Trace("go-stack", "g", opens, begins_entry=False, step=step)
