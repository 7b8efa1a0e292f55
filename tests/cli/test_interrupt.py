"""Ctrl-C, a cancelled CI job, a closed terminal: what is known is told, nothing stays behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from fastapi import FastAPI

from eloquence_ops.lab.services.api import ApiBehaviour, build_api
from tests.cli.command import COMMAND, Ended, ended, environment, run
from tests.cli.labs import App, Message, Receive, Send, served

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
KEY = {"ELOQUENCE_API_KEY": ApiBehaviour().api_key}
# Longer than any test waits: what ends earlier was ended by the signal.
ENDLESS = ("--timeout", "600")
LONGEST_S = 30.0

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")


class Observed:
    """An application that tells what it was asked, and answers late or never where it is told to.

    `slow` maps a method to the seconds its answers take once they are made; None is for ever.
    """

    def __init__(self, app: App, slow: Mapping[str, float | None]) -> None:
        self._app, self._slow = app, slow
        self.asked: list[str] = []
        self._changed = threading.Condition()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        method = scope["method"]
        with_token = " with a token" if b"authorization" in dict(scope["headers"]) else ""
        with self._changed:
            self.asked.append(f"{method} {scope['path']}{with_token}")
            self._changed.notify_all()
        if method in self._slow:
            send = self._late(send, self._slow[method])
        await self._app(scope, receive, send)

    @staticmethod
    def _late(send: Send, seconds: float | None) -> Send:
        async def late(message: Message) -> None:
            if seconds is None:
                await asyncio.Event().wait()
            await asyncio.sleep(seconds or 0)
            await send(message)

        return late

    def wait_for(self, beginning: str) -> None:
        with self._changed:
            there = self._changed.wait_for(
                lambda: any(entry.startswith(beginning) for entry in self.asked), LONGEST_S
            )
        assert there, f"{beginning} did not come, only {self.asked}"

    def count(self, beginning: str) -> int:
        return sum(entry.startswith(beginning) for entry in self.asked)


@contextlib.contextmanager
def system(
    *, api_slow: Mapping[str, float | None] | None = None
) -> Iterator[tuple[Observed, Observed, FastAPI, list[str]]]:
    """An API that opens sessions, a LiveKit that never answers, and the flags that lead to both."""
    api = build_api(ApiBehaviour())
    observed = Observed(api, api_slow or {})
    livekit = Observed(FastAPI(), {"GET": None})
    with served(observed, livekit) as (api_port, livekit_port):
        flags = [
            *("--api", f"http://127.0.0.1:{api_port}"),
            *("--livekit", f"ws://127.0.0.1:{livekit_port}"),
        ]
        yield observed, livekit, api, flags


def begin(
    *words: str, cwd: Path, environ: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """In a session of its own, so that whatever it leaves running can be found."""
    temporary = cwd / "tmp"
    temporary.mkdir(exist_ok=True)
    return subprocess.Popen(
        [*COMMAND, *words],
        cwd=cwd,
        env=environment(cwd, {"TMPDIR": str(temporary), **(environ or {})}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def left_running(session: int) -> list[str]:
    """The processes of a session, by their command lines."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) == session:
                found.append((entry / "cmdline").read_text())
    return found


def nothing_left(process: subprocess.Popen[bytes], cwd: Path, *expected: str) -> None:
    assert left_running(process.pid) == []
    assert [path.name for path in (cwd / "tmp").iterdir()] == []
    assert {path.name for path in cwd.iterdir()} == {"tmp", *expected}


def told_so_far(done: Ended) -> None:
    assert done.code == 130
    assert done.text.startswith("interrupted: this is what was known so far\n")
    assert b"Traceback" not in done.err
    assert done.err == b""


@pytest.mark.parametrize("number", SIGNALS)
def test_the_session_that_was_opened_is_closed_again(
    number: signal.Signals, tmp_path: Path
) -> None:
    with system() as (observed, livekit, api, flags):
        process = begin("doctor", *flags, *ENDLESS, cwd=tmp_path, environ=KEY)
        observed.wait_for("POST /api/sessions")
        livekit.wait_for("GET /rtc/validate with a token")
        assert api.state.sessions
        process.send_signal(number)
        done = ended(process)
        assert api.state.sessions == {}
        assert observed.count("DELETE /api/sessions/") >= 1
    told_so_far(done)
    nothing_left(process, tmp_path)


def test_what_is_known_so_far_can_be_recorded_and_replayed(tmp_path: Path) -> None:
    with system() as (_, livekit, _, flags):
        words = ("doctor", *flags, *ENDLESS, "--record", "run.json")
        process = begin(*words, cwd=tmp_path, environ=KEY)
        livekit.wait_for("GET /rtc/validate with a token")
        process.send_signal(signal.SIGINT)
        done = ended(process)
    told_so_far(done)
    nothing_left(process, tmp_path, "run.json")
    again = run("replay", "run.json", cwd=tmp_path)
    assert again.code == 130
    assert again.out == done.out


@pytest.mark.parametrize("number", SIGNALS)
def test_a_session_whose_answer_is_still_on_its_way_is_closed_too(
    number: signal.Signals, tmp_path: Path
) -> None:
    with system(api_slow={"POST": 0.5}) as (observed, _, api, flags):
        process = begin("doctor", *flags, *ENDLESS, cwd=tmp_path, environ=KEY)
        observed.wait_for("POST /api/sessions")
        process.send_signal(number)
        done = ended(process)
        assert api.state.sessions == {}
        assert observed.count("DELETE /api/sessions/") >= 1
    told_so_far(done)


