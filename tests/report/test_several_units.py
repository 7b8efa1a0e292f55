"""A cause that names a unit is told for each unit: a command that enables one leaves the other."""

from __future__ import annotations

from pathlib import Path

from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.observations import AnyObservation, UnitState
from eloquence_ops.report.account import Storyteller
from eloquence_ops.run.examine import examine
from eloquence_ops.run.recording import read

RECORDED = Path(__file__).resolve().parents[1] / "recordings" / "host-unit-not-enabled.json"


def neither_enabled(entry: AnyObservation) -> AnyObservation:
    if isinstance(entry, UnitState) and entry.name == "livekit.service":
        return entry.model_copy(update={"unit_file_state": "disabled"})
    return entry


def test_two_units_that_are_not_enabled_are_each_named_and_enabled() -> None:
    recording = read(RECORDED)
    changed = tuple(map(neither_enabled, recording.observations))
    result = examine(recording.model_copy(update={"observations": changed}), catalogue())
    story = Storyteller(result, catalogue(), "en")
    told = story.causes()
    assert [cause.remedies[0].run for cause in told] == [
        "sudo systemctl enable --now eloquence-api.service",
        "sudo systemctl enable --now livekit.service",
    ]
    assert "eloquence-api.service does not start" in story.headline()
    assert "livekit.service does not start" in story.headline()
