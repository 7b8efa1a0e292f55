"""`--baseline`: what is different from a recording of the system when it was healthy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from eloquence_ops.findings import Finding

if TYPE_CHECKING:
    from eloquence_ops.report.account import Storyteller
    from eloquence_ops.run.examine import Result

# Evidence that differs from run to run and says nothing.
_VOLATILE: Final = frozenset(
    {"milliseconds", "stages", "seconds", "days_left", "session_id", "families", "signs"}
)


@dataclass(frozen=True)
class Change:
    """One check on one subject: how it was and how it is; None where it was not judged."""

    before: Finding | None
    now: Finding | None

    @property
    def check(self) -> str:
        present = self.now or self.before
        return present.check if present else ""

    def told(self, story: Storyteller) -> str:
        present = self.now or self.before
        if present is None:
            return ""
        where = f"{present.check} {story.subject(present.subject)}"
        return story.say("report.change", where=where, what=self._what(story))

    def _what(self, story: Storyteller) -> str:
        if self.before is None and self.now is not None:
            return story.say("report.new", what=story.summary(self.now))
        if self.now is None and self.before is not None:
            return f"{story.summary(self.before)} → {story.say('report.gone')}"
        return f"{story.summary(self.before)} → {story.summary(self.now)}"  # type: ignore[arg-type]


@dataclass(frozen=True)
class Comparison:
    """A run beside the baseline it was compared with."""

    baseline: Result
    changes: tuple[Change, ...]


def compare(baseline: Result, now: Result) -> Comparison:
    return Comparison(baseline, changes(baseline, now))


def changes(baseline: Result, now: Result) -> tuple[Change, ...]:
    """What was judged differently, in the order of the run; new and vanished subjects last."""
    before = {_place(finding): finding for finding in _judged(baseline)}
    after = {_place(finding): finding for finding in _judged(now)}
    different = [
        Change(before[place], finding)
        for place, finding in after.items()
        if place in before and _stable(before[place]) != _stable(finding)
    ]
    added = [Change(None, finding) for place, finding in after.items() if place not in before]
    masked = {(f.check, str(f.subject)) for f in now.findings if not f.status.was_judged}
    lost = [
        Change(finding, None)
        for place, finding in before.items()
        if place not in after and place[:2] not in masked
    ]
    return (*different, *added, *lost)


def _judged(result: Result) -> list[Finding]:
    return [finding for finding in result.findings if finding.status.was_judged]


def _place(finding: Finding) -> tuple[str, str, str]:
    return (finding.check, str(finding.subject), finding.vantage)


def _stable(finding: Finding) -> tuple[str, tuple[tuple[str, object], ...]]:
    kept = {name: value for name, value in finding.evidence.items() if name not in _VOLATILE}
    return finding.outcome, tuple(sorted(kept.items()))
