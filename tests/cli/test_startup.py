"""What a command does not do when it starts and ends: it would be waited for by everybody."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from eloquence_ops.cli import tailing
from eloquence_ops.cli.examination import Request, examine_and_report
from eloquence_ops.cli.tailing import tail

_HELP = (
    "import sys, runpy; sys.argv = ['eloquence', '--help']\n"
    "try: runpy.run_module('eloquence_ops', run_name='__main__')\n"
    "except SystemExit: pass\n"
)


@pytest.mark.parametrize(
    ("code", "heavy"),
    [
        (_HELP, ("pydantic", "paramiko", "cryptography", "websockets")),
        # doctor, without a server to log in to
        ("import eloquence_ops.cli.examination", ("paramiko", "livekit", "fastapi")),
    ],
    ids=["help", "doctor"],
)
def test_what_is_not_needed_is_not_imported(code: str, heavy: tuple[str, ...]) -> None:
    ask = (
        f"{code}\nimport sys; print(*sorted({{*{heavy!r}}} & sys.modules.keys()), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", ask], check=True, capture_output=True, text=True, timeout=60
    )
    assert done.stderr.split() == []


# Garbage, and the end


@pytest.fixture
def uncollected() -> Iterator[None]:
    """As a command starts."""
    gc.disable()
    yield
    gc.unfreeze()
    gc.enable()


def test_a_short_run_looks_for_no_garbage() -> None:
    watched = (
        "import gc, sys; begun = []; gc.callbacks.append(lambda *_: begun.append(1))\n"
        "from eloquence_ops.cli import main; begun.clear()\n"
        "sys.argv = ['eloquence', 'explain', 'api.token']\n"
        "try: main()\n"
        "finally: print(len(begun), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", watched], check=True, capture_output=True, timeout=60
    )
    assert done.stderr == b"0\n"
    assert b"api.token" in done.stdout


@pytest.mark.usefixtures("uncollected")
def test_what_may_run_for_hours_collects_its_garbage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.log").write_text("flutter: hello\n")
    assert tail(tailing.Request(app_log="app.log", follow=False), {}) == 0
    assert gc.isenabled()


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize(("wait_s", "collects"), [(None, False), (0.1, True)])
def test_waiting_until_healthy_may_take_hours_too(
    wait_s: float | None, collects: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    request = Request(command="doctor", url="http://127.0.0.1:1", timeout_s=0.5, wait_s=wait_s)
    assert examine_and_report(request, {}) == 1
    assert gc.isenabled() is collects


def test_at_the_end_everybody_elses_work_is_done_and_nothing_is_lost() -> None:
    """The process ends itself, before Python takes the modules apart."""
    ended = (
        "import sys, atexit; from eloquence_ops.cli import main\n"
        "class Module:\n"
        "    def __del__(self): print('taken apart', flush=True)\n"
        "left = Module(); sys.argv = ['eloquence', 'explain', 'no-such-thing']\n"
        "def late(): atexit.register(print, 'tidied up')\n"
        "import eloquence_ops.cli.explaining as explaining; explain = explaining.explain\n"
        "explaining.explain = lambda *words: (late(), explain(*words))[1]\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", ended], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert done.stdout.endswith("tidied up\n")
