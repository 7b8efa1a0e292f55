"""The `eloquence` command: parses, calls, prints. What is heavy is imported when needed."""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import signal
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Runs one command and exits with its code; nobody sees a traceback."""
    gc.disable()  # until `garbage` says otherwise
    # Else pydantic reads the metadata of every package that is installed, looking for plugins.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    end = _End()
    _open_closed_streams()
    try:
        from eloquence_ops.cli.ending import complain_of, run_to_exit_code

        code = run_to_exit_code()
    except KeyboardInterrupt:
        end.exit(130)
    refusal = _flush()
    if refusal is not None and code != 3:
        # A full disk behind a redirected stdout: what was asked for was not delivered.
        complain_of(refusal)
        code = 3
    end.exit(code)


class _End:
    """The end of the process once everybody else has done what they do at exit.

    What follows there takes as long as `--help`: every module is taken apart, object by object.
    What is registered first runs last, so this is made before anything else.
    """

    def __init__(self) -> None:
        self._code = 1  # of a traceback, which ELOQUENCE_DEBUG asks for
        atexit.register(self._leave)

    def exit(self, code: int) -> NoReturn:
        self._code = code
        # All is said: an impatient Ctrl-C must not tear what others do at exit.
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), signal.SIG_IGN)
        sys.exit(code)

    def _leave(self) -> None:
        _flush()
        os._exit(self._code)


def _open_closed_streams() -> None:
    """`>&-`: the next file or connection that is opened must not become standard output."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            with contextlib.suppress(OSError):
                null = os.open(os.devnull, os.O_RDWR)
                if null != number:
                    os.dup2(null, number)
                    os.close(null)
                setattr(sys, name, os.fdopen(number, mode, encoding="utf-8"))


def _flush() -> OSError | None:
    """Why something could not be delivered. A closed pipe (`| head`) is normal: whoever reads has
    read enough."""
    refused = None
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError) as refusal:
            # Python flushes again at exit; it must not find the same there.
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            if isinstance(refusal, OSError) and not isinstance(refusal, BrokenPipeError):
                refused = refusal
    return refused
