"""Lines made to break a screen, fill the memory, give a secret away or drown the others."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from tests.cli.command import Ended, ended, environment, run, start
from tests.lab.livekit_requests import token

OUTPUTS: Final = {
    "console": (),
    "json": ("--output", "json"),
    "raw": ("--output", "raw"),
    "template": ("--output", "template", "--template", "{time} {source} {level} {text} {causes}"),
}
MOST_MEMORY: Final = 200 * 1024 * 1024
CUT_AT: Final = 16 * 1024
ESCAPES: Final = (
    "\x1b[2J\x1b[H",
    "\x1b]0;title\x07",
    "\x1b]52;c;ZXZpbA==\x1b\\",
    "\x9b31m",
    "\x00\x01\x7f",
    "\u202etxt.exe",
    "a\rb",
)
# Of the bytes that a terminal acts on only the line end is left.
ACTED_ON: Final = {*range(0x20), 0x7F} - {0x0A}


def shown(folder: Path, content: bytes, *words: str, **environ: str) -> Ended:
    """What the real command shows of a log of the app's."""
    log = folder / "app.log"
    log.write_bytes(content)
    words = ("tail-logs", "--app-log", str(log), "--no-follow", "--lines", "all", *words)
    done = run(*words, cwd=folder, environ=environ)
    assert (done.code, done.err) == (0, b""), done.err
    return done


def entries(done: Ended) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.out.splitlines()]


