"""Exit codes, and which stream gets what: a contract for scripts and CI."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from eloquence_ops.lab.system import LabSystem
from tests.cli.command import COMMAND, environment, holding, run, start, way_to
from tests.cli.labs import broken

ESCAPE = b"\x1b"
CLOSED = "http://127.0.0.1:1"


@pytest.fixture(scope="module")
def healthy() -> Iterator[LabSystem]:
    with broken() as system:
        yield system


@pytest.fixture(scope="module")
def legacy() -> Iterator[LabSystem]:
    with broken("api-legacy-deployed") as system:
        yield system


# Exit codes


def test_healthy_is_0_with_strict_too(healthy: LabSystem, tmp_path: Path) -> None:
    for more in ((), ("--strict",)):
        done = run("doctor", *way_to(healthy), *more, cwd=tmp_path, environ=holding(healthy))
        assert done.code == 0
        assert done.text.startswith("HEALTHY ")
        assert done.err == b""


def test_each_single_check_of_a_healthy_system_is_0(healthy: LabSystem, tmp_path: Path) -> None:
    flags = way_to(healthy)
    place = flags.index("--livekit")
    without_livekit = flags[:place] + flags[place + 2 :]
    done = run("check-api", *without_livekit, cwd=tmp_path, environ=holding(healthy))
    assert (done.code, done.err) == (0, b"")
    done = run("check-livekit", *flags, cwd=tmp_path, environ=holding(healthy))
    assert (done.code, done.err) == (0, b"")


def test_a_warning_is_0_and_with_strict_1(healthy: LabSystem, tmp_path: Path) -> None:
    with broken("own-network") as system:
        words, environ = ("doctor", *way_to(system)), holding(system)
        easy = run(*words, cwd=tmp_path, environ=environ)
        strict = run(*words, "--strict", cwd=tmp_path, environ=environ)
    assert (easy.code, strict.code) == (0, 1)
    assert easy.text.startswith("DEGRADED ")
    assert easy.out == strict.out


def test_a_problem_is_1(legacy: LabSystem, tmp_path: Path) -> None:
    done = run("doctor", *way_to(legacy), cwd=tmp_path, environ=holding(legacy))
    assert done.code == 1
    assert done.text.startswith("BROKEN ")
    assert done.err == b""


def test_what_could_not_be_determined_is_3(healthy: LabSystem, tmp_path: Path) -> None:
    done = run("doctor", *way_to(healthy), "--only", "media", cwd=tmp_path)
    assert done.code == 3
    assert done.text.startswith("UNDETERMINED ")


def test_a_defect_of_ours_is_3_and_blames_nobody_else(tmp_path: Path) -> None:
    script = (
        "import sys, eloquence_ops.cli.explaining as explaining\n"
        "def breaks(*_): raise RuntimeError('X-API-Key: hidden-word \\x1b[31m ' + 'x' * 900)\n"
        "explaining.search = breaks\n"
        "sys.argv = ['eloquence', 'explain', '502']\n"
        "from eloquence_ops.cli import main; main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment(tmp_path),
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 3
    assert done.stderr.count(b"\n") == 1
    assert b"defect of eloquence itself: RuntimeError: X-API-Key: ***" in done.stderr
    assert b"hidden-word" not in done.stderr
    assert ESCAPE not in done.stderr
    assert b"Traceback" not in done.stderr


def test_the_demo_is_0_when_the_diagnosis_is_right(tmp_path: Path) -> None:
    done = run("demo", "--timeout", "1", "--output", "json", cwd=tmp_path)
    assert done.code == 0
    assert json.loads(done.out)["causes"][0]["id"] == "api-legacy-deployed"
    assert "api-legacy-deployed" in done.complaint
    *made_with, told = done.complaint.splitlines()
    assert told.startswith("✓ ")
    assert all(line.startswith("made with ") for line in made_with)
    assert list(tmp_path.iterdir()) == []


def test_explain_and_lab_list_are_0(tmp_path: Path) -> None:
    for words in (("explain",), ("explain", "502"), ("lab", "list"), ("--version",)):
        done = run(*words, cwd=tmp_path)
        assert done.code == 0
        assert done.out
        assert done.err == b""


# Waiting


def test_wait_ends_at_once_when_it_is_healthy(healthy: LabSystem, tmp_path: Path) -> None:
    words = ("doctor", *way_to(healthy), "--wait", "60")
    assert run(*words, cwd=tmp_path, environ=holding(healthy)).code == 0


def test_wait_gives_up_with_the_last_verdict(tmp_path: Path) -> None:
    done = run("doctor", CLOSED, "--timeout", "1", "--wait", "0.1", cwd=tmp_path)
    assert done.code == 1
    assert done.text.startswith("BROKEN ")


# Streams


def test_json_is_all_that_is_on_standard_output(legacy: LabSystem, tmp_path: Path) -> None:
    words = ("doctor", *way_to(legacy), "--output", "json")
    done = run(*words, cwd=tmp_path, environ=holding(legacy))
    assert json.loads(done.out)["verdict"] == "broken"
    assert done.out.endswith(b"}\n")
    assert done.err == b""


def test_several_outputs_at_once(legacy: LabSystem, tmp_path: Path) -> None:
    words = ("--output", "json=report.json", "--output", "short", "--output", "console=report.txt")
    done = run("doctor", *way_to(legacy), *words, cwd=tmp_path, environ=holding(legacy))
    assert done.code == 1
    assert done.text.startswith("BROKEN lab") or done.text.startswith("BROKEN api.")
    assert done.text.count("\n") == 1
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert report["headline"] in done.text
    assert (tmp_path / "report.txt").read_text(encoding="utf-8").startswith("BROKEN ")
    assert {path.name for path in tmp_path.iterdir()} == {"report.json", "report.txt"}


def test_in_a_pipe_nothing_is_coloured(legacy: LabSystem, tmp_path: Path) -> None:
    for words in (("doctor", *way_to(legacy), "-v"), ("explain", "502"), ("lab", "list")):
        done = run(*words, cwd=tmp_path, environ={**holding(legacy), "TERM": "xterm-256color"})
        assert ESCAPE not in done.out + done.err


def at_a_terminal(
    words: tuple[str, ...], cwd: Path, environ: dict[str, str], columns: int = 80
) -> bytes:
    """What the command writes to a terminal, progress included."""
    import fcntl
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    process = subprocess.Popen(
        [*COMMAND, *words],
        cwd=cwd,
        env=environment(cwd, {"TERM": "xterm-256color", **environ}),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    written = b""
    try:
        while data := os.read(ours, 65536):
            written += data
    except OSError:  # Linux says EIO when the other side has closed
        pass
    finally:
        os.close(ours)
    process.wait()
    return written


def test_at_a_terminal_it_is_coloured_unless_no_color_says_otherwise(
    legacy: LabSystem, tmp_path: Path
) -> None:
    words = ("doctor", *way_to(legacy))
    coloured = at_a_terminal(words, tmp_path, holding(legacy))
    plain = at_a_terminal(words, tmp_path, {**holding(legacy), "NO_COLOR": "1"})
    assert b"\x1b[1;31mBROKEN" in coloured
    assert b"BROKEN" in plain
    # Bold stays under NO_COLOR (no-color.org speaks of colour only).
    for colour in range(30, 38):
        assert b"\x1b[%d" % colour not in plain
        assert b";%dm" % colour not in plain


def test_a_file_gets_no_colours_when_the_screen_is_a_terminal(
    legacy: LabSystem, tmp_path: Path
) -> None:
    words = ("doctor", *way_to(legacy), "--output", "console=report.txt")
    at_a_terminal(words, tmp_path, holding(legacy))
    assert ESCAPE not in (tmp_path / "report.txt").read_bytes()


def test_what_takes_longer_than_a_second_is_named_while_it_runs(tmp_path: Path) -> None:
    with broken("livekit-hanging") as system:
        flags = [*way_to(system), "--timeout", "2"]
        written = at_a_terminal(("check-livekit", *flags), tmp_path, holding(system))
    assert b"running: livekit." in written


@pytest.mark.parametrize("columns", [80, 200])
@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_screen_fits(columns: int, language: str, legacy: LabSystem, tmp_path: Path) -> None:
    environ = {**holding(legacy), "COLUMNS": str(columns)}
    done = run("doctor", *way_to(legacy), "--lang", language, cwd=tmp_path, environ=environ)
    # A command is there to be pasted: it is the one thing that is never wrapped.
    too_long = [line for line in done.text.splitlines() if len(line) > columns]
    assert all(
        line.lstrip().startswith(("eloquence ", "rsync ", "cd ", "sudo "))
        or line.startswith(("VERIFY ", "VÉRIFIER "))
        for line in too_long
    ), too_long
    widest = max(len(line) for line in done.text.splitlines()[:1])
    assert widest > 60
    # Nobody has said which server it is.
    assert "eloquence deploy . --server USER@SERVER --api " in done.text


def test_a_reader_that_leaves_is_no_error(legacy: LabSystem, tmp_path: Path) -> None:
    for words, code in (
        (("explain",), 0),
        (("lab", "list"), 0),
        (("doctor", *way_to(legacy), "-v"), 1),
        (("doctor", *way_to(legacy), "--output", "json"), 1),
    ):
        process = start(*words, cwd=tmp_path, environ=holding(legacy))
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        process.stderr.close()
        assert process.wait() == code


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")
@pytest.mark.parametrize("words", [("--output", "json"), ()])
def test_a_full_disk_behind_standard_output_is_told(words: tuple[str, ...], tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        process = start("doctor", CLOSED, "--timeout", "1", *words, cwd=tmp_path, stdout=full)
        _, err = process.communicate()
    assert process.returncode == 3
    assert err == b"eloquence: Standard output could not be written: No space left on device.\n"


@pytest.mark.parametrize("closing", [">&-", "2>&-", ">&- 2>&- <&-"])
def test_closed_streams_change_no_verdict_and_are_not_written_into(
    closing: str, legacy: LabSystem, tmp_path: Path
) -> None:
    """A socket or a file that is opened next must not become standard output."""
    words = [*COMMAND, "doctor", *way_to(legacy), "--output", "json=report.json"]
    words += ["--output", "short", "--record", "run.json"]
    done = subprocess.run(
        ["sh", "-c", f'"$@" {closing}', "sh", *words],
        cwd=tmp_path,
        env=environment(tmp_path, holding(legacy)),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == b""
    assert json.loads((tmp_path / "report.json").read_bytes())["verdict"] == "broken"
    assert run("replay", "run.json", cwd=tmp_path).code == 1


def test_a_terminal_without_utf8_gets_escapes_and_no_crash(tmp_path: Path) -> None:
    environ = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    for words in (("doctor", CLOSED, "--timeout", "1", "-v"), ("doctor", "http://é..b")):
        done = run(*words, "--lang", "fr", cwd=tmp_path, environ=environ)
        assert done.code in (1, 2)
        assert done.out or done.err.count(b"\n") == 1
        assert (done.out + done.err).isascii()
        assert b"Traceback" not in done.err
