"""`tail-logs` in a terminal and in a pipe, by the real command on this machine's own logs."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from tests.cli.command import COMMAND, ROOT, Ended, ended, environment, run, start
from tests.cli.test_json_contract import deviations
from tests.sentences import is_safe, typed

pytestmark = pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals and signals of POSIX")

LOG: Final = """\
2026-11-29 19:37:47.100 INFO begins
2026-11-29 19:37:48.200 DEBUG details of it
2026-11-29 19:37:49.300 WARNING slow answer from upstream
2026-11-29 19:37:50.400 ERROR could not join room-7
#0      Room.connect (package:livekit_client/src/core/room.dart:300:7)
#1      main (package:app/main.dart:12:3)
2026-11-29 19:37:51.500 INFO ends
"""
MESSAGES: Final = ["begins", "details", "slow", "could", "ends"]
SHORTLY_S: Final = 15.0
ENTRY: Final[dict[str, Any]] = {
    "schema_version": int,
    "type": {"entry"},
    "at": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"),
    "source": str,
    "level": {None, "trace", "debug", "info", "notice", "warning", "error", "critical"},
    "message": str,
    "fields": dict,
    "cut": int,
    "causes": [str],
}
NOTE: Final[dict[str, Any]] = {
    "schema_version": int,
    "type": {"note"},
    "at": ENTRY["at"],
    "source": str,
    "event": str,
    "message": str,
}


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "app.log"
    path.write_text(LOG)
    return path


def shows(log: Path, *words: str, **environ: str) -> Ended:
    arguments = ("tail-logs", "--app-log", str(log), "--no-follow", "--lines", "all", *words)
    done = run(*arguments, cwd=log.parent, environ={"TZ": "Europe/Paris", **environ})
    assert (done.code, done.err) == (0, b""), done.err
    return done


def first_words(done: Ended) -> list[str]:
    return [line.split()[0] for line in done.text.splitlines() if not line.startswith("#")]


# -- What is shown --------------------------------------------------------------------------------


def test_the_screen_without_colours(log: Path) -> None:
    assert shows(log).text == (
        "── 2026-11-29 ──\n"
        "19:37:47.100 app       begins\n"
        "19:37:48.200 app DEBUG details of it\n"
        "19:37:49.300 app WARN  slow answer from upstream\n"
        "19:37:50.400 app ERROR could not join room-7\n"
        "                       #0      Room.connect "
        "(package:livekit_client/src/core/room.dart:300:7)\n"
        "                       #1      main (package:app/main.dart:12:3)\n"
        "19:37:51.500 app       ends\n"
    )


def test_utc(log: Path) -> None:
    assert "18:37:51.500 app       ends\n" in shows(log, "--utc").text
    template = ("--output", "template", "--template", "{date} {time} {level} {message}")
    done = shows(log, "--utc", *template)
    assert done.text.splitlines()[0] == "2026-11-29 18:37:47.100 INFO begins"


def test_raw_is_the_text_alone(log: Path) -> None:
    assert first_words(shows(log, "--output", "raw")) == MESSAGES


def test_every_json_line_has_the_documented_shape(log: Path) -> None:
    """Version 1 of docs/logs.md: the keys, their order, their types and their words."""
    found = [json.loads(line) for line in shows(log, "--output", "json").out.splitlines()]
    assert [deviations(entry, ENTRY) for entry in found] == [[]] * len(MESSAGES)
    assert found[3]["level"] == "error"
    assert found[3]["message"].count("\n") == 2
    assert found[0]["at"] == "2026-11-29T18:37:47.100000Z"


def test_a_note_has_the_documented_shape(tmp_path: Path) -> None:
    words = ("tail-logs", "--app-command", "echo once", "--output", "json")
    done = run(*words, cwd=tmp_path)
    entry, note = (json.loads(line) for line in done.out.splitlines())
    assert (deviations(entry, ENTRY), deviations(note, NOTE)) == ([], [])
    assert (note["event"], note["message"]) == ("over", "app: this was its end")


@pytest.mark.parametrize("output", ["raw", "template"])
def test_a_note_stands_apart_where_lines_are_for_programs(tmp_path: Path, output: str) -> None:
    words = ("tail-logs", "--app-command", "echo once", "--output", output)
    done = run(*words, "--template", "{text}", "--lang", "fr", cwd=tmp_path)
    assert (done.code, done.text) == (0, "once\n")
    assert typed(done.complaint) == "eloquence: app : c'était la fin\n"


def test_the_shape_is_written_down() -> None:
    page = (ROOT / "docs" / "logs.md").read_text(encoding="utf-8")
    for shape, heading in ((ENTRY, "**An entry**"), (NOTE, "**A note**")):
        rows = page.partition(heading)[2].partition("\n**")[0]
        assert re.findall(r"^\| `(\w+)` \|", rows, re.MULTILINE) == list(shape)


CHOICES: Final[dict[str, tuple[tuple[str, ...], list[str]]]] = {
    "level": (("--level", "warning"), ["slow", "could"]),
    "level in capitals": (("--level", "ERROR"), ["could"]),
    "grep": (("--grep", "slow|room-7"), ["slow", "could"]),
    "grep twice": (("--grep", "slow", "--grep", "ends"), ["slow", "ends"]),
    "grep finds a trace": (("--grep", r"main\.dart"), ["could"]),
    "exclude": (("--exclude", "details", "--exclude", "ends"), ["begins", "slow", "could"]),
    "both": (("--grep", "s", "--exclude", "details|#0"), ["begins", "slow", "ends"]),
    "since": (("--since", "2026-11-29 19:37:49"), ["slow", "could", "ends"]),
    "until": (("--until", "2026-11-29T18:37:49Z"), ["begins", "details"]),
    "between": (
        ("--since", "2026-11-29 19:37:48", "--until", "2026-11-29 19:37:50"),
        ["details", "slow"],
    ),
}


@pytest.mark.parametrize("choice", CHOICES)
def test_choosing(log: Path, choice: str) -> None:
    words, expected = CHOICES[choice]
    assert first_words(shows(log, "--output", "raw", *words)) == expected


@pytest.mark.parametrize(
    ("lines", "expected"), [("0", []), ("1", MESSAGES[-1:]), ("all", MESSAGES)]
)
def test_lines(log: Path, lines: str, expected: list[str]) -> None:
    words = ("tail-logs", "--app-log", str(log), "--no-follow", "-n", lines, "--output", "raw")
    assert first_words(run(*words, cwd=log.parent)) == expected


def test_standard_input_is_a_source(tmp_path: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "tail-logs", "--app-log", "-"],
        input=b"flutter: 19:37:47.123 SEVERE: lost\nI/flutter ( 123): hello",
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert "app ERROR" in done.stdout.decode()
    assert "hello" in done.stdout.decode()


@pytest.mark.parametrize("ahead_min", [7, -7])
@pytest.mark.parametrize("lang", ["en", "fr"])
def test_a_phone_whose_clock_is_off_is_corrected_and_it_is_said(
    tmp_path: Path, ahead_min: int, lang: str
) -> None:
    """adb's lines carry the phone's time."""
    script = (
        "import time; from datetime import datetime, timedelta\n"
        "time.sleep(2.5)\n"  # what comes at once may be old
        "for n in range(3):\n"
        f"    then = datetime.now() + timedelta(minutes={ahead_min})\n"
        "    stamp = then.strftime('%m-%d %H:%M:%S.%f')[:-3]\n"
        "    print(f'{stamp}  4711  4768 I flutter : step {n}', flush=True); time.sleep(.2)\n"
    )
    (tmp_path / "adb.py").write_text(script)
    began = datetime.now(UTC)
    words = ("tail-logs", "--app-command", f"{sys.executable} adb.py", "--output", "json")
    done = run(*words, "--lang", lang, cwd=tmp_path)
    found = [json.loads(line) for line in done.out.splitlines()]
    steps = [entry for entry in found if entry["message"].startswith("step")]
    assert len(steps) == 3
    for entry in steps:
        at = datetime.fromisoformat(entry["at"])
        assert began <= at <= began + timedelta(seconds=20)
    (note,) = [entry for entry in found if entry.get("event", "").startswith("app-")]
    assert note["event"] == ("app-ahead" if ahead_min > 0 else "app-behind")
    assert re.search(r"\b4(20|19)\.\d s\b", note["message"])
    words_of = {"en": "corrected", "fr": "corrigées"}
    assert words_of[lang] in note["message"]


def test_known_errors_are_marked_and_ordinary_lines_are_not(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    refused = "connect() failed (111: Connection refused) while connecting to upstream"
    log.write_text(
        f"2026/11/30 19:37:47 [error] 12#12: *1 {refused}, client: 192.0.2.1, "
        'server: a, request: "POST /api/sessions HTTP/1.1", upstream: "http://127.0.0.1:8083/"\n'
        '192.0.2.1 - - [30/Nov/2026:19:37:47 +0000] "GET /favicon.ico HTTP/1.1" 404 12 "-" "x"\n'
        'INFO:     192.0.2.1:0 - "GET / HTTP/1.1" 200 OK\n'
    )
    done = shows(log, "--diagnose", "--output", "json")
    found = [json.loads(line)["causes"] for line in done.out.splitlines()]
    assert found[0] == ["api-not-running", "proxy-wrong-upstream"]
    assert found[1:] == [[], []]
    text = shows(log, "--diagnose").text
    assert f"→ {', '.join(found[0][:3])}" in text
    assert f"eloquence explain {found[0][0]}" in text
    assert "→" not in shows(log).text


# -- Pipes, signals, terminals --------------------------------------------------------------------


def test_a_pipe_that_was_read_enough_is_no_error(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("line\n" * 200_000)
    command = f"{' '.join(COMMAND)} tail-logs --app-log {log} --lines all"
    script = f"set -o pipefail; {command} | head -3"
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path, env=environment(tmp_path), capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.count(b"\n") == 3
    assert followers(tmp_path) == []


def test_a_pager_that_is_closed_ends_it_at_the_next_line(log: Path) -> None:
    read, write = os.pipe()
    with os.fdopen(write, "wb") as stdout:
        process = start("tail-logs", "--app-log", log, cwd=log.parent, stdout=stdout)
    with os.fdopen(read, "rb") as screen:
        assert b"begins" in read_until(screen.fileno(), b"ends\n")
    with log.open("a") as file:
        file.write("one more\n")
    done = ended(process, SHORTLY_S)
    assert (done.code, done.err) == (0, b"")
    assert followers(log.parent) == []


def test_a_full_disk_is_told(log: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        words = ("tail-logs", "--app-log", log, "--no-follow")
        done = ended(start(*words, cwd=log.parent, stdout=full))
    assert done.code == 3
    assert re.fullmatch(r"eloquence: [^\n]*No space left on device[^\n]*\n", done.complaint)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_leaves_nothing_behind(log: Path, number: signal.Signals) -> None:
    command = "sh -c 'echo started; sleep 987 & sleep 986'"
    words = ("tail-logs", "--app-log", log, "--app-command", command, "--output", "raw")
    process = start(*words, cwd=log.parent)
    assert process.stdout is not None
    read_until(process.stdout.fileno(), b"started\n", b"ends\n")
    assert len(followers(log.parent)) >= 2
    process.send_signal(number)
    done = ended(process, SHORTLY_S)
    assert (done.code, done.err) == (130, b"")
    deadline = time.monotonic() + 5
    while followers(log.parent) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert followers(log.parent) == []


def test_ctrl_c_ends_it_while_the_screen_is_held(tmp_path: Path) -> None:
    """Ctrl-S, or a pager that shows its first page: nobody takes what is written."""
    read, write = os.pipe()
    with os.fdopen(write, "wb") as stdout:
        words = ("tail-logs", "--app-command", "yes flood")
        process = start(*words, cwd=tmp_path, stdout=stdout)
    try:
        assert os.read(read, 1) != b""
        time.sleep(2)
        process.send_signal(signal.SIGINT)
        done = ended(process, SHORTLY_S)
    finally:
        os.close(read)
    assert (done.code, done.err) == (130, b"")
    assert followers(tmp_path) == []


def followers(home: Path) -> list[str]:
    """Processes that have this home: what the command started, and what that started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"HOME={home}\0".encode() in (folder / "environ").read_bytes():
                found.append((folder / "cmdline").read_bytes().decode())
    return found


