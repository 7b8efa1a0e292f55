"""Whatever is typed wrong is told in one sentence, in the reader's language, with exit code 2."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import get_args

import pytest

from eloquence_ops.language import Language
from tests.cli.command import Ended, environment, run
from tests.sentences import is_safe

CLOSED = "http://127.0.0.1:1"
QUICK = ("--timeout", "1", "--output", "short")

# What is typed, and a word of the sentence in English.
WRONG: dict[str, tuple[tuple[str, ...], str]] = {
    "nothing to examine": (("doctor",), "Nothing to examine"),
    "no server": (("check-server",), "--on-server"),
    "option": (("doctor", "--strickt"), "--strict"),
    "option of another command": (("check-api", "--only", "api"), "--only"),
    "option before the command": (("--strict", "doctor"), "--strict"),
    "command": (("docter",), "doctor"),
    "no command": (("zzzz",), "--help"),
    "lab command": (("lab", "upp"), "up"),
    "no value": (("doctor", "--api"), "--api"),
    "value for a switch": (("doctor", "--strict=yes"), "--strict"),
    "two urls": (("doctor", "http://a.test", "http://b.test"), "http://b.test"),
    "no file": (("replay",), "FILE"),
    "timeout no number": (("doctor", CLOSED, "--timeout", "soon"), "0.1–600"),
    "timeout not a number": (("doctor", CLOSED, "--timeout", "nan"), "0.1–600"),
    "timeout forever": (("doctor", CLOSED, "--timeout", "inf"), "0.1–600"),
    "wait negative": (("doctor", CLOSED, "--wait", "-1"), "0–86400"),
    "empty address": (("doctor", " "), "empty"),
    "host name": (("doctor", "http://a..b"), "not a possible host name"),
    "percent": (("doctor", "https://%C3%A9loquence.com"), "percent-encoded"),
    "scheme": (("doctor", "ftp://a.test"), "ftp://"),
    "one slash": (("doctor", "https:/a.test"), "two slashes"),
    "port": (("doctor", "http://a.test:99999"), "99999"),
    "userinfo": (("doctor", "https://u:hidden-word@a.test"), "user name or password"),
    "control": (("doctor", "http://a\x1b[2Jb.test"), "\\x1b[2J"),
    "very long": (("doctor", "http://" + "a" * 100_000), "2048"),
    "livekit": (("doctor", "--livekit", "sip://a.test"), "--livekit: livekit"),
    "api": (("check-api", "--api", "a b"), "--api: api"),
    "server": (("doctor", CLOSED, "--server", "a b"), "--server: server"),
    "resolver": (("doctor", CLOSED, "--resolver", "dns.test"), "ADDRESS:PORT"),
    "connect-to": (("doctor", CLOSED, "--connect-to", "a=b"), "HOST:PORT=ADDRESS:PORT"),
    "ca missing": (("doctor", CLOSED, "--ca", "none.pem"), "none.pem"),
    "ca no certificate": (("doctor", CLOSED, "--ca", "plain.txt"), "plain.txt"),
    "ca folder": (("doctor", CLOSED, "--ca", "folder"), "folder"),
    "target": (("doctor", "--target", "nowhere"), "“nowhere”"),
    "area": (("doctor", CLOSED, "--only", "dsn"), "dns, tls"),
    "language": (("doctor", CLOSED, "--lang", "de"), "en or fr"),
    "output": (("doctor", CLOSED, "--output", "yaml"), "console, json, short"),
    "output without a file": (("doctor", CLOSED, "--output", "json="), "FORMAT=FILE"),
    "two outputs": (("doctor", CLOSED, "--output", "json", "--output", "short"), "Only one"),
    "output no folder": (("doctor", CLOSED, "--output", "json=none/x"), "none/x"),
    "output is a folder": (("doctor", CLOSED, "--output", "json=folder"), "is a folder"),
    "record no folder": (("doctor", CLOSED, "--record", "none/x"), "none/x"),
    "record is a folder": (("doctor", CLOSED, "--record", "folder"), "is a folder"),
    "baseline missing": (("doctor", CLOSED, "--baseline", "none.json"), "none.json"),
    "baseline foreign": (("doctor", CLOSED, "--baseline", "plain.txt"), "not a recording"),
    "recording missing": (("replay", "none.json"), "none.json"),
    "recording a folder": (("replay", "folder"), "folder"),
    "recording foreign": (("replay", "plain.txt"), "not a recording"),
    "recording binary": (("replay", "binary"), "not a recording"),
    "recording cut": (("replay", "cut.json"), "cut off"),
    "recording edited": (("replay", "edited.json"), "changed after"),
    "recording newer": (("replay", "newer.json"), "newer"),
    "recording huge": (("replay", "huge.json"), "MiB"),
    "explain": (("explain", "zzzzzz"), "Nothing is known"),
    "explain, near": (("explain", "api-not-runing"), "api-not-running"),
    "fault": (("demo", "api-not-runing"), "api-not-running"),
    "fault up": (("lab", "up", "zzzz"), "zzzz"),
    "place": (("lab", "up", "--for", "fridge"), "desktop, emulator, phone"),
    "fault of a certificate in an app": (
        ("lab", "up", "cert-expired", "--for", "emulator"),
        "Without --for, “eloquence lab up cert-expired” shows it",
    ),
    "faults that exclude each other": (
        ("demo", "api-legacy-deployed", "api-routes-missing"),
        "cannot exist at the same time",
    ),
    "init without a terminal": (("init",), "eloquence init --name"),
    "init wrong value": (("init", "--api", "ftp://x"), "ftp://"),
    "init wrong name": (("init", "--name", "a\nb", "--api", CLOSED), "name of a target"),
}

# What stands in the environment instead.
WRONG_ENVIRONMENT: dict[str, tuple[dict[str, str], str]] = {
    "api": ({"ELOQUENCE_API": "http://a..b"}, "ELOQUENCE_API: api"),
    "livekit": ({"ELOQUENCE_LIVEKIT": "x:y:z"}, "ELOQUENCE_LIVEKIT: livekit"),
    "server": ({"ELOQUENCE_API": CLOSED, "ELOQUENCE_SERVER": "a b"}, "ELOQUENCE_SERVER: server"),
    "key": (
        {"ELOQUENCE_API": CLOSED, "ELOQUENCE_API_KEY": "hidden-word\nX: y"},
        "ELOQUENCE_API_KEY",
    ),
}

WRONG_FILE: dict[str, tuple[str, str]] = {
    "unknown key": ('[targets.p]\napis = "x"\n', "eloquence.toml:2: there is no setting “apis”"),
    "wrong value": ('[targets.p]\napi = "ftp://x"\n', "eloquence.toml:2: api: "),
    "wrong type": ("[targets.p]\napi = 1\n", "eloquence.toml:2: api: "),
    "secret": ('[targets.p]\napi_key = "hidden-word"\n', "eloquence.toml:2: “api_key” would"),
    "syntax": ("[targets.p\n", "eloquence.toml:1: this is not TOML"),
    "default": ('default = "q"\n', "eloquence.toml:1: default: "),
    "which": ('[targets.p]\napi = "a"\n[targets.q]\napi = "b"\n', "p, q"),
    "empty": ("", "Nothing to examine"),
    "key file": (f'[targets.p]\napi = "{CLOSED}"\napi_key_file = "none"\n', "api_key_file"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a good recording, and with what is not one."""
    folder = tmp_path_factory.mktemp("wrong")
    (folder / "folder").mkdir()
    (folder / "plain.txt").write_text("hello\n", encoding="utf-8")
    (folder / "binary").write_bytes(bytes(range(256)) * 64)
    (folder / "empty").touch()
    run("doctor", CLOSED, *QUICK, "--record", "whole.json", cwd=folder)
    whole = (folder / "whole.json").read_bytes()
    document = json.loads(whole)
    (folder / "cut.json").write_bytes(whole[: len(whole) // 2])
    (folder / "edited.json").write_bytes(whole.replace(b"refused", b"connected", 1))
    (folder / "newer.json").write_text(json.dumps(document | {"version": 2}), encoding="utf-8")
    with (folder / "huge.json").open("wb") as file:
        file.write(b'{"format": "eloquence-recording"')
        file.truncate(33 * 1024 * 1024)
    return folder


Case = tuple[tuple[str, ...], Path, Mapping[str, str], str]


def cases(folder: Path, tmp: Path) -> dict[str, Case]:
    found: dict[str, Case] = {}
    for name, (words, word) in WRONG.items():
        found[name] = (words, folder, {}, word)
    for name, (environ, word) in WRONG_ENVIRONMENT.items():
        found[f"environment: {name}"] = (("doctor", *QUICK), folder, environ, word)
    for name, (text, word) in WRONG_FILE.items():
        place = tmp / name
        place.mkdir()
        (place / "eloquence.toml").write_text(text, encoding="utf-8")
        found[f"file: {name}"] = (("doctor", *QUICK), place, {}, word)
    return found


NAMES = [
    *WRONG,
    *(f"environment: {name}" for name in WRONG_ENVIRONMENT),
    *(f"file: {name}" for name in WRONG_FILE),
]
Told = dict[tuple[str, Language], Ended]


@pytest.fixture(scope="module")
def told(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """Each case in each language; together, since a process takes longer to start than to end."""
    found = cases(folder, tmp_path_factory.mktemp("files"))
    each = [(name, language) for name in found for language in get_args(Language)]

    def one(entry: tuple[str, Language]) -> Ended:
        words, cwd, environ, _ = found[entry[0]]
        speaking = {"LANG": "fr_FR.UTF-8"} if entry[1] == "fr" else {}
        return run(*words, cwd=cwd, environ={**environ, **speaking})

    before = {path.name for path in folder.iterdir()}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        answers = dict(zip(each, pool.map(one, each), strict=True))
    assert {path.name for path in folder.iterdir()} == before
    return answers


def word_of(name: str) -> str:
    kind, _, rest = name.partition(": ")
    if kind == "environment":
        return WRONG_ENVIRONMENT[rest][1]
    return WRONG_FILE[rest][1] if kind == "file" else WRONG[name][1]


@pytest.mark.parametrize("name", NAMES)
def test_wrong_use_is_one_sentence_and_exit_code_2(name: str, told: Told) -> None:
    english, french = told[name, "en"], told[name, "fr"]
    for answer in (english, french):
        assert answer.code == 2
        assert answer.out == b""
        assert answer.complaint.startswith("eloquence: ")
        assert answer.complaint.count("\n") == 1
        assert is_safe(answer.complaint[:-1])
        assert "Traceback" not in answer.complaint
        assert "defect" not in answer.complaint
        assert "hidden-word" not in answer.complaint
        assert len(answer.complaint) < 2000
    assert word_of(name) in english.complaint
    assert english.complaint != french.complaint


def test_the_language_of_an_error_is_the_one_asked_for(folder: Path) -> None:
    asked = run("doctor", "http://a..b", "--lang", "fr", cwd=folder)
    joined = run("doctor", "http://a..b", "--lang=fr", cwd=folder)
    assert "n'est pas un nom d'hôte possible" in asked.complaint
    assert joined == asked


def test_without_a_command_it_shows_its_help(folder: Path) -> None:
    for words in ((), ("lab",)):
        answer = run(*words, cwd=folder)
        assert answer.code == 2
        assert "Usage: eloquence" in answer.text
        assert answer.err == b""


def test_help_lists_only_commands_that_are_there(folder: Path) -> None:
    answer = run("--help", cwd=folder)
    assert answer.code == 0
    for command in (
        *("doctor", "check-api", "check-livekit", "check-ports", "check-media", "check-ssl"),
        *("check-punycode-dns", "check-server"),
        *("tail-logs", "replay", "explain", "init", "demo", "deploy", "rollback", "releases"),
    ):
        assert f" {command} " in answer.text
        assert run(command, "--help", cwd=folder).code == 0
    assert "check-app" not in answer.text


@pytest.mark.parametrize(
    ("words", "code", "verdict"),
    [
        (("doctor", CLOSED), 1, "BROKEN"),
        (("doctor", "ws://127.0.0.1:1"), 1, "BROKEN"),
        (("check-api", CLOSED), 1, "BROKEN"),
        (("check-livekit", "--livekit", "ws://127.0.0.1:1"), 1, "BROKEN"),
        (("doctor", "http://[::1]:1"), 1, "BROKEN"),
        (("doctor", "http://nowhere.invalid"), 1, "BROKEN"),
        (("doctor", CLOSED, "--only", "app"), 3, "UNDETERMINED"),
        (("doctor", "http://nowhere.test", "--resolver", "127.0.0.1:9"), 3, "UNDETERMINED"),
    ],
)
def test_an_address_that_leads_nowhere_gives_a_report(
    words: tuple[str, ...], code: int, verdict: str, folder: Path
) -> None:
    answer = run(*words, *QUICK, cwd=folder)
    assert answer.code == code
    assert answer.text.startswith(f"{verdict} ")
    assert answer.text.count("\n") == 1
    assert answer.err == b""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")
@pytest.mark.parametrize("words", [("--output", "json=/dev/full"), ("--record", "/dev/full")])
def test_a_file_that_fills_up_is_told_after_the_report(
    words: tuple[str, ...], folder: Path
) -> None:
    answer = run("doctor", CLOSED, *QUICK, *words, cwd=folder)
    assert answer.code == 3
    assert answer.text.startswith("BROKEN ")
    assert answer.complaint.startswith("eloquence: /dev/full could not be written: No space")
    assert answer.complaint.count("\n") == 1


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_told_before_the_run(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o500)
    answer = run("doctor", CLOSED, *QUICK, "--record", "closed/x", cwd=tmp_path)
    assert answer.code == 2
    assert "no permission" in answer.complaint


def test_a_folder_that_is_gone_is_told(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f"rmdir {gone}; exec {sys.executable} -m eloquence_ops doctor {CLOSED} --output short"
    done = subprocess.run(
        ["sh", "-c", script],
        cwd=gone,
        env=environment(tmp_path),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith(b"eloquence: The folder that this runs in is gone.")
    assert done.stderr.count(b"\n") == 1
