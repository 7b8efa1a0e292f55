"""Chooses the causes.

1. What the evidence contradicts is ruled out.
2. What is confirmed is present: only it produces that evidence.
3. Of the problems that are left, every minimum cover is found; of those, the one is taken in which
   no cause stands before another that it only looks like, then the one with the more specific
   causes, then the one with the higher prior, then by id.
4. Whatever could stand in the place of a chosen, unconfirmed cause is its alternative, also one
   that would have to be there for several subjects: a firewall drops two ports as easily as one.
5. So is what only looks like it, as long as nobody has looked from where it would show.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial

from eloquence_ops.catalogue.model import Cause
from eloquence_ops.diagnosis.cover import components, minimum_covers
from eloquence_ops.diagnosis.links import FindingKey, Instance, instances
from eloquence_ops.diagnosis.lookalikes import lookalikes
from eloquence_ops.diagnosis.model import Alternative, Chosen, Confidence, Diagnosis, RuledOut
from eloquence_ops.findings import Finding, Status

Name = tuple[str, str]


def diagnose(findings: Iterable[Finding], causes: Mapping[str, Cause]) -> Diagnosis:
    """The diagnosis of one run. The order of `findings` changes only the order of equals."""
    everything = tuple(findings)
    problems = {entry.key: entry for entry in everything if entry.status.is_problem}
    masked = sum(entry.status is Status.MASKED for entry in everything)
    if not problems:
        return Diagnosis(causes=(), ruled_out=(), unexplained=(), masked=masked)
    found = list(instances(causes, everything))
    possible = {entry.name: entry for entry in found if not entry.contradicted_by}
    present = {name: entry for name, entry in possible.items() if entry.confirmed_by}

    explained = {finding.key for entry in present.values() for finding in entry.explains}
    open_sets = {
        name: keys
        for name, entry in possible.items()
        if name not in present
        and (keys := frozenset(finding.key for finding in entry.explains) - explained)
    }
    chosen: list[tuple[Instance, tuple[Instance, ...]]] = [
        (entry, ()) for entry in present.values()
    ]
    for universe, sets in components(open_sets):
        rivals = frozenset(cause_id for cause_id, _ in sets)
        order = partial(_order, possible=possible, rivals=rivals)
        cover = min(minimum_covers(universe, sets), key=order)
        chosen += [
            (possible[name], _alternatives(name, cover, universe, sets, possible)) for name in cover
        ]

    coverable = explained.union(*open_sets.values())
    position = {finding.key: place for place, finding in enumerate(sorted_by_key(everything))}
    rank = {entry.key: place for place, entry in enumerate(everything)}
    return Diagnosis(
        causes=tuple(
            _chosen(entry, alternatives, everything, causes)
            for entry, alternatives in sorted(
                chosen, key=lambda pair: (min(rank[f.key] for f in pair[0].explains), pair[0].name)
            )
        ),
        ruled_out=_ruled_out(found, possible),
        unexplained=tuple(
            problems[key]
            for key in sorted(problems, key=position.__getitem__)
            if key not in coverable
        ),
        masked=masked,
    )


def sorted_by_key(findings: Iterable[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda finding: finding.key)


def _order(
    names: frozenset[Name], possible: Mapping[Name, Instance], rivals: frozenset[str]
) -> tuple[int, int, int, tuple[Name, ...]]:
    """Smaller is better: fewer things that the causes could explain at all is more specific.

    `rivals` are the ids of all that could explain some of the same problems.
    """
    causes = [possible[name].cause for name in names]
    return (
        sum(not rivals.isdisjoint(cause.looks_like) for cause in causes),
        sum(len(cause.explains) for cause in causes),
        -sum(cause.prior for cause in causes),
        tuple(sorted(names)),
    )


def _alternatives(
    name: Name,
    cover: frozenset[Name],
    universe: frozenset[FindingKey],
    sets: Mapping[Name, frozenset[FindingKey]],
    possible: Mapping[Name, Instance],
) -> tuple[Instance, ...]:
    """Every cause that could stand in the place of `name` while the cover stays whole."""
    covered = frozenset().union(*(sets[other] for other in cover if other != name))
    must_cover = universe - covered
    by_cause: dict[str, list[Name]] = {}
    for other in sorted(sets):
        if other not in cover and must_cover & sets[other]:
            by_cause.setdefault(other[0], []).append(other)
    found: list[Instance] = []
    for names in by_cause.values():
        alone = [other for other in names if must_cover <= sets[other]]
        if alone:
            found += (possible[other] for other in alone)
        elif must_cover <= frozenset().union(*(sets[other] for other in names)):
            subjects = ", ".join(subject for _, subject in names)
            found.append(replace(possible[names[0]], subject=subjects))
    return tuple(found)


def _chosen(
    entry: Instance,
    others: tuple[Instance, ...],
    findings: tuple[Finding, ...],
    causes: Mapping[str, Cause],
) -> Chosen:
    alike = () if entry.confirmed_by else lookalikes(entry, others, causes, findings)
    alternatives = (
        *(Alternative(other.cause, other.subject) for other in others),
        *(Alternative(other.cause, other.subject, is_lookalike=True) for other in alike),
    )
    place = {finding.key: number for number, finding in enumerate(findings)}
    ids = {finding.id for finding in entry.explains}
    subjects = {finding.subject.name for finding in entry.explains}
    unconfirmed: Confidence = "possible" if alternatives else "likely"
    return Chosen(
        cause=entry.cause,
        subject=entry.subject or ", ".join(sorted(subjects)),
        confidence="certain" if entry.confirmed_by else unconfirmed,
        explains=tuple(sorted(entry.explains, key=lambda finding: place[finding.key])),
        confirmed_by=tuple(sorted(entry.confirmed_by, key=lambda finding: place[finding.key])),
        alternatives=alternatives,
        masks=sum(bool(ids & set(finding.masked_by)) for finding in findings),
    )


def _ruled_out(
    found: Iterable[Instance], possible: Mapping[Name, Instance]
) -> tuple[RuledOut, ...]:
    still_possible = {cause_id for cause_id, _ in possible}
    against: dict[str, tuple[Cause, dict[FindingKey, Finding]]] = {}
    for entry in found:
        if entry.cause.id in still_possible:
            continue
        _, evidence = against.setdefault(entry.cause.id, (entry.cause, {}))
        evidence |= {finding.key: finding for finding in entry.contradicted_by}
    return tuple(
        RuledOut(cause, tuple(evidence[key] for key in sorted(evidence)))
        for _, (cause, evidence) in sorted(against.items())
    )
