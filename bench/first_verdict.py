"""The first verdict on the terminal while half of the system hangs, beside curl on what hangs.

The API takes the connection and never answers; LiveKit is stopped. curl waits for the API as long
as the app does (10 s), and only then says that something is wrong.
"""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial

from bench.healthy_doctor import arguments
from bench.timing import run, show, side_by_side
from eloquence_ops.lab.faults import combined, named
from eloquence_ops.lab.system import LabSystem, running
from eloquence_ops.phrases import phrase

_GOAL_S = 3.0
_PATIENCE_S = 30.0
_SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def main() -> None:
    """Goal: within 3 s of the command's start."""
    if shutil.which("curl") is None:
        sys.exit("bench: install curl first")
    with running(combined(named(["api-hanging", "livekit-not-running"]))) as system:
        ours, peer = "eloquence doctor, first verdict", "curl, as long as the app waits"
        figures = side_by_side(
            {ours: partial(_first_verdict, system), peer: partial(_curl, system)}, rounds=3
        )
    show("the first verdict while half of the system hangs", figures, ours, peer)
    if figures[ours].median > _GOAL_S:
        sys.exit(f"bench: the first verdict took longer than {_GOAL_S:g} s")


def _first_verdict(system: LabSystem) -> None:
    said = phrase("report.so-far", "en", headline="|").partition("|")[0].strip()
    with _terminal(system) as (process, leader):
        shown, deadline = "", time.monotonic() + _PATIENCE_S
        while said not in " ".join(_SEQUENCE.sub("", shown).split()):
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"bench: no verdict came:\n{shown}")
            if select.select([leader], [], [], 0.1)[0]:
                shown += os.read(leader, 65536).decode(errors="replace")


@contextlib.contextmanager
def _terminal(system: LabSystem) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "eloquence_ops", "doctor", *arguments(system), "--timeout", "60"],
        env={**os.environ, "ELOQUENCE_API_KEY": system.api_key, "TERM": "xterm", "COLUMNS": "200"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=follower,
    )
    os.close(follower)
    try:
        yield process, leader
    finally:
        process.kill()
        process.wait()
        os.close(leader)


def _curl(system: LabSystem) -> None:
    api = system.services["api"]
    command = ["curl", "-sS", "-o", os.devnull, "--noproxy", "*", "--max-time", "10"]
    command += ["-H", f"X-API-Key: {system.api_key}", "--json", '{"user_id": "bench"}']
    command.append(f"{api}/api/sessions")
    with contextlib.suppress(subprocess.CalledProcessError):  # it gives up, with status 28
        run(command)
