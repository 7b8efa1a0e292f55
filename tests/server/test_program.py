"""The one program that is sent, run for real on this machine."""

from __future__ import annotations

import ast
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from eloquence_ops.server.program import COMMAND, PACKAGE, program, sources
from eloquence_ops.settings import Target
from tests.real import require
from tests.server.pythons import python

ROOT = Path(__file__).resolve().parent.parent.parent

SECRET = "env-secret-0123456789abcdef"
LIVEKIT_SECRET = "livekit-secret-0123456789abcdef"
ARGUMENT = "argument-secret-0123456789"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJBUEkifQ.c2lnbmF0dXJl"
LINES = ("eloquence-facts-begin ", "eloquence-facts-end ")


@dataclass
class Ran:
    document: dict[str, Any]
    stdout: str
    stderr: str

    def value(self, subject: str) -> Any:
        return self.document["subjects"][subject]["value"]


def ran(
    target: Target | None = None,
    interpreter: str = sys.executable,
    *,
    deadline_s: float = 10.0,
    before: tuple[str, ...] = (),
    cwd: Path | None = None,
) -> Ran:
    sent = program(target or Target(name="x"), deadline_s=deadline_s)
    done = subprocess.run(
        [*before, interpreter, *COMMAND[1:]],
        input=sent.source,
        capture_output=True,
        timeout=60,
        cwd=cwd or "/",
        check=False,
    )
    stdout = done.stdout.decode("ascii")
    lines = stdout.strip().split("\n")
    assert done.returncode == 0, done.stderr
    assert [lines[0], lines[-1]] == [mark + sent.nonce for mark in LINES], done.stderr
    assert len(lines) == 3
    return Ran(json.loads(lines[1]), stdout, done.stderr.decode())


def test_every_subject_answers_and_none_has_a_defect() -> None:
    found = ran()
    assert found.document["finished"] is True
    assert found.stderr == ""
    defects = [
        (name, entry)
        for name, subject in found.document["subjects"].items()
        for entry in subject["unknown"]
        if entry["reason"] == "defect"
    ]
    assert defects == []


@pytest.mark.parametrize("version", ["3.8", "3.9", "3.12", "3.13"])
def test_it_runs_on_python(version: str) -> None:
    found = ran(interpreter=python(version))
    assert found.document["python"].startswith(version)
    assert not [
        entry
        for subject in found.document["subjects"].values()
        for entry in subject["unknown"]
        if entry["reason"] == "defect"
    ]


@pytest.mark.parametrize("version", ["3.6", "3.7"])
def test_an_older_python_says_that_it_is_too_old(version: str) -> None:
    assert ran(interpreter=python(version)).document["python_too_old"] is True


@pytest.mark.parametrize("module", sorted(sources()))
def test_each_module_is_of_python_3_8_and_imports_the_standard_library_alone(module: str) -> None:
    tree = ast.parse(sources()[module], feature_version=(3, 8))
    imported = {
        name.name if isinstance(node, ast.Import) else str(node.module)
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
    }
    roots = {name.partition(".")[0] for name in imported if not name.startswith(PACKAGE)}
    assert roots <= sys.stdlib_module_names


@pytest.mark.parametrize("module", sorted(set(sources()) - {"eloquence_ops"}))
def test_nothing_of_a_newer_standard_library_is_called(module: str) -> None:
    """What came after 3.8, of all that could be meant here; the older interpreter is not always at
    hand."""
    newer = {"removeprefix", "removesuffix", "pairwise", "batched", "bit_count", "to_thread"}
    names = {
        node.attr if isinstance(node, ast.Attribute) else node.id
        for node in ast.walk(ast.parse(sources()[module]))
        if isinstance(node, ast.Attribute | ast.Name)
    }
    assert not names & newer


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become somebody else")
def test_nobody_gets_what_nobody_may_read_and_the_reason_for_the_rest() -> None:
    as_nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    found = ran(interpreter="/usr/bin/python3", before=as_nobody)
    assert found.document["is_root"] is False
    reasons = {entry["reason"] for entry in found.document["subjects"]["firewall"]["unknown"]}
    assert "permission-denied" in reasons
    assert found.value("machine")["memory"]["total"] > 0


def test_a_module_in_the_folder_or_the_environment_is_not_taken_for_the_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('taken')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    ran(cwd=tmp_path)


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    places = (tmp_path, Path("/tmp"), Path("/run"), Path("/var/lib/nginx"))  # noqa: S108
    logs = Path("/var/log/nginx")

    def seen() -> list[set[str]]:
        return [
            {entry.name for entry in place.iterdir()} if place.is_dir() else set()
            for place in (*places, logs)
        ]

    before = seen()
    ran(Target(name="x", remote_dir=str(tmp_path)), cwd=tmp_path)
    added = [after - old for after, old in zip(seen(), before, strict=True)]
    # Others work on this machine too; what a program of ours leaves would be named like one.
    ours = [name for names in added for name in names if "nginx" in name or "ufw" in name]
    assert ours == []
    assert added[0] == set()


@pytest.mark.real
def test_no_file_is_opened_for_writing(tmp_path: Path) -> None:
    """Also not by any command that it runs."""
    trace = tmp_path / "trace"
    strace = require("strace")
    calls = "trace=openat,open,creat,unlink,unlinkat,mkdir,mkdirat,rename,renameat2,truncate,chmod"
    ran(before=(strace, "-f", "-o", str(trace), "-e", calls))
    writing = ("O_WRONLY", "O_RDWR", "O_CREAT", "unlink", "mkdir", "rename", "truncate", "chmod")
    lines = [
        line
        for line in trace.read_text(errors="replace").splitlines()
        if any(word in line for word in writing) and "ENOENT" not in line
    ]
    harmless = ('"/dev/null"', "/proc/self/", "resumed>")
    assert [line for line in lines if not any(word in line for word in harmless)] == []


