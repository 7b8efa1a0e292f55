"""A box of Dart's package:logger: `┌───`, its sections behind `│` and parted by `├┄┄┄`, `└───`.

The message is the last section (PrettyPrinter), after the error, the stack and the time; it is
shown first. A box is not an error: its level is that of its lines.
"""

from __future__ import annotations

from collections.abc import Sequence

from eloquence_ops.logs.traces import Trace


def opens(message: str) -> str | None:
    return "box" if message.startswith("┌") else None


def step(state: str, message: str) -> str | None:
    if state == "end":
        return None
    if message.startswith("└"):
        return "end"
    return "box" if message[:1] in {"│", "├"} else None


def tidied(messages: Sequence[str]) -> Sequence[str]:
    sections: list[list[str]] = [[]]
    for message in messages:
        if message.startswith("├"):
            sections.append([])
        elif not message.startswith(("┌", "└")):
            sections[-1].append(message.removeprefix("│").removeprefix(" "))
    *before, said = sections
    return [*said, *(line for section in before for line in section)] or messages


TRACE = Trace("logger-box", "┌", opens, begins_entry=True, step=step, level=None, tidied=tidied)
