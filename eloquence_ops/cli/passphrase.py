"""Asking for the passphrase of an ssh key, at a terminal only."""

from __future__ import annotations

import asyncio
import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from eloquence_ops.language import Language
from eloquence_ops.phrases import phrase
from eloquence_ops.secrets import Secret

if TYPE_CHECKING:
    from eloquence_ops.server.identities import Ask


def asking(language: Language) -> Ask | None:
    """None where nobody is there to answer."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None

    async def ask(file: Path) -> Secret | None:
        question = phrase("cli.passphrase", language, file=file)
        try:
            typed = await asyncio.to_thread(getpass.getpass, question)
        except (EOFError, OSError):
            return None
        return Secret(typed) if typed else None

    return ask
