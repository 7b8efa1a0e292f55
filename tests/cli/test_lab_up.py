"""`lab up --for`: what it prints is what an app can use, and what doctor examines."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.command import COMMAND, Ended, ended, run, start

STOP = "Ctrl-C "
PLACES = {"desktop": "127.0.0.1", "emulator": "10.0.2.2"}


class Up:
    """A lab that is running in a process of its own, and what it printed."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line.decode())
            if lines[-1].startswith(STOP):
                break
        self.printed = "".join(lines)

    def commands(self) -> list[str]:
        """Those it says to paste."""
        pasted = re.sub(r"( \\|\|)\n\s+", lambda found: found[1].rstrip("\\"), self.printed)
        return [
            line.strip()
            for line in pasted.splitlines()
            if line.strip().startswith(("printf", "curl", "cd "))
        ]

    def paste(self, command: str, cwd: Path) -> Ended:
        """In another terminal, with this program as `eloquence`."""
        ours = command.replace("eloquence doctor", " ".join((*COMMAND, "doctor")))
        done = subprocess.run(
            ["sh", "-c", ours],
            cwd=cwd,
            env={**os.environ, "HOME": str(cwd)},
            capture_output=True,
            check=False,
            timeout=60,
        )
        return Ended(done.returncode, done.stdout, done.stderr)


@pytest.fixture(params=PLACES)
def up(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Up]:
    words = ("lab", "up", "proxy-wrong-upstream", "--for", request.param)
    lab = Up(start(*words, cwd=tmp_path))
    try:
        yield lab
    finally:
        lab.process.send_signal(signal.SIGINT)
        done = ended(lab.process)
    assert done.code == 0
    assert done.err == b""
    assert done.text == "The lab is down; nothing was left behind.\n"


def test_what_it_says_to_paste_shows_the_fault(up: Up, tmp_path: Path) -> None:
    session, health, doctor = (up.paste(command, tmp_path) for command in up.commands())
    assert session.text.startswith("HTTP/1.1 200 OK")
    assert health.text.startswith("HTTP/1.1 502 Bad Gateway")
    assert doctor.code == 1
    assert "the proxy passes requests to the wrong place" in " ".join(doctor.text.split())
    assert doctor.err == b""


def test_the_app_is_given_addresses_of_its_place(up: Up, tmp_path: Path) -> None:
    found = re.findall(r"^  (?:API|LiveKit) +((?:http|ws)://\S+) *$", up.printed, re.M)
    assert len(found) == 2
    address = PLACES["emulator"] if "emulator" in up.printed else PLACES["desktop"]
    assert all(f"//{address}:" in url for url in found)
    session = up.paste(up.commands()[0], tmp_path)
    assert f'"url":"{found[1]}"' in session.text
    assert ("usesCleartextTraffic" in up.printed) == (address == PLACES["emulator"])


def test_the_screen_fits_eighty_columns(up: Up) -> None:
    assert [line for line in up.printed.splitlines() if len(line.rstrip()) > 80] == []


@pytest.mark.parametrize(
    ("lang", "words"),
    [("en", "lies in DNS"), ("fr", "tient au DNS")],
)
def test_a_fault_that_no_app_meets_is_wrong_use(lang: str, words: str, tmp_path: Path) -> None:
    done = run(
        "lab", "up", "dns-no-record", "--for", "desktop", cwd=tmp_path, environ={"LANG": lang}
    )
    assert done.code == 2
    assert done.out == b""
    assert words in done.complaint
    assert "eloquence lab up dns-no-record" in done.complaint
