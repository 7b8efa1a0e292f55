"""The recorded scenarios, live: real namespaces, firewalls, nginx and LiveKit."""

from __future__ import annotations

from pathlib import Path

import pytest

from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.run.examine import examine
from eloquence_ops.run.recording import read
from tests.network.scenarios import RECORDINGS, SCENARIOS
from tests.real import require_namespaces

pytestmark = pytest.mark.real


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_live_run_comes_to_what_its_recording_says(name: str, tmp_path: Path) -> None:
    if not name.startswith("real-stack"):
        require_namespaces()
    record = tmp_path / "run.json"
    code = SCENARIOS[name](record)
    live = examine(read(record), catalogue())
    kept = examine(read(RECORDINGS / f"{name}.json"), catalogue())
    assert [cause.cause.id for cause in live.diagnosis.causes] == [
        cause.cause.id for cause in kept.diagnosis.causes
    ]
    assert live.verdict == kept.verdict
    assert code == kept.exit_code(strict=False)