def read_until(descriptor: int, *ends: bytes) -> bytes:
    text, deadline = b"", time.monotonic() + 30
    while not all(end in text for end in ends):
        assert time.monotonic() < deadline, text
        data = os.read(descriptor, 65536)
        assert data, text
        text += data
    return text


class Terminal:
    """The command on a pseudo-terminal."""

    def __init__(self, *words: str | Path, cwd: Path, **environ: str) -> None:
        self.screen, theirs = pty.openpty()
        self.resize(80)
        self.process = subprocess.Popen(
            ["setsid", "--ctty", *COMMAND, *map(str, words)],
            cwd=cwd, env=environment(cwd, {"TERM": "xterm-256color", **environ}),
            stdin=theirs, stdout=theirs, stderr=theirs,
        )  # fmt: skip
        os.close(theirs)

    def resize(self, columns: int) -> None:
        fcntl.ioctl(self.screen, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))


@contextlib.contextmanager
def terminal(*words: str | Path, cwd: Path, **environ: str) -> Iterator[Terminal]:
    opened = Terminal(*words, cwd=cwd, **environ)
    try:
        yield opened
    finally:
        opened.process.kill()
        opened.process.wait(10)
        os.close(opened.screen)


def test_a_terminal_has_colours_and_may_be_resized(log: Path) -> None:
    with terminal("tail-logs", "--app-log", log, "--lines", "all", cwd=log.parent) as opened:
        text = read_until(opened.screen, b"ends")
        assert b"\x1b[1;31m" in text
        for columns in (20, 200, 1, 80):
            opened.resize(columns)
            opened.process.send_signal(signal.SIGWINCH)
            time.sleep(0.1)
        with log.open("a") as file:
            file.write("still here\n")
        assert b"still here" in read_until(opened.screen, b"still here")
        os.write(opened.screen, b"\x03")
        assert opened.process.wait(10) == 130


