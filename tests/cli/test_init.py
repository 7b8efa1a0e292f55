"""`eloquence init`: writes what was answered and nothing else, or nothing at all."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import signal
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from eloquence_ops.settings_files import FILE_NAME, Sources, read, resolve
from tests.cli.command import COMMAND, TIMEOUT_S, environment, run

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no pty")


def settings(cwd: Path) -> Any:
    return tomllib.loads((cwd / FILE_NAME).read_text(encoding="utf-8"))


def test_with_flags_it_asks_nothing(tmp_path: Path) -> None:
    words = ("--name", "production", "--api", "https://api.éloquence.com", "--server", "u@h:2222")
    done = run("init", *words, "--livekit", "wss://livekit.éloquence.com", cwd=tmp_path)
    assert done.code == 0
    assert done.err == b""
    assert str(tmp_path / FILE_NAME) in done.text
    assert settings(tmp_path) == {
        "default": "production",
        "targets": {
            "production": {
                "api": "https://api.éloquence.com",
                "livekit": "wss://livekit.éloquence.com",
                "server": "u@h:2222",
            }
        },
    }
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


@pytest.mark.parametrize("name", ["production", "a.b", "l'été", 'pro "d"', "a\\b", "[x]", "#", "é"])
def test_what_is_written_is_read_back(name: str, tmp_path: Path) -> None:
    assert run("init", "--name", name, "--api", "localhost:8083", cwd=tmp_path).code == 0
    target = resolve(Sources({}, {}, (read(tmp_path / FILE_NAME),)))
    assert target.name == name
    assert str(target.api) == "http://localhost:8083"
    assert target.livekit is None


def test_it_says_where_the_key_belongs_in_the_readers_language(tmp_path: Path) -> None:
    run("init", "--api", "http://localhost:8083", "--lang", "fr", cwd=tmp_path)
    text = (tmp_path / FILE_NAME).read_text(encoding="utf-8")
    assert "# La clé d'API est un secret" in text
    assert "ELOQUENCE_API_KEY" in text


def test_what_is_pasted_behind_an_address_is_not_written(tmp_path: Path) -> None:
    run("init", "--livekit", "wss://l.test/rtc?access_token=hidden-word", cwd=tmp_path)
    assert "hidden-word" not in (tmp_path / FILE_NAME).read_text(encoding="utf-8")
    assert settings(tmp_path)["targets"]["production"] == {"livekit": "wss://l.test"}


def test_a_file_that_is_there_is_not_replaced_unless_told_so(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("# mine\n", encoding="utf-8")
    refused = run("init", "--api", "http://localhost:8083", cwd=tmp_path)
    assert refused.code == 2
    assert "--force" in refused.complaint
    assert refused.complaint.count("\n") == 1
    assert (tmp_path / FILE_NAME).read_text(encoding="utf-8") == "# mine\n"
    assert run("init", "--api", "http://localhost:8083", "--force", cwd=tmp_path).code == 0
    assert "# mine" not in (tmp_path / FILE_NAME).read_text(encoding="utf-8")


def test_a_wrong_value_writes_nothing(tmp_path: Path) -> None:
    assert run("init", "--api", "ftp://x", cwd=tmp_path).code == 2
    assert run("init", cwd=tmp_path).code == 2
    assert list(tmp_path.iterdir()) == []


class Conversation:
    """`eloquence init` at a terminal, and somebody who answers."""

    def __init__(self, *words: str, cwd: Path) -> None:
        self._ours, theirs = pty.openpty()
        self._process = subprocess.Popen(
            [*COMMAND, "init", *words],
            cwd=cwd,
            env=environment(cwd, {"TERM": "dumb"}),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=_take_terminal,  # noqa: PLW1509  # no thread of ours is running
        )
        os.close(theirs)
        self.said = ""
        self._heard = 0

    def wait_for(self, question: str) -> None:
        while question not in self.said[self._heard :]:
            data = self._read()
            assert data, f"it did not ask {question!r}, but said {self.said!r}"
            self.said += data.decode(errors="replace")
        self._heard = len(self.said)

    def answer(self, question: str, text: str) -> None:
        self.wait_for(question)
        os.write(self._ours, text.encode())

    def ended_by(self, tell: Callable[[], object]) -> int:
        """Told once, and again, as somebody would who sees nothing happen: Python may be just about
        to wait for the line when the signal comes, and then hears of it at the next one."""
        while True:
            tell()
            while select.select([self._ours], [], [], 1.0)[0]:
                data = self._read()
                self.said += data.decode(errors="replace")
                if not data:
                    return self.end()

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def end(self) -> int:
        while data := self._read():
            self.said += data.decode(errors="replace")
        os.close(self._ours)
        return self._process.wait(TIMEOUT_S)

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def _read(self) -> bytes:
        with contextlib.suppress(OSError):  # Linux says EIO when the other side has closed
            return os.read(self._ours, 4096)
        return b""


def _take_terminal() -> None:
    """Makes standard input the controlling terminal, so that Ctrl-C typed there is a signal."""
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def said_and_written(conversation: Conversation, cwd: Path) -> Iterator[str]:
    yield conversation.said
    yield (cwd / FILE_NAME).read_text(encoding="utf-8")


def test_for_development_the_guides_values_are_offered(tmp_path: Path) -> None:
    talk = Conversation(cwd=tmp_path)
    talk.answer("Name of the target [development]: ", "\n")
    talk.answer("[http://localhost:8083]: ", "\n")
    talk.answer("[ws://localhost:7880]: ", "\n")
    talk.answer("server (", "\n")
    assert talk.end() == 0
    assert settings(tmp_path) == {
        "default": "development",
        "targets": {
            "development": {"api": "http://localhost:8083", "livekit": "ws://localhost:7880"}
        },
    }


def test_for_production_nothing_is_offered_and_a_wrong_answer_is_asked_again(
    tmp_path: Path,
) -> None:
    talk = Conversation(cwd=tmp_path)
    talk.answer("[development]: ", "production\n")
    talk.answer("api (", "\n")
    talk.answer("api (", "http://a..b\n")
    talk.answer("api (", "https://api.éloquence.com\n")
    talk.answer("livekit (", "\n")
    talk.answer("server (", "ubuntu@51.159.110.4\n")
    assert talk.end() == 0
    assert "not a possible host name" in talk.said
    for text in said_and_written(talk, tmp_path):
        # The guides' own spelling is another domain: never offered.
        assert "eloquence.com" not in text.replace("éloquence.com", "")
        assert "localhost" not in text
    assert settings(tmp_path)["targets"]["production"] == {
        "api": "https://api.éloquence.com",
        "server": "ubuntu@51.159.110.4",
    }


def test_flags_are_not_asked_again(tmp_path: Path) -> None:
    talk = Conversation("--name", "p", "--api", "https://a.test", "--lang", "fr", cwd=tmp_path)
    talk.answer("livekit (une adresse", "wss://l.test\n")
    talk.answer("server (", "\n")
    assert talk.end() == 0
    assert "api (" not in talk.said
    assert settings(tmp_path)["targets"]["p"] == {
        "api": "https://a.test",
        "livekit": "wss://l.test",
    }


@pytest.mark.parametrize("answers", [0, 1, 2])
def test_ctrl_c_at_any_question_writes_nothing(answers: int, tmp_path: Path) -> None:
    talk = Conversation(cwd=tmp_path)
    for question in ("[development]: ", "8083]: ", "7880]: ")[:answers]:
        talk.answer(question, "\n")
    talk.wait_for("]: ")
    assert talk.ended_by(lambda: talk.type("\x03")) == 130
    assert "Traceback" not in talk.said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_so_does_a_closed_terminal(number: signal.Signals, tmp_path: Path) -> None:
    talk = Conversation(cwd=tmp_path)
    talk.wait_for("[development]: ")
    assert talk.ended_by(lambda: talk.send(number)) == 130
    assert "Traceback" not in talk.said
    assert list(tmp_path.iterdir()) == []


def test_so_does_the_end_of_input(tmp_path: Path) -> None:
    talk = Conversation(cwd=tmp_path)
    talk.answer("[development]: ", "\x04")
    assert talk.end() == 130
    assert list(tmp_path.iterdir()) == []