@dataclass
class Secretive:
    """A server with a secret in every place where one may be."""

    folder: Path
    target: Target
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def run(self, *words: str) -> None:
        self.running.append(subprocess.Popen(words, cwd=self.folder))


@pytest.fixture
def secretive(tmp_path: Path) -> Any:
    folder = tmp_path / "backend"
    folder.mkdir()
    (folder / ".env.local").write_text(
        f"LIVEKIT_API_KEY=APIone\nLIVEKIT_API_SECRET={SECRET}\n"
        "DATABASE_URL=postgres://user:database-pass@127.0.0.1/x\n"
    )
    (folder / "api.py").write_text("import time\ntime.sleep(60)\n")
    made = Secretive(folder, Target(name="x", remote_dir=str(folder)))
    yield made
    for process in made.running:
        process.kill()
        process.wait()


def test_no_secret_is_in_the_answer(secretive: Secretive) -> None:
    name, secret = "--api-key", ARGUMENT
    secretive.run(sys.executable, "api.py", name, secret, f"--token={SECRET}", f"x{SECRET}", JWT)
    time.sleep(0.3)  # until the kernel has its command line
    found = ran(secretive.target)
    (process,) = [
        entry["process"]
        for entry in found.value("processes")["api"]
        if entry["process"]["cwd"] == str(secretive.folder)
    ]
    assert "api.py --api-key *** --token=*** x*** ***" in process["command"]
    for hidden in (SECRET, ARGUMENT, JWT, JWT.split(".")[1], "database-pass"):
        assert hidden not in found.stdout
    names = [entry["name"] for entry in found.value("installation")["environment"]["variables"]]
    assert names == ["LIVEKIT_API_KEY", "LIVEKIT_API_SECRET", "DATABASE_URL"]


def test_an_api_started_by_hand_is_found(secretive: Secretive) -> None:
    server = (
        "import socket,time;s=socket.create_server(('127.0.0.1',0));print(s.getsockname()[1],"
        "flush=True);time.sleep(60)"
    )
    (secretive.folder / "api.py").write_text(server)
    process = subprocess.Popen(
        [sys.executable, "api.py"], cwd=secretive.folder, stdout=subprocess.PIPE
    )
    secretive.running.append(process)
    assert process.stdout is not None
    port = int(process.stdout.readline())
    (found,) = [
        entry
        for entry in ran(secretive.target).value("processes")["api"]
        if entry["process"]["pid"] == process.pid
    ]
    assert found["ports"] == [port]
    assert found["by_hand"] is True
    assert found["process"]["cwd"] == str(secretive.folder)


def test_at_the_deadline_it_answers_what_it_has() -> None:
    found = ran(deadline_s=0.0)
    assert found.document["finished"] is False
    late = [
        subject
        for subject in found.document["subjects"].values()
        if subject["unknown"] and subject["unknown"][0]["reason"] == "not-finished"
    ]
    assert late
    assert all(subject["value"] is None for subject in late)


# A subject that waits for a command that takes a minute.
SLOW = """
import sys
from eloquence_ops.server.remote import answering, commands, subjects
from eloquence_ops.server.remote.host import Parameters

subjects.SUBJECTS.clear()
subjects.SUBJECTS["slow"] = lambda host, gaps: commands.run(["sleep", sys.argv[1]], 60)
answering.main(Parameters("n", float(sys.argv[2]), "a.service", "l.service", "/nowhere", "api:app"))
"""


def slow(marker: str, deadline_s: float) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW, marker, str(deadline_s)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )
    for _ in range(100):
        if sleeps(marker):
            return process
        time.sleep(0.05)
    pytest.fail("its command never started")


def sleeps(marker: str) -> bool:
    found = subprocess.run(["ps", "-eo", "args="], capture_output=True, text=True, check=True)
    return f"sleep {marker}" in found.stdout.splitlines()


def ended(marker: str) -> bool:
    """A process that was killed may still be seen for a moment."""
    for _ in range(100):
        if not sleeps(marker):
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_told_to_end_it_ends_its_commands_too(number: signal.Signals) -> None:
    marker = f"61.{os.getpid()}{int(number)}"
    with slow(marker, 60) as process:
        process.send_signal(number)
        assert process.wait(20) == 128 + number
        assert ended(marker)


def test_at_its_deadline_it_ends_its_commands_and_answers() -> None:
    marker = f"62.{os.getpid()}"
    with slow(marker, 1.5) as process:
        stdout, _ = process.communicate(timeout=20)
        assert ended(marker)
        document = json.loads(stdout.splitlines()[2])
        assert document["finished"] is False
        assert document["subjects"]["slow"]["unknown"][0]["reason"] == "not-finished"


def test_parameters_are_data_and_nothing_else() -> None:
    """A path may hold anything: quotes, a backslash, what looks like code."""
    path = "/srv/\"); raise SystemExit(3) #\\'é\u2028"
    found = ran(Target(name="x", remote_dir=path))
    assert found.value("installation")["folder"] == path


def test_two_programs_have_different_marks() -> None:
    target = Target(name="x")
    assert program(target).nonce != program(target).nonce