def test_a_session_whose_answer_never_comes_is_told_of(tmp_path: Path) -> None:
    with system(api_slow={"POST": None}) as (observed, _, _, flags):
        process = begin("doctor", *flags, *ENDLESS, cwd=tmp_path, environ=KEY)
        observed.wait_for("POST /api/sessions")
        process.send_signal(signal.SIGINT)
        done = ended(process)
    told_so_far(done)
    assert "A session of ours may have stayed open on http://127.0.0.1:" in done.text
    assert "defect" not in done.text
    nothing_left(process, tmp_path)


def test_a_second_ctrl_c_does_not_wait_for_the_tidying_up(tmp_path: Path) -> None:
    with system(api_slow={"DELETE": None}) as (observed, livekit, _, flags):
        process = begin("doctor", *flags, *ENDLESS, cwd=tmp_path, environ=KEY)
        livekit.wait_for("GET /rtc/validate with a token")
        process.send_signal(signal.SIGINT)
        observed.wait_for("DELETE /api/sessions/")
        session = observed.asked[-1].rpartition("/")[2]
        process.send_signal(signal.SIGINT)
        done = ended(process)
    told_so_far(done)
    assert f"Our session {session} may still be open on" in " ".join(done.text.split())
    nothing_left(process, tmp_path)


def test_a_pause_of_wait_is_ended_with_what_the_last_run_saw(tmp_path: Path) -> None:
    words = ("doctor", "--api", "http://127.0.0.1:1", "--timeout", "1", "--wait", "600")
    process = begin(*words, cwd=tmp_path)
    time.sleep(1.5)  # the first run takes a tenth of it, and then there is a pause
    process.send_signal(signal.SIGTERM)
    done = ended(process)
    told_so_far(done)


@pytest.mark.parametrize(
    ("number", "after_s"), [*((number, 0.0) for number in SIGNALS), (signal.SIGTERM, 1.0)]
)
def test_an_interrupted_demo_leaves_nothing_behind(
    number: signal.Signals, after_s: float, tmp_path: Path
) -> None:
    """While the lab starts, and in the middle of the run."""
    process = begin("demo", "api-hanging", *ENDLESS, cwd=tmp_path)
    lab_folder(tmp_path)
    time.sleep(after_s)
    process.send_signal(number)
    done = ended(process)
    assert done.code == 130
    assert b"Traceback" not in done.err
    nothing_left(process, tmp_path)


def test_an_impatient_person_leaves_nothing_behind_either(tmp_path: Path) -> None:
    process = begin("demo", "api-hanging", *ENDLESS, cwd=tmp_path)
    lab_folder(tmp_path)
    time.sleep(0.5)
    while process.poll() is None:
        process.send_signal(signal.SIGINT)
        time.sleep(0.1)
    done = ended(process)
    # The last one may come when Python has put its handlers down; a shell calls that 130 too.
    assert done.code in (130, -signal.SIGINT)
    assert b"Traceback" not in done.err
    nothing_left(process, tmp_path)


def lab_folder(cwd: Path) -> Path:
    """The folder of the lab, once it is there."""
    deadline = time.monotonic() + LONGEST_S
    while time.monotonic() < deadline:
        if (cwd / "tmp").is_dir() and (found := list((cwd / "tmp").glob("eloquence-lab-*"))):
            return found[0]
        time.sleep(0.01)
    raise AssertionError("no lab has started")


def lab_up(cwd: Path, *faults: str) -> tuple[subprocess.Popen[bytes], str]:
    """A lab that is left running, and what it printed."""
    cwd.mkdir(exist_ok=True)
    process = begin("lab", "up", *faults, cwd=cwd)
    assert process.stdout is not None
    printed = b""
    while b"Ctrl-C" not in printed:
        line = process.stdout.readline()
        assert line, process.communicate()
        printed += line
    return process, printed.decode()


def ports_of(printed: str) -> list[int]:
    urls = re.findall(r"(?:http|ws)://\S+", printed)
    return [port for url in urls if (port := urlsplit(url).port)]


def listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("number", SIGNALS)
def test_a_lab_goes_away_when_it_is_told_to(number: signal.Signals, tmp_path: Path) -> None:
    process, printed = lab_up(tmp_path, "api-legacy-deployed")
    ports = ports_of(printed)
    assert len(ports) == 2
    assert all(listens(port) for port in ports)
    process.send_signal(number)
    done = ended(process)
    assert done.code == 0
    assert done.text == "The lab is down; nothing was left behind.\n"
    assert done.err == b""
    assert not any(listens(port) for port in ports)
    nothing_left(process, tmp_path)


def test_two_labs_at_once_are_two_systems(tmp_path: Path) -> None:
    one, first = lab_up(tmp_path / "one", "api-legacy-deployed")
    other, second = lab_up(tmp_path / "other")
    try:
        assert not set(ports_of(first)) & set(ports_of(second))
        answers = []
        for printed in (first, second):
            found = re.search(r"cd (\S+) && eloquence doctor", printed)
            assert found, printed
            answers.append(run("doctor", "--timeout", "1", cwd=Path(found[1])))
    finally:
        for process in (one, other):
            process.send_signal(signal.SIGINT)
        ends = [ended(process) for process in (one, other)]
    assert [answer.code for answer in answers] == [1, 0]
    assert answers[0].err == answers[1].err == b""
    assert [end.code for end in ends] == [0, 0]
    nothing_left(one, tmp_path / "one")
    nothing_left(other, tmp_path / "other")
