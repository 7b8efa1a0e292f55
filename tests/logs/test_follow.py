"""The program that runs on a server, as a process: files that grow, rotate, and come back."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from eloquence_ops.logs import program
from eloquence_ops.logs.frames import Frame, Frames
from eloquence_ops.logs.program import Log, Place
from eloquence_ops.logs.span import Span

NONCE = "0123456789abcdef"
_TEN = Span(10)


@dataclass
class Follower:
    """The program while it runs; `seen` collects its frames."""

    process: subprocess.Popen[bytes]
    frames: Frames = field(default_factory=lambda: Frames(NONCE))
    seen: list[Frame] = field(default_factory=list)

    def say(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def pump(self, done: Callable[[], bool], timeout_s: float = 20) -> None:
        """Reads until `done`; fails where that does not come."""
        assert self.process.stdout is not None
        os.set_blocking(self.process.stdout.fileno(), False)
        deadline = time.monotonic() + timeout_s
        while not done() and time.monotonic() < deadline:
            data = self.process.stdout.read()
            self.seen += self.frames.feed(data or b"")
            time.sleep(0 if data else 0.02)
        assert done(), self.seen

    def until(self, text: str) -> str:
        """What the log said altogether, once `text` is in it."""
        self.pump(lambda: text in self.said())
        return self.said()

    def has_told(self, kind: str) -> None:
        self.pump(lambda: bool(self.told(kind)))

    def said(self) -> str:
        return b"".join(frame.payload for frame in self.seen if frame.kind == "d").decode()

    def told(self, kind: str) -> list[dict[str, object]]:
        return [json.loads(frame.payload) for frame in self.seen if frame.kind == kind]

    def place(self) -> Place:
        """Where a reader of all that was said stands."""
        last = next(at for at in reversed(range(len(self.seen))) if self.seen[at].kind == "p")
        file = json.loads(self.seen[last].payload)
        file["at"] += sum(len(f.payload) for f in self.seen[last:] if f.kind == "d")
        return Place(file=file)


@contextlib.contextmanager
def following(path: Path, span: Span = _TEN, place: Place | None = None) -> Iterator[Follower]:
    places = {"log": place} if place else {}
    words = program.command([Log("log", path=str(path))], span, places, NONCE, 0.0)
    pipe = subprocess.PIPE
    process = subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe)
    follower = Follower(process)
    try:
        follower.say("t 0")
        yield follower
    finally:
        process.kill()
        for stream in (process.stdin, process.stdout, process.stderr):
            assert stream is not None
            with contextlib.suppress(BrokenPipeError):
                stream.close()
        process.wait()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "access.log"
    path.write_text("".join(f"line {number}\n" for number in range(100)))
    return path


@pytest.mark.parametrize(("lines", "first"), [(3, 97), (0, 100), (None, 0), (500, 0), (100, 0)])
def test_the_last_lines_of_a_file(log: Path, lines: int | None, first: int) -> None:
    with following(log, Span(lines)) as follower:
        follower.has_told("p")
        with log.open("a") as file:
            file.write("now\n")
        said = follower.until("now\n")
    assert said.split("\n")[:-1] == [*(f"line {number}" for number in range(first, 100)), "now"]


def test_the_last_lines_across_blocks(tmp_path: Path) -> None:
    path = tmp_path / "long.log"
    path.write_text("".join(f"{number} {'x' * 5000}\n" for number in range(60)))
    with following(path, Span(20, follows=False)) as follower:
        said = follower.until("59 x")
        follower.has_told("e")
        said = follower.said()
    assert [line.split()[0] for line in said.splitlines()] == [str(n) for n in range(40, 60)]


def test_a_rotated_file_is_read_to_its_end_and_then_the_new_one(log: Path) -> None:
    with following(log, Span(0)) as follower:
        follower.has_told("p")
        old = log.open("a")
        log.rename(log.with_suffix(".log.1"))
        old.write("after the rename, by who had it open\n")
        old.flush()
        log.write_text("new 1\n")
        old.write("no end")
        old.close()
        assert follower.until("new 1\n").endswith("open\nno end\nnew 1\n")


def test_a_file_that_is_emptied_is_read_from_its_beginning(log: Path) -> None:
    with following(log, Span(0)) as follower:
        follower.has_told("p")
        log.write_text("afresh\n")
        assert follower.until("afresh\n") == "afresh\n"
        assert {"what": "truncated"} in follower.told("n")


def test_a_file_that_is_not_there_yet_is_read_whole_when_it_comes(tmp_path: Path) -> None:
    path = tmp_path / "later.log"
    with following(path, Span(1)) as follower:
        follower.has_told("n")
        path.write_text("one\ntwo\n")
        assert follower.until("two\n") == "one\ntwo\n"
        assert follower.told("n")[0]["what"] == "unreadable"


def test_who_comes_back_goes_on_where_it_was(log: Path) -> None:
    with following(log, Span(2)) as follower:
        follower.until("line 99\n")
        place = follower.place()
    with log.open("a") as file:
        file.write("meanwhile 1\n")
    log.rename(log.with_name("access.log.1"))
    log.write_text("meanwhile 2\n")
    with following(log, Span(2), place) as again:
        assert again.until("meanwhile 2\n") == "meanwhile 1\nmeanwhile 2\n"


def test_who_comes_back_to_another_file_is_told(log: Path) -> None:
    with following(log, Span(2)) as follower:
        follower.until("line 99\n")
        place = follower.place()
    log.unlink()
    log.write_text("another\n")
    with following(log, Span(2), place) as again:
        assert again.until("another\n") == "another\n"
        assert {"what": "gap"} in again.told("n")


def test_a_file_with_the_same_inode_and_other_words_is_another_file(log: Path) -> None:
    with following(log, Span(2)) as follower:
        follower.until("line 99\n")
        place = follower.place()
    log.write_text("X" * 2000 + "\n")
    with following(log, Span(2), place) as again:
        assert again.until("X\n").startswith("XXX")
        assert {"what": "gap"} in again.told("n")


def test_it_ends_when_nobody_listens(log: Path) -> None:
    with following(log) as follower:
        follower.until("line 99\n")
        assert follower.process.stdin is not None
        follower.process.stdin.close()
        assert follower.process.wait(20) == 0


def test_a_log_that_has_to_wait_waits(log: Path) -> None:
    with following(log, Span(0)) as follower:
        follower.say("p 0")
        follower.say("t 1")
        follower.pump(lambda: sum(frame.kind == "t" for frame in follower.seen) == 2)
        with log.open("a") as file:
            file.write("held\n")
        for number in (2, 3):
            follower.say(f"t {number}")
            follower.pump(lambda: follower.seen[-1].payload.startswith(b"%d " % number))  # noqa: B023
        assert follower.said() == ""
        follower.say("g 0")
        assert follower.until("held\n") == "held\n"


@pytest.mark.parametrize("kind", ["folder", "missing", "unreadable"])
def test_what_cannot_be_read_ends_with_a_reason(tmp_path: Path, kind: str) -> None:
    path = tmp_path / kind
    if kind == "folder":
        path.mkdir()
    elif kind == "unreadable":
        path.symlink_to(path)
    with following(path, Span(1, follows=False)) as follower:
        follower.has_told("e")
        assert follower.process.wait(20) == 0
        (end,) = follower.told("e")
    assert end["how"] == "failed"
    assert end["said"]
