"""Asking for the passphrase of an ssh key, at a terminal only."""

from __future__ import annotations

import contextlib
import getpass
import os
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from eloquence_ops.language import Language
from eloquence_ops.phrases import phrase
from eloquence_ops.secrets import Secret
from eloquence_ops.server.threads import in_thread

if TYPE_CHECKING:
    from eloquence_ops.server.identities import Ask


def asking(language: Language) -> Ask | None:
    """None where nobody is there to answer."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None

    async def ask(file: Path) -> Secret | None:
        question = phrase("cli.passphrase", language, file=file)
        try:
            with _echo_restored():
                typed = await in_thread(partial(getpass.getpass, question))
        except (EOFError, OSError):
            return None
        return Secret(typed) if typed else None

    return ask


@contextlib.contextmanager
def _echo_restored() -> Iterator[None]:
    """The thread that asks stays behind in its reading when nobody waits for it any more, after
    Ctrl-C or the deadline, and would leave the terminal without its echo."""
    try:
        import termios  # not on Windows, whose getpass changes no setting

        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    except (ImportError, OSError):
        yield
        return
    try:
        before = termios.tcgetattr(terminal)
        try:
            yield
        finally:
            # Not what was typed so far: half a passphrase would go to the shell.
            if termios.tcgetattr(terminal) != before:
                termios.tcsetattr(terminal, termios.TCSAFLUSH, before)
                os.write(terminal, b"\n")
    finally:
        os.close(terminal)
