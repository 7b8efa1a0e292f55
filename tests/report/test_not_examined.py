"""Healthy as far as it was looked at: what was not examined is said in the same breath."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.language import Language
from eloquence_ops.report import json as as_json
from eloquence_ops.report import short
from eloquence_ops.report.account import Storyteller
from eloquence_ops.report.console import Screen
from eloquence_ops.run.examine import examine
from eloquence_ops.run.recording import Recording, read
from tests.report.test_screen import unreached
from tests.sentences import typed

RECORDINGS = Path(__file__).resolve().parent.parent / "recordings"
HEALTHY = read(RECORDINGS / "real-stack-healthy.json")
SAID: dict[Language, tuple[str, str]] = {
    "en": ("Nothing wrong seen from here (DNS, TLS, API, LiveKit).", "Not examined: "),
    "fr": ("Rien d'anormal vu d'ici (DNS, TLS, API, LiveKit).", "Non examiné : "),
}
SERVER: dict[Language, str] = {"en": "server", "fr": "serveur"}


def story(recording: Recording, language: Language) -> Storyteller:
    return Storyteller(examine(recording, catalogue()), catalogue(), language)


def on_screen(told: Storyteller) -> str:
    page = io.StringIO()
    Screen(Console(width=80, file=page), told).show()
    return " ".join(typed(page.getvalue()).split())


@pytest.mark.parametrize("language", ["en", "fr"])
def test_healthy_from_here_says_that_the_server_was_not_examined(language: Language) -> None:
    told = story(HEALTHY, language)
    assert told.result.verdict == "healthy"
    healthy, not_examined = SAID[language]
    headline = typed(told.headline())
    assert headline.startswith(f"{healthy} {not_examined}")
    assert SERVER[language] in headline.partition(not_examined)[2]
    assert headline in on_screen(told)
    assert headline in typed(short.render(told))
    assert typed(as_json.document(told)["headline"]) == headline


def test_a_server_that_was_named_and_not_reached_leaves_a_healthy_run_undetermined() -> None:
    told = story(unreached("real-stack-healthy", alone=False), "en")
    assert told.result.verdict == "undetermined"
    assert "server did not answer" in typed(told.headline())


def test_what_was_examined_is_not_said_to_be_left_out() -> None:
    told = story(read(RECORDINGS / "host-app-legacy-endpoints.json"), "en")
    assert "server" not in told.not_examined()
    assert "server" in story(HEALTHY, "en").not_examined()
