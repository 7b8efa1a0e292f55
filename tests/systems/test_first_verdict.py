"""The first verdict is on the terminal long before the run ends, also when half of it hangs."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from eloquence_ops.lab.system import LabSystem
from eloquence_ops.phrases import phrase
from tests.cli.command import COMMAND, environment, holding, way_to
from tests.cli.labs import broken

# The run waits this long for what hangs, so that it cannot have ended when the verdict comes.
_TIMEOUT_S: Final = 60
_PATIENCE_S: Final = 20.0
# A cursor that moves, a line that is cleared, a colour.
_SEQUENCE: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass
class Terminal:
    """A run with a terminal as its standard error; `shown` is what appeared on it."""

    process: subprocess.Popen[bytes]
    leader: int
    begun: float
    shown: str = ""

    def shows(self, pattern: str) -> bool:
        """Whether what `pattern` matches appears while the run is still going on."""
        while time.monotonic() - self.begun < _PATIENCE_S and self.process.poll() is None:
            if select.select([self.leader], [], [], 0.1)[0]:
                self.shown += os.read(self.leader, 65536).decode(errors="replace")
            if re.search(pattern, " ".join(_SEQUENCE.sub("", self.shown).split())):
                return self.process.poll() is None
        return False


@contextlib.contextmanager
def terminal(system: LabSystem, folder: Path) -> Iterator[Terminal]:
    leader, follower = pty.openpty()
    words = [*way_to(system)[:-2], "--timeout", str(_TIMEOUT_S)]
    process = subprocess.Popen(
        [*COMMAND, "doctor", *words],
        cwd=folder,
        env=environment(folder, holding(system) | {"TERM": "xterm", "COLUMNS": "200"}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=follower,
    )
    os.close(follower)
    try:
        yield Terminal(process, leader, time.monotonic())
    finally:
        process.kill()
        process.wait()
        os.close(leader)


def _said(sentence: str, about: str = "") -> str:
    """A pattern: the phrase up to its headline, and in that headline `about`."""
    start = phrase(sentence, "en", headline="|").split("|")[0].strip()
    return re.escape(start) + (rf" [^.]*\b{about}\b" if about else "")


@pytest.mark.parametrize(
    ("faults", "said"),
    [
        pytest.param(
            ("livekit-not-running", "api-hanging"),
            _said("report.so-far", "LiveKit"),
            id="LiveKit is down, the API hangs",
        ),
        pytest.param(
            ("livekit-hanging", "api-not-running"),
            _said("report.so-far", "API"),
            id="the API is down, LiveKit hangs",
        ),
        pytest.param(
            ("api-hanging",),
            r"so far: \d\d checks passed and none failed "
            r"no answer for \d+ s from https://api\.éloquence\.test \(POST /api/sessions\)",
            id="only the opening hangs",
        ),
        pytest.param(
            ("api-never-answers",),
            r"so far: \d\d checks passed and none failed "
            r"no answer for \d+ s from https://api\.éloquence\.test \(GET /api/sessions\)",
            id="the whole API hangs",
        ),
        pytest.param(
            ("livekit-not-running", "api-never-answers"),
            r"so far: .*LiveKit.* no answer for \d+ s from https://api\.éloquence\.test",
            id="LiveKit is down, the whole API hangs",
        ),
    ],
)
def test_what_is_known_is_said_while_the_rest_hangs(
    faults: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    with broken(*faults) as system, terminal(system, tmp_path) as seen:
        assert seen.shows(said), seen.shown
