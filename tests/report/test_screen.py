"""The screen: what could not be told has its place too."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.language import Language
from eloquence_ops.observations.server_reach import ServerReach
from eloquence_ops.report.account import Storyteller
from eloquence_ops.report.console import Screen
from eloquence_ops.run.examine import examine
from eloquence_ops.run.recording import Recording, read
from tests.sentences import typed

RECORDINGS = Path(__file__).resolve().parent.parent / "recordings"
SERVER = "ubuntu@51.159.110.4"
SAID = ("The server did not answer.", "Le serveur n'a pas répondu.")


def shown(recording: Recording, language: Language) -> str:
    page = io.StringIO()
    story = Storyteller(examine(recording, catalogue()), catalogue(), language)
    Screen(Console(width=80, file=page), story).show()
    return typed(page.getvalue())


def unreached(name: str, *, alone: bool) -> Recording:
    """A recording whose server could not be looked at; `alone`: nothing else was examined."""
    recording = read(RECORDINGS / f"{name}.json")
    target = recording.target.model_copy(
        update={"values": {**recording.target.values, "server": SERVER}}
    )
    areas = ("server",) if alone else (*recording.options.areas, "server")
    reach = ServerReach(
        at_s=0.0, duration_s=0.1, way="ssh", host="51.159.110.4", outcome="failed", said=SAID
    )
    return recording.model_copy(
        update={
            "target": target,
            "options": recording.options.model_copy(update={"areas": areas}),
            "observations": (reach,) if alone else (*recording.observations, reach),
        }
    )


@pytest.mark.parametrize(
    ("language", "head", "vantage"), [("en", "UNKNOWN", "server"), ("fr", "INCONNU", "serveur")]
)
def test_what_could_not_be_told_beside_a_problem_says_of_what(
    language: Language, head: str, vantage: str
) -> None:
    page = shown(unreached("real-stack-livekit-down", alone=False), language)
    block = page[page.index(f"{head}\n") :].splitlines()
    assert block[1].startswith(f"  {vantage:<9}{SERVER}")
    assert SAID[language == "fr"] in "".join(block[1:3])


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_only_thing_that_could_not_be_told_is_said_once(language: Language) -> None:
    page = " ".join(shown(unreached("real-stack-livekit-down", alone=True), language).split())
    assert page.count(SAID[language == "fr"]) == 1
    assert SERVER in page


def test_a_sentence_within_a_sentence_ends_once() -> None:
    page = shown(unreached("real-stack-livekit-down", alone=True), "fr")
    assert "n'a pas répondu." in page
    assert ".." not in page
