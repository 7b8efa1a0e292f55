"""The lines of a deploy where there is no terminal."""

from __future__ import annotations

import pytest

from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.cli.deploy_screen import Progress
from eloquence_ops.deploy.choices import Choices
from eloquence_ops.deploy.story import Teller
from eloquence_ops.settings import Target


def step(name: str, state: str, at: float) -> dict[str, object]:
    return {"event": "step", "step": name, "state": state, "at": at}


def test_a_step_that_had_nothing_to_do_is_not_said_to_be_done(
    capsys: pytest.CaptureFixture[str],
) -> None:
    progress = Progress(Teller(Target("p"), Choices(), "ubuntu@server", "en", catalogue(), False))
    progress.event(step("units", "begun", 1.0))
    progress.event(step("units", "done", 1.1))
    progress.event(step("open-port", "begun", 1.1))
    progress.event(step("open-port", "skipped", 1.1))
    progress.event(step("restart", "begun", 1.1))
    progress.event(step("restart", "failed", 1.3))
    said = capsys.readouterr().err
    assert [line.split()[:2] for line in said.splitlines()] == [
        ["·", "[units]"],
        ["·", "[restart]"],
        ["✗", "[restart]"],
    ]