@pytest.fixture
def journal(tmp_path: Path) -> Callable[..., Ended]:
    """The real command where journalctl is a program that prints these entries."""

    def show(*messages: object, more: dict[str, Any] | None = None, words: str = "") -> Ended:
        lines = []
        for number, message in enumerate(messages):
            entry = {
                "__CURSOR": f"c{number}",
                "__REALTIME_TIMESTAMP": f"{1796070000000000 + number}",
                "MESSAGE": message,
                "PRIORITY": "6",
                **(more or {}),
            }
            lines.append(json.dumps(entry))
        (tmp_path / "entries").write_text("\n".join(lines) + "\n")
        programs = {"journalctl": f"cat '{tmp_path}/entries'", "sudo": "exit 1"}
        for name, line in programs.items():
            (tmp_path / name).write_text(f"#!/bin/sh\n{line}\n")
            (tmp_path / name).chmod(0o755)
        done = run(
            *("tail-logs", "--on-server", "--unit", "api", "--no-follow", "--lines", "all"),
            *("--output", "json", *words.split()),
            cwd=tmp_path,
            environ={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        )
        assert (done.code, done.err) == (0, b""), done.err
        return done

    return show


# -- Length ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("output", OUTPUTS)
def test_long_lines_are_cut_and_the_others_are_there(tmp_path: Path, output: str) -> None:
    log, peak = tmp_path / "app.log", tmp_path / "peak"
    lines = [b"before", b"x" * 1024 * 1024, b"between", b"\x1b" * 1024 * 1024, b"after"]
    log.write_bytes(b"\n".join([*lines, b"y" * 20 * 1024 * 1024]))
    words = ("tail-logs", "--app-log", str(log), "--no-follow", "--lines", "6", *OUTPUTS[output])
    done = ended(start(*words, cwd=tmp_path, peak_in=peak))
    assert (done.code, done.err) == (0, b"")
    # Of a file no more than its last 16 MiB are read.
    assert len(done.out) < 5 * CUT_AT
    assert int(peak.read_text()) < MOST_MEMORY


@pytest.mark.parametrize("output", OUTPUTS)
def test_a_long_line_does_not_hide_its_neighbours(tmp_path: Path, output: str) -> None:
    content = b"\n".join(
        [b"before", b"x" * 1024 * 1024, b"between", b"y" * 8_000_000, b"after", b""]
    )
    done = shown(tmp_path, content, *OUTPUTS[output])
    assert all(word in done.text for word in ("before", "between", "after"))
    assert len(done.out) < 3 * CUT_AT
    if output == "json":
        assert [entry["cut"] for entry in entries(done)] == [
            0, 1024 * 1024 - CUT_AT, 0, 1024 * 1024 - CUT_AT, 0,
        ]  # fmt: skip
    if output == "console":
        assert "… (+1032192)" in done.text


def test_a_line_without_an_end_on_standard_input_takes_no_memory(tmp_path: Path) -> None:
    peak = tmp_path / "peak"
    line = f"exec 3<&0; {{ printf 'first\\n'; head -c 20000000 /dev/zero; }} | {_measured(peak)}"
    done = subprocess.run(
        ["sh", "-c", line],
        cwd=tmp_path,
        env=_environment(tmp_path),
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"first" in done.stdout
    assert b"\\x00\\x00" in done.stdout
    assert len(done.stdout) < 5 * CUT_AT
    assert int(peak.read_text()) < MOST_MEMORY


def _measured(peak: Path) -> str:
    return f"{sys.executable} -m tests.cli.measured {peak} tail-logs --app-log -"


def _environment(home: Path) -> dict[str, str]:
    return environment(home, {"PYTHONPATH": str(Path(__file__).resolve().parents[2])})


def test_a_line_of_very_many_fields_is_bounded(tmp_path: Path) -> None:
    said = {"msg": "many", "level": "info", **{f"field{n}": n for n in range(40_000)}}
    done = shown(tmp_path, json.dumps(said).encode() + b"\n")
    assert "field0=0" in done.text
    assert len(done.out) < 3 * CUT_AT


# -- Bytes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("output", OUTPUTS)
def test_nothing_reaches_the_terminal_as_a_command(tmp_path: Path, output: str) -> None:
    lines = []
    for hostile in ESCAPES:
        in_json = {"level": "error", "msg": f"in {hostile}", f"key {hostile}": hostile}
        lines += [f"plain {hostile} end", json.dumps(in_json), f"INFO:logger:{hostile}"]
    done = shown(tmp_path, "\n".join(lines).encode() + b"\n", *OUTPUTS[output])
    assert not ACTED_ON & set(done.out)
    assert not set(done.text) & {"\x9b", "\u202e"}
    assert done.text.count("plain") == len(ESCAPES)


def test_raw_text_leaves_them(tmp_path: Path) -> None:
    content = b"plain \x1b[7mreverse\x1b[0m \x00 end\n"
    done = shown(tmp_path, content, "--output", "raw", "--raw-text")
    assert b"\x00" in done.out
    content = b"plain \x1b]0;title\x07 end\n"
    assert b"\x1b]0;" in shown(tmp_path, content, "--output", "raw", "--raw-text").out


@pytest.mark.parametrize("output", OUTPUTS)
def test_what_is_no_utf_8_stays_readable(tmp_path: Path, output: str) -> None:
    content = b"caf\xe9 \xff\xfe \xc3\xa9t\xc3\xa9 \xed\xa0\x80 \xf0\x9f\n"
    done = shown(tmp_path, content, *OUTPUTS[output])
    text = json.loads(done.out)["message"] if output == "json" else done.text
    assert r"caf\xe9 \xff\xfe été \xed\xa0\x80 \xf0\x9f" in text


def test_the_name_of_a_file_is_no_command_either(tmp_path: Path) -> None:
    log = tmp_path / "a\x1b[2Jb.log"
    log.write_text("line\n")
    words = ("tail-logs", "--on-server", "--file", log, "--no-follow")
    done = run(*words, cwd=tmp_path)
    assert done.code == 0
    assert b"\x1b" not in done.out
    assert "line" in done.text


# -- journald -------------------------------------------------------------------------------------


def test_messages_of_bytes_and_fields_that_repeat(journal: Callable[..., Ended]) -> None:
    hostile = list(b"caf\xe9 \x1b[2J\x00")
    found = entries(journal(hostile, ["one", "two"], [hostile, "three"], None, 7, [["deep"]]))
    messages = [entry["message"] for entry in found]
    assert messages == [
        r"caf\xe9 \x1b[2J\x00", "one two", r"caf\xe9 \x1b[2J\x00 three", "", "", "deep",
    ]  # fmt: skip


def test_other_fields_that_repeat_change_nothing(journal: Callable[..., Ended]) -> None:
    more = {"PRIORITY": ["3", "6"], "_PID": ["1", "2"], "SYSLOG_IDENTIFIER": [[27, 91], "x"]}
    found = entries(journal("one", "two", more=more))
    assert [entry["message"] for entry in found] == ["one", "two"]


def test_a_long_message_of_bytes_is_not_lost(journal: Callable[..., Ended]) -> None:
    """Each byte takes four in JSON: half a megabyte with one escape in it takes two."""
    hostile = [27, *[120] * 500_000]
    found = entries(journal("before", hostile, "after"))
    assert [entry["message"][:8] for entry in found] == ["before", r"\x1bxxxx", "after"]


def test_a_clock_that_goes_back_keeps_the_order(tmp_path: Path) -> None:
    moments = ["19:37:47", "19:37:50", "19:37:48", "19:30:00", "19:37:51"]
    lines = [f"2026-11-29 {moment} line {n}" for n, moment in enumerate(moments)]
    done = shown(tmp_path, "\n".join(lines).encode() + b"\n", "--output", "raw")
    assert done.text.splitlines() == [f"line {n}" for n in range(5)]


# -- Secrets --------------------------------------------------------------------------------------

JWT: Final = token()
LONG_JWT: Final = token(video={"roomJoin": True, "room": "r1", "metadata": "m" * 6000})
SECRETS: Final = {
    "a token": (f"joins with {JWT}", JWT),
    "a token in an address": (f"GET /rtc?access_token={JWT}&protocol=15", JWT),
    "a long token": (f"joins with {LONG_JWT}", LONG_JWT),
    "the key's header": ("X-API-Key: abcdefgh12345678 sent", "abcdefgh12345678"),
    "the key's header in JSON": ('{"X-API-Key": "stuvwxyz87654321"}', "stuvwxyz87654321"),
    "authorization": ("Authorization: Bearer zyxwvuts98765432", "zyxwvuts98765432"),
    "basic": ("authorization=Basic YWxpY2U6c2VjcmV0", "YWxpY2U6c2VjcmV0"),
    "LiveKit's secret": ("LIVEKIT_API_SECRET=s3cr3tOfLivekit0123", "s3cr3tOfLivekit0123"),
    "one of ours, anywhere": ("it was our-own-key-0123 all along", "our-own-key-0123"),
    "one of ours, packed": (
        base64.b64encode(b"our-own-key-0123").decode(),
        base64.b64encode(b"our-own-key-0123").decode().rstrip("="),
    ),
}
OURS: Final = {"ELOQUENCE_API_KEY": "our-own-key-0123"}


def parts(secret: str) -> set[str]:
    """Any eight characters of it are too many."""
    return {secret[n : n + 8] for n in range(0, len(secret) - 8, 4)}


def cut_in(text: str, secret: str) -> list[str]:
    """Lines whose message, or a field, is cut in the secret, at its ends, and beside it."""
    at = text.index(secret)
    lines = [text, json.dumps({"level": "info", "msg": text, "field": text, "nested": {"a": text}})]
    for place in (0, 1, 4, len(secret) // 2, len(secret) - 1, len(secret) + 1):
        for longest, shape in (
            (CUT_AT, "{}"),
            (2048, '{{"level": "info", "msg": "x", "field": "{}"}}'),
        ):
            before = "." * max(0, longest - at - place - 1)
            quoted = json.dumps(text)[1:-1] if longest == 2048 else text
            lines.append(shape.format(f"{before} {quoted} {'-' * CUT_AT}"))
    return lines


@pytest.mark.parametrize("output", OUTPUTS)
def test_secrets_are_masked_wherever_a_line_is_cut(tmp_path: Path, output: str) -> None:
    lines = [line for text, secret in SECRETS.values() for line in cut_in(text, secret)]
    done = shown(tmp_path, "\n".join(lines).encode() + b"\n", *OUTPUTS[output], **OURS)
    assert done.text.count("***") >= len(SECRETS) * 4
    for kind, (_, secret) in SECRETS.items():
        assert not [part for part in parts(secret) if part in done.text], kind


# -- A flood --------------------------------------------------------------------------------------


def test_a_source_that_floods_does_not_hide_another(tmp_path: Path) -> None:
    quiet, out, peak = tmp_path / "quiet.log", tmp_path / "out", tmp_path / "peak"
    quiet.write_text("")
    with out.open("wb") as stdout:
        words = ("tail-logs", "--app-command", "yes flood", "--app-log", quiet, "--output", "raw")
        process = start(*words, cwd=tmp_path, stdout=stdout, peak_in=peak)
    try:
        with quiet.open("a") as log:
            for number in range(5):
                time.sleep(0.5)
                log.write(f"quiet {number}\n")
                log.flush()
        deadline = time.monotonic() + 30
        while b"quiet 4\n" not in out.read_bytes():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        end = ended(process)
        assert (end.code, end.err) == (130, b"")
    finally:
        process.kill()
    text = out.read_bytes()
    assert text.count(b"flood\n") > 10_000
    assert [text.count(b"quiet %d\n" % number) for number in range(5)] == [1] * 5
    assert int(peak.read_text()) < MOST_MEMORY
