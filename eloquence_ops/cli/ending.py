"""How every command ends: a sentence and an exit code, never a traceback."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

from eloquence_ops import language
from eloquence_ops.cli.letters import AS_SHOWN
from eloquence_ops.errors import EloquenceError, UsageError

if TYPE_CHECKING:
    from eloquence_ops.language import Language

INTERRUPTED = 130
OURS = 3


def chosen_language(arguments: list[str]) -> Language:
    """`--lang` where it was given, else the environment's: an error may come before any parsing."""
    for place, argument in enumerate(arguments):
        value = argument.partition("=")[2] if argument.startswith("--lang=") else ""
        if argument == "--lang" and place + 1 < len(arguments):
            value = arguments[place + 1]
        if value in ("en", "fr"):
            return "fr" if value == "fr" else "en"
    return language.of_environment(os.environ)


def run_to_exit_code() -> int:
    """Runs the command line of this process."""
    # What a server or a file made us print must not end a run for want of a letter.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=AS_SHOWN)
    _end_as_ctrl_c_does()
    try:
        return _run()
    except EloquenceError as stop:
        _complain(stop.sentence(chosen_language(sys.argv)))
        return stop.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return 0
    except OSError as refusal:
        complain_of(refusal)
        return OURS
    except RecursionError:
        _defect("RecursionError", "")
        return OURS
    except Exception as defect:  # the last place where it can become a sentence
        if os.environ.get("ELOQUENCE_DEBUG"):
            raise
        _defect(type(defect).__name__, str(defect))
        return OURS


def _end_as_ctrl_c_does() -> None:
    """A closed terminal and a cancelled CI job leave nothing behind either. `nohup` stays."""
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)


def _run() -> int:
    import typer

    from eloquence_ops.cli.commands import app
    from eloquence_ops.cli.wrong_use import REFUSAL, as_usage_error, shows_help

    try:
        outcome = app(prog_name="eloquence", standalone_mode=False)
    except typer.Exit as done:
        return done.exit_code
    except typer.Abort:
        return INTERRUPTED
    except REFUSAL as refusal:
        if shows_help(refusal):
            return UsageError.exit_code
        raise as_usage_error(refusal) from None
    return outcome if isinstance(outcome, int) else 0


def complain_of(refusal: OSError) -> None:
    """What the system refused us. Files that were named are told of where they are opened."""
    from eloquence_ops.phrases import phrase

    reason = refusal.strerror or type(refusal).__name__
    language = chosen_language(sys.argv)
    if refusal.filename is None:
        _complain(phrase("write.stdout", language, reason=reason))
    else:
        _complain(phrase("write.refused", language, file=refusal.filename, reason=reason))


def _complain(sentence: str) -> None:
    """One line on standard error, without the secrets of this environment: one of them may have
    been typed where an address belongs."""
    from eloquence_ops.credentials import of_environment
    from eloquence_ops.secrets import Redactor

    shown = Redactor(*of_environment(os.environ)).text(sentence)
    print(f"eloquence: {shown}", file=sys.stderr)


def _defect(kind: str, message: str) -> None:
    from eloquence_ops.credentials import of_environment
    from eloquence_ops.phrases import phrase
    from eloquence_ops.secrets import Redactor
    from eloquence_ops.untrusted import one_line

    # Redacted first: cut before, the text could end in half a secret.
    redacted = Redactor(*of_environment(os.environ)).text(f"{kind}: {message}".rstrip(": "))
    what = one_line(redacted, limit=300)
    _complain(phrase("cli.defect", chosen_language(sys.argv), what=what))
