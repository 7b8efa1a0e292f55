"""The `eloquence` command: parses, calls, prints. What is heavy is imported when needed."""

from __future__ import annotations

import os
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Runs one command and exits with its code; nobody sees a traceback."""
    from eloquence_ops.cli.ending import run_to_exit_code

    code = run_to_exit_code()
    _flush()
    sys.exit(code)


def _flush() -> None:
    """A closed pipe (`| head`) is normal: whoever reads has read enough."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (BrokenPipeError, ValueError):
            # Python flushes again at exit; it must not find the broken pipe there.
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        except OSError:
            # A full disk behind a redirected stdout: what was asked for was not delivered.
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            sys.exit(3)