def test_a_field_that_would_fill_the_screen_is_cut_there_alone(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    said = {"level": "info", "msg": "joined", "client": {"sdk": "flutter", "long": "x" * 300}}
    log.write_text(json.dumps(said) + "\n")
    with terminal("tail-logs", "--app-log", log, cwd=tmp_path) as opened:
        text = read_until(opened.screen, "…".encode())
    assert b'client={"sdk":"flutter","long":"xx' in text
    assert b"x" * 80 not in text
    assert "x" * 300 in shows(log).text


def test_no_color(log: Path) -> None:
    words = ("tail-logs", "--app-log", log, "--lines", "all")
    with terminal(*words, cwd=log.parent, NO_COLOR="1") as opened:
        assert b"\x1b" not in read_until(opened.screen, b"ends")


def test_what_is_highlighted_is_marked_on_a_terminal_alone(log: Path) -> None:
    words = (
        "tail-logs",
        "--app-log",
        log,
        "--lines",
        "all",
        "--highlight",
        "answer|room-[0-9]",
        "--highlight",
        "7",
    )
    with terminal(*words, cwd=log.parent) as opened:
        text = read_until(opened.screen, b"ends")
    assert b"\x1b[7manswer\x1b[0m" in text
    assert b"\x1b[7mroom-7\x1b[0m" in text
    assert re.search(rb"room\.dart:300:\x1b\[7m7\x1b\[0m\)", text)
    assert b"\x1b" not in shows(log, "--highlight", "answer").out


# -- Wrong use ------------------------------------------------------------------------------------

WRONG: Final[dict[str, tuple[tuple[str, ...], str, str]]] = {
    "nothing": ((), "nothing to follow", "rien à suivre"),
    "no file": (("--app-log", "none.log", "--no-follow"), "none.log is not there", "n'existe pas"),
    "level": (("--level", "loud"), "--level loud does not exist", "n'existe pas"),
    "lines": (("--lines", "few"), "a number, or “all”", "un nombre, ou « all »"),
    "negative lines": (("--lines=-1",), "a number, or “all”", "un nombre, ou « all »"),
    "since": (("--since", "whenever"), "“whenever” is no moment", "n'est pas un moment"),
    "until": (("--until", "25:61"), "“25:61” is no moment", "n'est pas un moment"),
    "the wrong way round": (("--since", "1h", "--until", "2h"), "is before", "est avant"),
    "an end and none": (("--until", "1h", "--follow"), "names an end", "donne une fin"),
    "pattern": (("--grep", "(",), "no regular expression", "pas une expression régulière"),
    "excluded": (("--exclude", "*",), "no regular expression", "pas une expression régulière"),
    "highlighted": (("--highlight", "[",), "no regular expression", "pas une expression régulière"),
    "output": (("--output", "xml"), "xml", "xml"),
    "no template": (("--output", "template"), "needs --template", "demande --template"),
    "name in a template": (
        ("--output", "template", "--template", "{when}"), "names {when}", "nomme {when}",
    ),
    "template": (("--output", "template", "--template", "{"), "cannot be read", "est illisible"),
    "attribute": (
        ("--output", "template", "--template", "{text.__class__}"), "{text.__class__}",
        "{text.__class__}",
    ),
    "server": (("--server", "a b"), "a b", "a b"),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("lang", ["en", "fr"])
def test_wrong_use_is_told_in_a_sentence(log: Path, wrong: str, lang: str) -> None:
    words, english, french = WRONG[wrong]
    has_source = wrong in {"nothing", "no file", "server"}
    source = () if has_source else ("--app-log", str(log))
    done = run("tail-logs", *source, *words, "--lang", lang, cwd=log.parent)
    assert (done.code, done.out) == (2, b"")
    assert (english if lang == "en" else french) in typed(done.complaint)
    assert done.complaint.startswith("eloquence: ")
    assert done.complaint.count("\n") == 1
    assert is_safe(done.complaint.rstrip("\n"))
