"""A command run for a step: as the service's user, its output told while it works."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from typing import Callable

from eloquence_ops.deploy.remote.identity import Identity, becoming
from eloquence_ops.deploy.remote.why import Failed

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_KEPT = 400
_LONGEST_LINE = 4096
_QUIET_S = 0.2


def run_as(
    who: Identity,
    words: list[str],
    folder: str,
    *,
    on_line: Callable[[str], None],
    timeout_s: float,
    check: Callable[[], None],
    variables: dict[str, str] | None = None,
) -> tuple[int, list[str]]:
    """How it ended, and its last lines. `check` is called while it works and may raise.

    Raises `Failed` when it takes too long; it is ended with all that it started.
    """
    environment = {"PATH": PATH, "LANG": "C.UTF-8", "HOME": who.home, "USER": who.name}
    environment["LOGNAME"] = who.name
    process = subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=folder,
        env={**environment, **(variables or {})},
        start_new_session=True,
        preexec_fn=becoming(who),  # noqa: PLW1509  # no other thread runs then
    )
    try:
        return _followed(process, on_line, time.monotonic() + timeout_s, timeout_s, check)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _followed(
    process: subprocess.Popen[bytes],
    on_line: Callable[[str], None],
    until: float,
    timeout_s: float,
    check: Callable[[], None],
) -> tuple[int, list[str]]:
    assert process.stdout is not None  # noqa: S101
    lines: list[str] = []
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            check()
            if time.monotonic() > until:
                raise Failed("timeout", "{:g} s".format(timeout_s), lines=lines)
            ready = selector.select(_QUIET_S)
            if not ready and (process.poll() is None or selector.select(0)):
                continue
            # Ended and quiet: what it left running in the background holds its output open.
            piece = os.read(process.stdout.fileno(), 65536) if ready else b""
            *whole, rest = (rest + piece).replace(b"\r", b"\n").split(b"\n")
            if len(rest) > _LONGEST_LINE:
                whole, rest = [*whole, rest], b""
            for line in whole if piece else [rest]:
                text = line[:_LONGEST_LINE].decode("utf-8", "replace").rstrip()
                if text:
                    lines = [*lines[-_KEPT:], text]
                    on_line(text)
            if not piece:
                return process.wait(), lines
