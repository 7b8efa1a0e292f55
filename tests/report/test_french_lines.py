"""What people read in French: no line begins with a mark, and commands are what they are."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.catalogue.search import Found, FoundFinding, causes_of
from eloquence_ops.catalogue.template import outline
from eloquence_ops.language import Language
from eloquence_ops.report import short
from eloquence_ops.report.account import Storyteller
from eloquence_ops.report.console import Screen
from eloquence_ops.report.explanation import Explanation
from eloquence_ops.report.prose import Prose
from eloquence_ops.run.examine import examine
from eloquence_ops.run.recording import read

RUNBOOK = catalogue()
RECORDINGS = sorted((Path(__file__).resolve().parent.parent / "recordings").glob("*.json"))
FINDINGS = [
    FoundFinding(check, name, outcome, causes_of(f"{check.id}.{name}", RUNBOOK))
    for check in RUNBOOK.checks.values()
    for name, outcome in check.outcomes.items()
]
ENTRIES: list[Found] = [
    *RUNBOOK.causes.values(),
    *RUNBOOK.checks.values(),
    *FINDINGS,
    *RUNBOOK.symptoms,
]
# A warning's mark in front of what it is about is no end of a sentence.
TORN = re.compile(r"^\s*[;:?»](?!=)|^\s*!(?!=| \S)|«\s*$", re.MULTILINE)


def explained(entry: Found, language: Language, width: int = 80) -> str:
    page = io.StringIO()
    Explanation(Console(width=width, file=page), RUNBOOK, language).show(entry)
    return page.getvalue()


def story_of(recording: Path, language: Language) -> Storyteller:
    return Storyteller(examine(read(recording), RUNBOOK), RUNBOOK, language)


@pytest.mark.parametrize("width", [50, 80, 100])
def test_no_line_of_the_runbook_is_torn_from_its_mark(width: int) -> None:
    pages = [explained(entry, "fr", width) for entry in ENTRIES]
    assert [found for page in pages for found in TORN.findall(page)] == []


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda path: path.stem)
def test_no_line_of_a_report_is_torn_from_its_mark(recording: Path) -> None:
    story = story_of(recording, "fr")
    for width in range(60, 90):
        page = io.StringIO()
        Screen(Console(width=width, file=page), story).show()
        assert TORN.findall(page.getvalue()) == []
    assert not re.search(r" [;:!?»]|« ", short.render(story))


@pytest.mark.parametrize("cause", RUNBOOK.causes.values(), ids=RUNBOOK.causes)
def test_commands_are_shown_as_they_are_written(cause: Found) -> None:
    lines = explained(cause, "fr", width=50).splitlines()
    remedies = getattr(cause, "remedies")  # noqa: B009  # ids= hides the type
    commands = [remedy.run for remedy in remedies]
    assert all(
        f"     {outline(line, 'fr')}" in lines for run in commands for line in run.splitlines()
    )


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda path: path.stem)
def test_commands_are_the_same_in_both_languages(recording: Path) -> None:
    told = {
        language: [
            (step.run, cause.verify)
            for cause in story_of(recording, language).each_cause()
            for step in (*cause.remedies, cause.settle)
        ]
        for language in ("en", "fr")
    }
    assert told["fr"] == told["en"]


def lines_of(text: Prose | Text, width: int) -> list[str]:
    page = io.StringIO()
    grid = Table.grid()
    grid.add_row(text)
    Console(width=width, file=page).print(Padding(grid, 0))
    return [line.rstrip() for line in page.getvalue().splitlines()]


def test_prose_breaks_at_plain_spaces_only() -> None:
    words = "les mots\u202f; «\u00a0deux\u00a0» fin"
    assert lines_of(Prose(words), 8) == ["les", "mots\u202f;", "«\u00a0deux\u00a0»", "fin"]
    # Otherwise rich would.
    assert "; «\u00a0deux" in lines_of(Text(words), 8)


def test_prose_keeps_its_styles() -> None:
    said = Text.assemble("un ", ("mot\u202f;", "bold"))
    (line,) = Prose(said).lines(Console(), 20)
    assert (line.plain, line.spans) == (said.plain, said.spans)
