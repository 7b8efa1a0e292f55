"""What a command of the settings may do to the server: say much, say it in one line, go on."""

from __future__ import annotations

import os
import pwd
import signal
from pathlib import Path

import pytest

from eloquence_ops.deploy.remote.identity import identity
from eloquence_ops.deploy.remote.ledger import Ledger
from eloquence_ops.deploy.remote.place import Place
from eloquence_ops.deploy.remote.told import Told, events
from eloquence_ops.deploy.remote.why import Failed
from eloquence_ops.deploy.remote.working import run_as


def ran(script: str) -> tuple[int, list[str], list[str]]:
    said: list[str] = []
    who = identity(pwd.getpwuid(os.getuid()).pw_name)
    status, lines = run_as(
        who,
        ["/bin/sh", "-c", script],
        "/",
        on_line=said.append,
        timeout_s=20,
        check=lambda: None,
    )
    return status, lines, said


def test_a_line_without_an_end_is_told_in_pieces() -> None:
    status, _, said = ran("head -c 3000000 /dev/zero | tr '\\0' x; echo; echo end")
    assert status == 0
    assert said[-1] == "end"
    assert max(map(len, said)) <= 4096


def test_what_is_left_in_the_background_is_not_waited_for() -> None:
    # Longer than a command may take at all, here.
    status, lines, _ = ran("sleep 60 & echo $!")
    os.kill(int(lines[0]), signal.SIGKILL)
    assert status == 0


def test_of_a_step_that_says_very_much_the_beginning_is_kept(tmp_path: Path) -> None:
    told = Told(str(tmp_path / "events"))
    for number in range(5000):
        told.said("before-switch", str(number))
    told.said("after-switch", "x")
    kept = [str(event["line"]) for event in events(str(tmp_path / "events"))]
    assert 1000 < len(kept) < 4000
    assert kept[-2:] == ["…", "x"]


@pytest.mark.parametrize("odd", ["link", "pipe"])
def test_what_is_no_plain_file_is_not_read_into_the_journal(
    tmp_path: Path, odd: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("of root's", encoding="utf-8")
    path = tmp_path / "file"
    if odd == "link":
        path.symlink_to(secret)
        # As if it had been put there a moment after it was looked at.
        monkeypatch.setattr(os.path, "islink", lambda _: False)
    else:
        os.mkfifo(path)
    place = Place("a.service", "l.service", str(tmp_path), "api:app", 8083)
    monkeypatch.setattr(Place, "state", str(tmp_path / "state"))
    with pytest.raises((Failed, OSError)):
        Ledger(place, {}).will_replace(str(path))
    kept = [file.read_text("utf-8") for file in (tmp_path / "state").rglob("*") if file.is_file()]
    assert kept == []
