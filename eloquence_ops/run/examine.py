"""From a recording to its verdict. Pure: the same for a run just made and for a replay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from eloquence_ops.catalogue.model import Catalogue
from eloquence_ops.checks.engine import judge_all
from eloquence_ops.checks.seen import Seen
from eloquence_ops.diagnosis import Diagnosis, diagnose
from eloquence_ops.findings import Finding, Status
from eloquence_ops.run.recording import Recording

_OPEN: Final = frozenset({Status.UNKNOWN, Status.MASKED})
VerdictWord = Literal["healthy", "degraded", "broken", "undetermined"]


@dataclass(frozen=True)
class Result:
    """What a run came to."""

    recording: Recording
    seen: Seen
    findings: tuple[Finding, ...]
    diagnosis: Diagnosis
    verdict: VerdictWord

    @property
    def problems(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.status.is_problem)

    def exit_code(self, *, strict: bool) -> int:
        """0 healthy, 1 a problem, 3 undetermined; 130 when it was interrupted."""
        if self.recording.interrupted:
            return 130
        match self.verdict:
            case "broken":
                return 1
            case "undetermined":
                return 3
            case "degraded" if strict:
                return 1
            case _:
                return 0


def examine(recording: Recording, catalogue: Catalogue) -> Result:
    """Judges and explains. Raises `RecordingError` for a recording whose target is not valid."""
    seen = recording.seen()
    findings = judge_all(seen, catalogue)
    diagnosis = diagnose(findings, catalogue.causes)
    verdict = verdict_of(findings, catalogue, seen.asked.named)
    return Result(recording, seen, findings, diagnosis, verdict)


def verdict_of(
    findings: tuple[Finding, ...], catalogue: Catalogue, named: frozenset[str] = frozenset()
) -> VerdictWord:
    """`unknown` is never a pass: an essential check that could not tell leaves the run open.

    So does one that was masked without a failure, by another's `unknown`, and an area that was
    asked for by name and of which nothing could be judged.
    """
    statuses = {finding.status for finding in findings}
    if Status.FAIL in statuses:
        return "broken"
    open_end = any(
        finding.status is Status.ERROR
        or (finding.status in _OPEN and catalogue.checks[finding.check].essential)
        for finding in findings
    )
    judged = {finding.area for finding in findings if finding.status.was_judged}
    if open_end or not judged - {"machine"} or named - judged:
        return "undetermined"
    return "degraded" if Status.WARN in statuses else "healthy"
