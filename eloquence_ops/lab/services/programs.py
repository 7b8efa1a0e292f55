"""Real programs as parts of a lab: each in a process of its own that never outlives us."""

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

_SAYS_S: Final = 5.0
_STARTING_S: Final = 6.0
_ASKED_EVERY_S: Final = 0.02
_REASON_BYTES: Final = 200
# Nothing else: livekit-server takes settings from more than two hundred variables, before those of
# its file, and our own secrets are none of its business.
_KEPT: Final = ("PATH", "TMPDIR", "SYSTEMROOT")


class NotStarted(Exception):
    """It ended at once, or did not come up; the text is the last line that it wrote."""


async def said(path: str, *words: str) -> str:
    """What a program prints, on both streams; nothing where it cannot be run."""
    try:
        process = await asyncio.create_subprocess_exec(
            path,
            *words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=_environment(),
        )
    except OSError:
        return ""
    try:
        async with asyncio.timeout(_SAYS_S):
            printed, _ = await process.communicate()
    except TimeoutError:
        return ""
    finally:
        await _end(process)
    return printed.decode(errors="replace")


@contextlib.asynccontextmanager
async def program(
    command: Sequence[str], *, until: Callable[[], Awaitable[bool]], log: Path
) -> AsyncIterator[None]:
    """A program for the length of the block, entered when `until` says so. It writes to `log`.

    `until` may raise OSError for "not yet". Raises `NotStarted`.
    """
    with log.open("wb") as out:
        try:
            process = await asyncio.create_subprocess_exec(
                *_ended_with_us(command),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,  # Ctrl-C in a terminal is ours alone
                env=_environment(),
            )
        except OSError as error:
            raise NotStarted(str(error)) from None
    try:
        try:
            async with asyncio.timeout(_STARTING_S):
                while not await _is_up(until) and process.returncode is None:  # noqa: ASYNC110
                    await asyncio.sleep(_ASKED_EVERY_S)  # no event tells when it listens
        except TimeoutError:
            raise NotStarted(_last_line(log)) from None
        if process.returncode is not None:  # whoever answered was somebody else
            raise NotStarted(_last_line(log))
        yield
    finally:
        await _end(process)


async def _is_up(until: Callable[[], Awaitable[bool]]) -> bool:
    try:
        return await until()
    except TimeoutError:
        raise
    except OSError:
        return False


def _environment() -> dict[str, str]:
    return {name: os.environ[name] for name in _KEPT if name in os.environ} | {"LANG": "C.UTF-8"}


def _ended_with_us(command: Sequence[str]) -> list[str]:
    """Linux's way to end a child even when we are killed."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", *command] if setpriv else list(command)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        # Not terminate: LiveKit waits for its participants then, without end.
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    await process.wait()


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line for line in reversed(lines) if line.strip()), "")[:_REASON_BYTES]
