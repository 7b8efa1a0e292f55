"""Running a command of the system: bounded in time and bytes, ended with everything it started."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import threading
import time
from typing import NamedTuple

from eloquence_ops.server.remote.reading import Unreadable, text

DEADLINE_S = 4.0
MOST_BYTES = 1024 * 1024
_MOST_ERROR_BYTES = 4096

# English and UTC, so that what is read here reads the same everywhere; sbin as root has it.
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C",
    "TZ": "UTC",
    "SYSTEMD_COLORS": "0",
    "SYSTEMD_PAGER": "",
}

_running: set[int] = set()
_guard = threading.Lock()


class Output(NamedTuple):
    stdout: bytes
    stderr: str
    status: int


def run(words: list[str], deadline_s: float = DEADLINE_S, limit: int = MOST_BYTES) -> Output:
    """What a command said. Raises `Unreadable` when it is missing, slow or says too much."""
    name = os.path.basename(words[0])
    try:
        with _guard:
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=ENVIRONMENT,
                cwd="/",
                start_new_session=True,
            )
            _running.add(process.pid)
    except FileNotFoundError:
        raise Unreadable("no-such-program", name) from None
    except PermissionError:
        raise Unreadable("permission-denied", name) from None
    try:
        return _collected(process, name, time.monotonic() + deadline_s, limit)
    finally:
        _end(process)


def output(words: list[str], deadline_s: float = DEADLINE_S, limit: int = MOST_BYTES) -> bytes:
    """The standard output of a command that succeeded. Raises `Unreadable`."""
    done = run(words, deadline_s, limit)
    if done.status != 0:
        raise refused(words[0], done)
    return done.stdout


def refused(word: str, done: Output) -> Unreadable:
    """Why a command failed, in its own words."""
    said = done.stderr.strip()
    lower = said.lower()
    denied = any(words in lower for words in ("permission denied", "not permitted", "must be root"))
    return Unreadable(
        "permission-denied" if denied else "failed",
        "{}: exit {}: {}".format(os.path.basename(word), done.status, said[:300]),
    )


def _collected(process: subprocess.Popen[bytes], name: str, deadline: float, limit: int) -> Output:
    assert process.stdout is not None and process.stderr is not None  # noqa: S101, PT018
    found = {process.stdout: bytearray(), process.stderr: bytearray()}
    with selectors.DefaultSelector() as selector:
        for stream in found:
            selector.register(stream, selectors.EVENT_READ)
        while selector.get_map():
            left = deadline - time.monotonic()
            ready = selector.select(left) if left > 0 else []
            if not ready:
                raise Unreadable("timed-out", name)
            for key, _ in ready:
                piece = os.read(key.fd, 65536)
                if not piece:
                    selector.unregister(key.fileobj)
                for stream in found:
                    if stream is key.fileobj:
                        found[stream] += piece
            if len(found[process.stdout]) > limit:
                raise Unreadable("too-large", "{}: more than {} bytes".format(name, limit))
            del found[process.stderr][_MOST_ERROR_BYTES:]
    try:
        status = process.wait(max(0.1, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise Unreadable("timed-out", name) from None
    return Output(bytes(found[process.stdout]), text(bytes(found[process.stderr])), status)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        _kill(process.pid)
        process.wait()
    with _guard:
        _running.discard(process.pid)
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()


def _kill(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def end_all() -> None:
    """Ends every command that still runs; none may start after this."""
    # For good: the program is at its end. A signal may have come while this very thread held it.
    _guard.acquire(timeout=1.0)
    for group in list(_running):
        _kill(group)
