"""What every observation has."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from eloquence_ops.findings import Vantage


class Record(BaseModel):
    """An immutable piece of a recording. Unknown fields are refused: the file is a contract.

    What validates a class is built when one is made first: a run makes a few of some hundred.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Observation(Record):
    """One measurement. `at_s` counts from the start of the run, both times are seconds."""

    vantage: Vantage = Vantage.HERE
    at_s: float = 0.0
    duration_s: float = 0.0
