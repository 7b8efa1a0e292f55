"""Whether a diagnosis is the right one for the faults that were made. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from eloquence_ops.catalogue.model import Catalogue
from eloquence_ops.catalogue.reader import catalogue as own_catalogue
from eloquence_ops.diagnosis.links import explained_by, host_of
from eloquence_ops.findings import Finding, Status
from eloquence_ops.lab.faults import Fault
from eloquence_ops.run.examine import Result, examine
from eloquence_ops.run.recording import Recording

How = Literal["named", "tied", "masked", "missed"]


@dataclass(frozen=True)
class Told:
    """How a fault came out: named; among the stated alternatives; hidden behind another one."""

    how: How

    @property
    def right(self) -> bool:
        return self.how != "missed"


@dataclass(frozen=True)
class Judgement:
    """Each fault by its id; causes named without a fault; problems that nothing explained."""

    told: dict[str, Told]
    unexpected: tuple[str, ...]
    unexplained: tuple[str, ...]

    @property
    def right(self) -> bool:
        missed = not all(told.right for told in self.told.values())
        return not (missed or self.unexpected or self.unexplained)


def judge(recording: Recording, faults: Iterable[Fault]) -> Judgement:
    """Whether doctor's diagnosis is the right one, no more and no less."""
    made = tuple(faults)
    result = examine(recording, own_catalogue())
    return Judgement(
        told={
            fault.id: Told(how(fault, result, own_catalogue(), others=_but(fault, made)))
            for fault in made
        },
        unexpected=tuple(sorted(unexpected(made, result))),
        unexplained=tuple(finding.id for finding in result.diagnosis.unexplained),
    )


def _but(fault: Fault, made: tuple[Fault, ...]) -> tuple[Fault, ...]:
    return tuple(other for other in made if other.id != fault.id)


def how(fault: Fault, result: Result, catalogue: Catalogue, *, others: Iterable[Fault] = ()) -> How:
    """`others` are the faults that were made together with it, and alone may hide it."""
    chosen = {cause.cause.id for cause in result.diagnosis.causes}
    if fault.shows in chosen:
        return "named"
    stated = {other.cause.id for cause in result.diagnosis.causes for other in cause.alternatives}
    if fault.shows in stated and chosen & set(fault.ties):
        return "tied"
    return "masked" if _is_masked(fault, others, result, catalogue) else "missed"


def _is_masked(fault: Fault, others: Iterable[Fault], result: Result, catalogue: Catalogue) -> bool:
    """Whether a check that would show the fault was hidden, by whatever steps, by what one of the
    others fails, or by what could not be told on a host where it fails something."""
    checks = _shown_in(fault.shows, catalogue)
    hidden_by = {
        root
        for finding in result.findings
        if finding.check in checks and finding.status is Status.MASKED
        for root in finding.masked_by
    }
    # Their own causes may be hidden too; what they fail is theirs all the same.
    causes = {cause for other in others for cause in (other.shows, *other.ties, *other.brings)}
    theirs = frozenset().union(*(_shown_in(cause, catalogue) for cause in causes))
    failed = [found for found in result.findings if found.check in theirs and _fails(found)]
    hosts = {host_of(found.subject.name) for found in failed}
    untold = [
        found
        for found in result.findings
        if found.status is Status.UNKNOWN and host_of(found.subject.name) in hosts
    ]
    return any(found.id in hidden_by for found in (*failed, *untold))


def _fails(finding: Finding) -> bool:
    """A warning masks nothing."""
    return finding.status is Status.FAIL


def _shown_in(cause_id: str, catalogue: Catalogue) -> frozenset[str]:
    """The checks in which a cause shows itself."""
    cause = catalogue.causes[cause_id]
    links = (*explained_by(cause, catalogue.causes), *cause.explains_if_confirmed)
    return frozenset(link.finding.rpartition(".")[0] for link in links)


def unexpected(faults: Iterable[Fault], result: Result) -> set[str]:
    """Causes that were chosen without a fault that shows them or is tied with them."""
    allowed = {cause for fault in faults for cause in (fault.shows, *fault.ties, *fault.brings)}
    return {cause.cause.id for cause in result.diagnosis.causes} - allowed
