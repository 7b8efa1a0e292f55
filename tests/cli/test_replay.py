"""A recording tells the same story anywhere, in either language, and beside another one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import Ended, holding, run, way_to
from tests.cli.labs import broken

FAULTS = {
    "healthy": (),
    "legacy": ("api-legacy-deployed",),
    "tie": ("proxy-wrong-upstream",),
    "two": ("api-key-rejected", "livekit-not-running"),
}
# What a person reads; everything else of the JSON is the same in both languages.
TEXTS = {"headline", "summary", "title", "why", "next_probe", "say", "changes"}


@dataclass(frozen=True)
class Recorded:
    """A run: its folder has `run.json` (the recording) and `report.json`."""

    folder: Path
    done: Ended

    def replay(self, *words: str) -> Ended:
        return run("replay", "run.json", *words, cwd=self.folder)

    @property
    def report(self) -> bytes:
        return (self.folder / "report.json").read_bytes()


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Recorded]:
    """The labs are gone when the recordings are read."""
    recorded = {}
    for name, faults in FAULTS.items():
        folder = tmp_path_factory.mktemp(name)
        outputs = ("--record", "run.json", "--output", "json=report.json", "--output", "console")
        with broken(*faults) as system:
            words = ("doctor", *way_to(system), "-v", *outputs)
            recorded[name] = Recorded(folder, run(*words, cwd=folder, environ=holding(system)))
    return recorded


@pytest.fixture(params=FAULTS)
def recorded(request: pytest.FixtureRequest, runs: dict[str, Recorded]) -> Recorded:
    return runs[request.param]


def test_the_runs_were_what_they_should_be(runs: dict[str, Recorded]) -> None:
    assert {name: entry.done.code for name, entry in runs.items()} == {
        "healthy": 0,
        "legacy": 1,
        "tie": 1,
        "two": 1,
    }


def test_the_json_of_a_replay_is_the_json_of_the_run_byte_for_byte(recorded: Recorded) -> None:
    again = recorded.replay("--output", "json")
    assert again.out == recorded.report
    assert again.code == recorded.done.code
    assert again.err == b""


def test_so_is_the_screen(recorded: Recorded) -> None:
    assert recorded.replay("-v").out == recorded.done.out


def test_a_replay_leaves_the_recording_as_it_was(recorded: Recorded) -> None:
    before = (recorded.folder / "run.json").read_bytes()
    recorded.replay()
    assert (recorded.folder / "run.json").read_bytes() == before


def different(one: Any, other: Any, key: str = "") -> Iterator[str]:
    """The keys at which two documents differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        if list(one) != list(other):
            yield key
        for name in one.keys() & other.keys():
            yield from different(one[name], other[name], name)
    elif isinstance(one, list) and isinstance(other, list):
        if len(one) != len(other):
            yield key
        for mine, theirs in zip(one, other, strict=False):
            yield from different(mine, theirs, key)
    elif one != other:
        yield key


def test_in_the_other_language_only_the_texts_differ(recorded: Recorded) -> None:
    english = json.loads(recorded.report)
    french = json.loads(recorded.replay("--output", "json", "--lang", "fr").out)
    changed = set(different(english, french))
    assert changed <= TEXTS
    assert {"headline", "summary"} <= changed


def test_a_french_run_reads_in_english_too(runs: dict[str, Recorded], tmp_path: Path) -> None:
    outputs = ("--record", "run.json", "--output", "json=report.json", "--output", "console")
    with broken("api-legacy-deployed") as system:
        words = ("doctor", *way_to(system), "--lang", "fr", *outputs)
        done = run(*words, cwd=tmp_path, environ=holding(system))
    assert done.text.startswith("EN PANNE ")
    assert "À FAIRE" in done.text
    french = run("replay", "run.json", "--output", "json", "--lang", "fr", cwd=tmp_path)
    assert french.out == (tmp_path / "report.json").read_bytes()
    english = run("replay", "run.json", cwd=tmp_path)
    assert english.text.startswith("BROKEN ")
    expected = runs["legacy"].replay()
    assert english.text.splitlines()[0] == expected.text.splitlines()[0]


def test_the_verdicts_words_are_in_the_readers_language(runs: dict[str, Recorded]) -> None:
    told = runs["healthy"].replay("--lang", "fr", "--output", "short").text
    assert told.startswith("SAIN ")


# Beside a baseline


def test_beside_itself_nothing_has_changed(recorded: Recorded) -> None:
    done = recorded.replay("--baseline", "run.json")
    assert "nothing changed since " in done.text
    french = recorded.replay("--baseline", "run.json", "--lang", "fr")
    assert "rien n'a changé depuis " in french.text
    assert done.code == french.code == recorded.done.code


def test_beside_a_healthy_one_it_names_what_changed(runs: dict[str, Recorded]) -> None:
    healthy = str(runs["healthy"].folder / "run.json")
    done = runs["legacy"].replay("--baseline", healthy)
    head, _, changes = done.text.partition("CHANGED SINCE ")
    assert "BROKEN" in head
    assert "api.sessions-route" in changes
    assert "→" in changes
    # What was hidden by it is not called gone.
    assert "livekit.health" not in changes


def test_the_way_back_is_told_too(runs: dict[str, Recorded]) -> None:
    broken_one = str(runs["legacy"].folder / "run.json")
    done = runs["healthy"].replay("--baseline", broken_one)
    assert done.code == 0
    assert "api.sessions-route" in done.text.partition("CHANGED SINCE ")[2]


def test_a_run_of_now_can_be_held_beside_a_recording(tmp_path: Path) -> None:
    with broken() as system:
        words = ("doctor", *way_to(system))
        environ = holding(system)
        run(*words, "--record", "healthy.json", cwd=tmp_path, environ=environ)
        done = run(*words, "--baseline", "healthy.json", cwd=tmp_path, environ=environ)
    assert done.code == 0
    assert "nothing changed since " in done.text


def test_a_recording_holds_nothing_of_the_machine_it_was_made_on(recorded: Recorded) -> None:
    values = json.loads((recorded.folder / "run.json").read_bytes())["target"]["values"]
    assert set(values) == {"api", "livekit", "resolver", "connect_to"}
