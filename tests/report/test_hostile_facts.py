"""Facts that are of the right shape and hold anything: judged and shown all the same."""

from __future__ import annotations

import io
import json
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import TypeAdapter, ValidationError
from rich.console import Console

from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.findings import Status
from eloquence_ops.observations import AnyObservation
from eloquence_ops.report import json as json_report
from eloquence_ops.report.account import Storyteller
from eloquence_ops.report.console import Screen
from eloquence_ops.run import recording
from eloquence_ops.run.examine import examine

RECORDING = Path(__file__).parents[1] / "recordings" / "host-server-out-of-memory.json"
ONE: Final[TypeAdapter[AnyObservation]] = TypeAdapter(AnyObservation)
# What a server may say in the place of anything else.
_ODD: Final[tuple[Any, ...]] = (
    *(None, "", "x" * 600, "0", [], (), {}, True, False),
    *(0, 1, -1, 2**62, -(2**62), 0.0, -1e18, 1e18),
    *(datetime.min.replace(tzinfo=UTC).isoformat(), datetime.max.replace(tzinfo=UTC).isoformat()),
    *("1970-01-01T00:00:00Z", "/", "\\", "{0} {unit}", "oom-kill", "[::]", "127.0.0.1:0"),
)
_OURS: Final = frozenset({"kind", "vantage", "at_s", "duration_s"})


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where anything is that a server says."""
    found = [path] if path else []
    if isinstance(value, dict):
        for name, inner in value.items():
            found += [] if name in _OURS and not path else leaves(inner, (*path, name))
    if isinstance(value, list):
        for place, inner in enumerate(value[:4]):
            found += leaves(inner, (*path, place))
    return found


def bent(observation: AnyObservation, dice: random.Random) -> AnyObservation:
    """The same with some of it replaced, where the type allows."""
    for _ in range(8):
        plain = json.loads(observation.model_dump_json())
        path = dice.choice(leaves(plain))
        holder = plain
        for step in path[:-1]:
            holder = holder[step]
        holder[path[-1]] = dice.choice(_ODD)
        try:
            observation = ONE.validate_json(json.dumps(plain))
        except ValidationError:
            continue
    return observation


@pytest.mark.parametrize("seed", range(24))
def test_no_judgement_and_no_report_breaks(seed: int) -> None:
    dice = random.Random(seed)
    real = recording.read(RECORDING)
    observations = tuple(
        bent(entry, dice) if entry.kind.startswith("server.") and dice.random() < 0.6 else entry
        for entry in real.observations
        if dice.random() < 0.95
    )
    result = examine(real.model_copy(update={"observations": observations}), catalogue())
    broken = {f.id: f.evidence for f in result.findings if f.status is Status.ERROR}
    assert broken == {}
    story = Storyteller(result, catalogue(), "fr" if seed % 2 else "en")
    json_report.render(story)
    Screen(Console(file=io.StringIO(), width=80), story, verbose=True).show()
