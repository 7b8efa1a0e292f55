"""Where a cause's links meet the findings of a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from eloquence_ops.catalogue.model import Cause, Link, Scope
from eloquence_ops.findings import Finding

WHOLE_RUN = ""
FindingKey = tuple[str, str, str]


@dataclass(frozen=True)
class Instance:
    """A cause about one subject: what it would explain, what confirms and what contradicts it."""

    cause: Cause
    subject: str
    explains: tuple[Finding, ...]
    confirmed_by: tuple[Finding, ...]
    contradicted_by: tuple[Finding, ...]

    @property
    def name(self) -> tuple[str, str]:
        return (self.cause.id, self.subject)


def host_of(subject: str) -> str:
    """The host of an endpoint's subject; any other subject is its own host."""
    if "://" not in subject:
        return subject
    return urlsplit(subject).hostname or subject


def subject_of(finding: Finding, scope: Scope) -> str:
    match scope:
        case "endpoint":
            return finding.subject.name
        case "host":
            return host_of(finding.subject.name)
        case "run":
            return WHOLE_RUN


def instances(causes: Mapping[str, Cause], findings: Iterable[Finding]) -> Iterator[Instance]:
    """Every cause with every subject of which it would explain a problem.

    What it only explains by looking like another cause brings it up nowhere.
    """
    judged: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        if finding.status.was_judged:
            judged.setdefault((finding.id, finding.vantage), []).append(finding)

    def met_by(links: tuple[Link, ...], subject: str, scope: Scope) -> tuple[Finding, ...]:
        met = {
            finding.key: finding
            for link in links
            for finding in judged.get((link.finding, link.vantage), ())
            if _meets(link, finding, subject, scope)
        }
        return tuple(met[key] for key in sorted(met))

    for cause in causes.values():
        subjects = {
            subject_of(finding, cause.scope)
            for link in cause.explains
            for finding in judged.get((link.finding, link.vantage), ())
            if finding.status.is_problem
        }
        for subject in sorted(subjects):
            confirmed = met_by(cause.confirmed_by, subject, cause.scope)
            further = cause.explains_if_confirmed if confirmed else ()
            links = (*explained_by(cause, causes), *further)
            explained = met_by(links, subject, cause.scope)
            yield Instance(
                cause,
                subject,
                tuple(finding for finding in explained if finding.status.is_problem),
                confirmed,
                met_by(cause.contradicted_by, subject, cause.scope),
            )


def meeting(
    links: Iterable[Link], findings: Iterable[Finding], subject: str, scope: Scope
) -> list[Finding]:
    """The findings that links of a cause about `subject` meet."""
    return [
        finding
        for finding in findings
        if any(
            (link.finding, link.vantage) == (finding.id, finding.vantage)
            and _meets(link, finding, subject, scope)
            for link in links
        )
    ]


def explained_by(cause: Cause, causes: Mapping[str, Cause]) -> tuple[Link, ...]:
    """Its own links, and those of the causes that it looks like."""
    others = (causes[other].explains for other in cause.looks_like if other in causes)
    return tuple(dict.fromkeys((*cause.explains, *(link for links in others for link in links))))


def _meets(link: Link, finding: Finding, subject: str, scope: Scope) -> bool:
    if link.on == "any" or scope == "run":
        return True
    if link.on == "host":
        return host_of(finding.subject.name) == host_of(subject)
    return subject_of(finding, scope) == subject
