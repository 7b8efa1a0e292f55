"""What the parser of the command line refuses, as one sentence in the reader's language.

Typer brings its own copy of click, or imports it, depending on its version: what it raises is known
by the names of its classes, and what it says in English is read for what it names.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Final

import typer

from eloquence_ops.errors import UsageError

# BadParameter → UsageError → ClickException, in each of them.
REFUSAL: Final[type[Exception]] = typer.BadParameter.__mro__[2]

_NUMBERS: Final = {"--timeout": "0.1–600", "--wait": "0–86400"}


def shows_help(refusal: Exception) -> bool:
    """A command without anything behind it: its help has been printed instead."""
    return type(refusal).__name__ == "NoArgsIsHelpError"


def as_usage_error(refusal: Exception) -> UsageError:
    """The same refusal with a sentence in both languages."""
    message = str(getattr(refusal, "message", refusal))
    option = str(getattr(refusal, "option_name", ""))
    command = re.match(r"No such command '(.*?)'(\. |\.?$)", message, re.DOTALL)
    extra = re.search(r"extra arguments?(?:\(s\))? \((.*)\)", message, re.DOTALL)
    match type(refusal).__name__:
        case "NoSuchOption":
            near = _near(option, getattr(refusal, "possibilities", None) or ())
            which = "cli.no-option-near" if near else "cli.no-option"
            return UsageError(which, name=option, near=near)
        case "BadOptionUsage" if "does not take" in message:
            return UsageError("cli.no-value", option=option)
        case "BadOptionUsage":
            return UsageError("cli.value-missing", option=option)
        case "MissingParameter":
            return UsageError("cli.argument-missing", argument=_parameter(refusal))
        case "BadParameter":
            name = _parameter(refusal)
            return UsageError("cli.number", option=name, allowed=_NUMBERS.get(name, message))
    if command:
        near = _near(command[1], getattr(getattr(refusal, "cmd", None), "commands", ()))
        which = "cli.no-command-near" if near else "cli.no-command"
        return UsageError(which, name=command[1], near=near)
    if extra:
        return UsageError("cli.extra", words=extra[1])
    return UsageError("cli.parser", message=message.rstrip("."))


def _near(name: str, known: Iterable[str]) -> str:
    return ", ".join(difflib.get_close_matches(name, list(known), n=2))


def _parameter(refusal: Exception) -> str:
    """`--timeout`, or the name of an argument in capitals."""
    parameter = getattr(refusal, "param", None)
    options = [option for option in getattr(parameter, "opts", ()) if option.startswith("--")]
    return options[0] if options else str(getattr(parameter, "name", "?") or "?").upper()
