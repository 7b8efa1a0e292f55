"""The real command in a process of its own, with nothing of this machine's settings around it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from eloquence_ops.lab.system import LabSystem

COMMAND = (sys.executable, "-m", "eloquence_ops")
ROOT = Path(__file__).resolve().parents[2]
# Long enough for a busy machine; a test that gets there has failed.
TIMEOUT_S = 60.0
_KEPT = ("PATH", "SYSTEMROOT", "TMPDIR", "PYTHONPATH")


@dataclass(frozen=True)
class Ended:
    """How a command ended, and every byte that it wrote to its streams."""

    code: int
    out: bytes
    err: bytes

    @property
    def text(self) -> str:
        return self.out.decode()

    @property
    def complaint(self) -> str:
        return self.err.decode()


def environment(home: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {**kept, "HOME": str(home), "LANG": "C.UTF-8", **(extra or {})}


def start(
    *words: str | Path,
    cwd: Path,
    environ: Mapping[str, str] | None = None,
    stdout: int | IO[bytes] = subprocess.PIPE,
    peak_in: Path | None = None,
) -> subprocess.Popen[bytes]:
    """`eloquence words…` in `cwd`, which is its home too; see `measured` for `peak_in`."""
    measured = (sys.executable, "-m", "tests.cli.measured", peak_in)
    own = {"PYTHONPATH": str(ROOT)} if peak_in else {}
    return subprocess.Popen(
        [*map(str, measured if peak_in else COMMAND), *map(str, words)],
        cwd=cwd,
        env=environment(cwd, own | dict(environ or {})),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
    )


def ended(process: subprocess.Popen[bytes], timeout_s: float = TIMEOUT_S) -> Ended:
    """Waits for its end; one that does not come is a failure."""
    try:
        out, err = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"it did not end; so far:\n{out!r}\n{err!r}") from None
    return Ended(process.returncode, out or b"", err or b"")


def run(*words: str | Path, cwd: Path, environ: Mapping[str, str] | None = None) -> Ended:
    return ended(start(*words, cwd=cwd, environ=environ))


def way_to(system: LabSystem) -> list[str]:
    """The flags that lead to a lab."""
    words: list[str] = []
    for name, value in system.target.written:
        for item in (value,) if isinstance(value, str) else value:
            words += [f"--{name.replace('_', '-')}", item]
    return [*words, "--timeout", "1"]


def holding(system: LabSystem) -> dict[str, str]:
    """The environment that goes with it."""
    return {"ELOQUENCE_API_KEY": system.api_key, **system.environ}
