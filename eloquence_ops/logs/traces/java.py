"""Stack traces of Java and Kotlin, as Android's log has them.

`FATAL EXCEPTION` and the process, what was thrown, its frames, its causes.
"""

from __future__ import annotations

import re
from typing import Final

from eloquence_ops.logs.traces import Trace

_THROWN: Final = re.compile(
    r"[a-z][\w$]{0,60}(?:\.[\w$]{1,120}){1,12}(?:Exception|Error)\b(?:[:$]|$)"
)
_FRAME: Final = re.compile(
    r"[ \t]{0,40}(?:at [\w$.<>/-]{1,400}\(|\.\.\. [0-9]{1,5} (?:more|common))"
)
_CAUSES: Final = ("Caused by: ", "Suppressed: ")


def opens(message: str) -> str | None:
    if message.startswith("FATAL EXCEPTION: "):
        return "crash"
    return "thrown" if _THROWN.match(message) or _belongs(message) else None


def step(state: str, message: str) -> str | None:
    if state == "crash" and message.startswith(("Process: ", "PID: ")):
        return "crash"
    if _belongs(message):
        return "thrown"
    return "thrown" if state == "crash" and _THROWN.match(message) else None


def _belongs(message: str) -> bool:
    return _FRAME.match(message) is not None or message.lstrip("\t ").startswith(_CAUSES)


# Packages that exceptions come from: java, javax, kotlin, kotlinx, android, androidx, com, org, io.
TRACE = Trace("java", "Fjkacoi\tC", opens, begins_entry=False, step=step)
