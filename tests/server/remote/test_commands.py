"""Commands of the system: bounded in time and bytes, and ended."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from eloquence_ops.server.remote import commands
from eloquence_ops.server.remote.gaps import Gaps
from eloquence_ops.server.remote.reading import Unreadable, read_bytes, read_end


def test_what_a_command_says() -> None:
    done = commands.run(["sh", "-c", "echo out; echo err >&2; exit 3"])
    assert (done.stdout, done.stderr, done.status) == (b"out\n", "err\n", 3)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["no-such-program-anywhere"], "no-such-program"),
        (["sleep", "60"], "timed-out"),
        (["sh", "-c", "exec >&- 2>&-; sleep 60"], "timed-out"),
        (["yes"], "too-large"),
        (["sh", "-c", "echo Permission denied >&2; exit 1"], "permission-denied"),
        (["false"], "failed"),
    ],
)
def test_why_there_is_no_output(words: list[str], reason: str) -> None:
    with pytest.raises(Unreadable) as problem:
        commands.output(words, deadline_s=0.5, limit=10000)
    assert problem.value.reason == reason


def test_nothing_that_it_started_goes_on(tmp_path: Path) -> None:
    """Not even what the command itself left in the background."""
    written = tmp_path / "pid"
    script = f"sleep 60 & echo $! > {written}; wait"
    with pytest.raises(Unreadable):
        commands.run(["sh", "-c", script], deadline_s=0.5)
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", written.read_text().strip()],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    assert state in ("", "Z")


def test_the_environment_of_whoever_logs_in_is_not_passed_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LD_PRELOAD_OF_MINE", "1")
    assert b"OF_MINE" not in commands.output(["env"])


def test_a_pipe_in_the_place_of_a_file_does_not_stop_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Unreadable):
        read_bytes(str(tmp_path / "pipe"))


def test_a_file_over_the_bound_is_not_read_in_part(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * 101)
    with pytest.raises(Unreadable) as problem:
        read_bytes(str(tmp_path / "large"), 100)
    assert problem.value.reason == "too-large"
    assert read_end(str(tmp_path / "large"), 100) == (b"x" * 100, False)


def test_a_defect_is_told_by_its_place_and_without_its_values() -> None:
    gaps = Gaps()
    with gaps.around("a"):
        raise KeyError("s3cret")
    (entry,) = gaps.entries
    assert (entry["fact"], entry["reason"]) == ("a", "defect")
    assert "s3cret" not in entry["detail"]
    assert "test_commands.py:" in entry["detail"]
    assert f"Python 3.{sys.version_info[1]}" in entry["detail"]
