"""Starts the program with the native library in it, reads its reports, and ends it in every case.

It leads a session of its own: Ctrl-C in the terminal reaches us alone, and we end it in order. Its
standard error never reaches the terminal; of a crash the last words are kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from eloquence_ops.server.children import environment

_PROGRAM: Final = "eloquence_ops.probes.media.peer"
_LONGEST_LINE: Final = 64 * 1024
_MOST_LINES: Final = 64
_LAST_WORDS: Final = 2_000
LEAVING_S: Final = 1.5
"""How long it may take to leave its rooms; then it is killed."""


class Crashed(Exception):
    """The program ended without having said that it was done; the text says how."""


class Peer:
    """One such process. `reports` may be read once; `end` may be called at any time, repeatedly."""

    def __init__(self, job: Mapping[str, object], environ: Mapping[str, str]) -> None:
        self._job, self._environ = job, environ
        self._process: asyncio.subprocess.Process | None = None
        self._errors: asyncio.Task[bytes] | None = None
        self._is_dismissed = False

    async def reports(self) -> AsyncIterator[dict[str, Any]]:
        """What it sees, as it comes. Raises `Crashed`."""
        self._process = process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            _PROGRAM,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=_without_proxies(environment(self._environ)),
            limit=_LONGEST_LINE,
            start_new_session=True,
        )
        to, come, errors = process.stdin, process.stdout, process.stderr
        if to is None or come is None or errors is None:
            raise ValueError("a process without pipes")
        self._errors = asyncio.create_task(_last_of(errors))
        try:
            with contextlib.suppress(ConnectionError):  # it may be gone already
                to.write(json.dumps(self._job).encode() + b"\n")
                await to.drain()
            for _ in range(_MOST_LINES):
                line = await come.readline()
                if not line:
                    break
                yield json.loads(line)
            code = await process.wait()
            if code != 0 and not self._is_dismissed:
                raise Crashed(_told(code, await self._errors))
        finally:
            self.dismiss()

    def dismiss(self) -> None:
        """Tells it to leave: the end of its standard input is that."""
        self._is_dismissed = True
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()

    async def end(self) -> None:
        """Until it is gone, politely first."""
        if self._process is None:
            return
        self.dismiss()
        try:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), LEAVING_S)
        finally:
            if self._process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    self._process.kill()
            if self._errors is not None:
                self._errors.cancel()
        await self._process.wait()


async def _last_of(stream: asyncio.StreamReader) -> bytes:
    kept = b""
    while chunk := await stream.read(4096):
        kept = (kept + chunk)[-_LAST_WORDS:]
    return kept


def _told(code: int, words: bytes) -> str:
    lines = [line for line in words.decode(errors="replace").splitlines() if line.strip()]
    how = f"exit code {code}"
    if code < 0:
        with contextlib.suppress(ValueError):
            how = signal.Signals(-code).name
    return f"{how}: {lines[-1]}" if lines else how


def _without_proxies(environ: Mapping[str, str]) -> dict[str, str]:
    """It speaks to loopback and to media addresses alone, neither through a proxy."""
    return {name: value for name, value in environ.items() if not name.upper().endswith("_PROXY")}
