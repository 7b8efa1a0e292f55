"""A result told in one language: every sentence made, nothing laid out yet. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from eloquence_ops.catalogue.model import OUTCOMES_OF_ALL, Catalogue, NextProbe, Remedy
from eloquence_ops.catalogue.template import command, fill, placeholders
from eloquence_ops.diagnosis import Chosen
from eloquence_ops.findings import AREAS, Finding, Status, Subject, Vantage
from eloquence_ops.language import Language
from eloquence_ops.phrases import phrase
from eloquence_ops.report import places
from eloquence_ops.run.examine import Result

# Reasons that an outcome of every check may give, by the evidence that holds them.
_DEFAULT = "default"
_DEPLOYING = ("eloquence deploy ", "eloquence rollback", "eloquence env ")


@dataclass(frozen=True)
class Step:
    """A remedy, or a probe by hand, filled in."""

    say: str
    run: str
    where: str
    changes: str = ""
    only_looks: bool = False


@dataclass(frozen=True)
class ToldAlternative:
    """`next_probe` is one and the same of all that are lookalikes."""

    id: str
    title: str
    why: str
    next_probe: Step
    is_lookalike: bool


@dataclass(frozen=True)
class ToldCause:
    id: str
    title: str
    headline: str
    owner: str
    subject: str
    confidence: str
    happened: str
    evidence: tuple[Finding, ...]
    alternatives: tuple[ToldAlternative, ...]
    settle: Step
    remedies: tuple[Step, ...]
    verify: str
    masks: int
    chosen: Chosen


def _roots(finding: Finding) -> tuple[str, ...]:
    """Of what masks a finding, the findings at the root; the checks between say nothing more."""
    return tuple(step for step in finding.masked_by if step.count(".") == 2)


def _merged(chosen: list[Chosen]) -> Chosen:
    """Several subjects of one cause as one; the alternatives are those of all."""
    first = chosen[0]
    if len(chosen) == 1:
        return first
    found = {other.cause.id: other for entry in chosen for other in entry.alternatives}
    alternatives = sorted(found.values(), key=lambda other: other.is_lookalike)
    return replace(
        first,
        subject=", ".join(entry.subject for entry in chosen),
        explains=tuple(finding for entry in chosen for finding in entry.explains),
        confirmed_by=tuple(finding for entry in chosen for finding in entry.confirmed_by),
        alternatives=tuple(alternatives),
        masks=max(entry.masks for entry in chosen),
    )


def _owner(chosen: Chosen) -> str:
    """Who mends it: the app, where what confirms the cause stands in the app's source alone."""
    from_code = {finding.vantage is Vantage.CODE for finding in chosen.confirmed_by}
    return "app" if from_code == {True} else chosen.cause.owner


def _is_builtin(finding: Finding) -> bool:
    """Whether only the engine could say something; a check's own words tell more."""
    return finding.outcome in OUTCOMES_OF_ALL


class Storyteller:
    """Fills the catalogue's texts in for one result."""

    def __init__(self, result: Result, catalogue: Catalogue, language: Language) -> None:
        self.result = result
        self.catalogue = catalogue
        self.language = language

    def say(self, phrase_id: str, **values: object) -> str:
        return phrase(phrase_id, self.language, **values)

    def word(self, word: str) -> str:
        text = self.catalogue.words.get(word)
        return text.in_language(self.language) if text else word

    def fill(self, template: str, values: dict[str, object]) -> str:
        return fill(template, values, self.catalogue, self.language)

    def summary(self, finding: Finding) -> str:
        """The catalogue's text of this outcome with the evidence in it."""
        declared = self.catalogue.checks[finding.check].outcomes.get(finding.outcome)
        values: dict[str, object] = dict(finding.evidence)
        if declared is not None:
            return self.fill(declared.summary.in_language(self.language), values)
        texts = self.catalogue.outcomes_of_all[finding.outcome]
        reason = str(finding.evidence.get("reason", _DEFAULT))
        text = texts.get(reason) or texts[_DEFAULT]
        return self.fill(text.in_language(self.language), values | {"by": _roots(finding)})

    def subject(self, subject: Subject) -> str:
        """`https://… IPv4`; this machine in the reader's language."""
        family = f" {self.word(subject.family)}" if subject.family else ""
        return self.word(subject.name) + family

    def place(self, finding: Finding) -> str:
        """Where one looked: from the server, the very address there that was asked."""
        place = finding.evidence.get("place")
        if finding.vantage is Vantage.SERVER and isinstance(place, str):
            return place
        return self.subject(finding.subject)

    def areas(self, names: Iterable[str], separator: str = ", ") -> str:
        return separator.join(self.word(f"area-{name}") for name in names)

    def each_cause(self) -> tuple[ToldCause, ...]:
        """Every chosen cause, as the diagnosis has them."""
        return tuple(self._cause(chosen) for chosen in self.result.diagnosis.causes)

    def causes(self) -> tuple[ToldCause, ...]:
        """The same for people: one cause with several subjects is told once.

        A certificate that expired has expired for every name it was served for. Two units that are
        not enabled are two: each is named, and enabled by itself. So is each name that is to be
        written otherwise.
        """
        together: dict[tuple[str, str, object], list[Chosen]] = {}
        for chosen in self.result.diagnosis.causes:
            apart = self._named_apart(chosen)
            together.setdefault((chosen.cause.id, chosen.confidence, apart), []).append(chosen)
        return tuple(self._cause(_merged(chosen)) for chosen in together.values())

    def _named_apart(self, chosen: Chosen) -> object:
        """By what it is told from other subjects of its cause; they are one where that is alike."""
        cause = chosen.cause
        if "subject_unit" in placeholders(cause.headline.en):
            return self._values(chosen)["subject_unit"]
        names_host = any("host" in placeholders(remedy.say.en) for remedy in cause.remedies)
        return chosen.subject if names_host else ""

    def _cause(self, chosen: Chosen) -> ToldCause:
        cause, values = chosen.cause, self._values(chosen)
        evidence = {finding.key: finding for finding in (*chosen.explains, *chosen.confirmed_by)}
        return ToldCause(
            id=cause.id,
            title=self.fill(cause.title.in_language(self.language), values),
            headline=self.fill(cause.headline.in_language(self.language), values),
            owner=_owner(chosen),
            subject=chosen.subject,
            confidence=chosen.confidence,
            happened=self.fill(cause.happened.in_language(self.language), values),
            evidence=tuple(evidence.values()),
            alternatives=tuple(
                ToldAlternative(
                    id=other.cause.id,
                    title=self.fill(other.cause.title.in_language(self.language), values),
                    why=self.fill(other.cause.headline.in_language(self.language), values),
                    next_probe=self._from_inside()
                    if other.is_lookalike
                    else self._step(other.cause.next_probe, values),
                    is_lookalike=other.is_lookalike,
                )
                for other in chosen.alternatives
            ),
            settle=self._step(cause.next_probe, values),
            remedies=tuple(
                self._step(remedy, values)
                for remedy in cause.remedies
                if self._is_offered(remedy, chosen.subject)
            ),
            verify=self.rerun(cause.verify),
            masks=chosen.masks,
            chosen=chosen,
        )

    def _from_inside(self) -> Step:
        """The look that tells apart what is one thing from here."""
        return Step(
            say=self.say("report.look-inside"),
            run=self.rerun(f"eloquence doctor{self._server_to_name()}"),
            where="here",
            changes="",
            only_looks=True,
        )

    def _server_to_name(self) -> str:
        """The option to be filled in, where nobody has said yet which server it is."""
        return "" if self.result.seen.target.server else " --server USER@SERVER"

    def _naming_the_target(self, run: str) -> str:
        """A command that deploys needs the server, and names the target as this run did."""
        if not run.startswith(_DEPLOYING):
            return run
        options = self.result.recording.options
        if options.addresses or options.names:  # these are no options of a deploy
            return run
        server = "" if "--on-server" in options.rerun else self._server_to_name()
        return " ".join((f"{run}{server}", *options.rerun))

    def _is_offered(self, remedy: Remedy, subject: str) -> bool:
        """Whether what a step takes was seen."""
        return not remedy.only_if or any(
            finding.id == wanted.finding
            and finding.vantage is wanted.vantage
            and (wanted.on == "any" or finding.subject.name == subject)
            for wanted in remedy.only_if
            for finding in self.result.findings
        )

    def _values(self, chosen: Chosen) -> dict[str, object]:
        """The evidence of the first finding; what it lacks, of those that confirm the cause."""
        evidence: dict[str, object] = {}
        for finding in (*chosen.explains[:1], *chosen.confirmed_by):
            evidence = {**finding.evidence, **evidence}
        return evidence | places.values(self.result.seen, chosen.subject)

    def _step(self, step: Remedy | NextProbe, values: dict[str, object]) -> Step:
        remedy = step if isinstance(step, Remedy) else None
        return Step(
            say=self.fill(step.say.in_language(self.language), values),
            run=self._naming_the_target(command(step.run, values)),
            where=step.where,
            changes=self.fill(remedy.changes.in_language(self.language), values) if remedy else "",
            only_looks=remedy is None or remedy.only_looks,
        )

    def rerun(self, verify: str) -> str:
        """A command of ours with the arguments that name the same target again."""
        recording = self.result.recording
        if recording.options.addresses:  # no other command takes what was typed
            verify = f"eloquence {recording.command}"
        return " ".join((verify, *recording.options.rerun))

    def not_examined(self) -> tuple[str, ...]:
        """The areas of which this run has judged nothing."""
        judged = {finding.area for finding in self.result.findings if finding.status.was_judged}
        touched = {f.area for f in self.result.findings if f.status is Status.MASKED}
        return tuple(area for area in AREAS if area not in judged | touched)

    def headline(self) -> str:
        """One sentence or two that can be sent to a chat."""
        causes = self.causes()
        if not causes:
            return self._headline_without_causes()
        told = self.say("report.and").join(self._clause(cause) for cause in causes)
        parts = [f"{told[0].upper()}{told[1:]}.", self._owners(causes)]
        if self.result.verdict == "broken" and not self._app_may_be_at_fault(causes):
            parts.append(self.say("report.app-not-at-fault"))
        return " ".join(parts)

    def _clause(self, cause: ToldCause) -> str:
        if cause.confidence == "certain":
            return cause.headline
        rivals = [other.why for other in cause.alternatives if not other.is_lookalike]
        if not rivals:
            return self.say("report.likely", what=cause.headline)
        others = self.say("report.or").join(rivals)
        return self.say("report.either", one=cause.headline, others=others)

    def _owners(self, causes: tuple[ToldCause, ...]) -> str:
        """Those of the causes; where causes are tied, either of theirs."""
        certain: dict[str, None] = {}
        for cause in causes:
            rivals = (other for other in cause.chosen.alternatives if not other.is_lookalike)
            either = (cause.owner, *(other.cause.owner for other in rivals))
            names = dict.fromkeys(self.word(f"owner-{owner}") for owner in either)
            certain[self.say("report.or-owner").join(names)] = None
        return self.say("report.to-fix", owners=", ".join(certain))

    def _app_may_be_at_fault(self, causes: tuple[ToldCause, ...]) -> bool:
        held = [cause.chosen.cause for cause in causes]
        held += [other.cause for cause in causes for other in cause.chosen.alternatives]
        return any(cause.owner == "app" or not cause.clears_app for cause in held)

    def _healthy(self) -> Iterator[str]:
        """What was looked at, and what was not: silence would read as health."""
        looked = [area for area in AREAS if area not in self.not_examined()]
        yield self.say("report.healthy", areas=self.areas(looked))
        for finding in self.result.findings:
            if finding.check == "api.session" and finding.status is Status.SKIPPED:
                yield self.say("report.no-session", why=self.summary(finding))
        if rest := self.not_examined():
            yield self.say("report.not-examined", areas=self.areas(rest))

    def _headline_without_causes(self) -> str:
        result = self.result
        if result.diagnosis.unexplained:
            summary = self.summary(result.diagnosis.unexplained[0])
            return self.say("report.unexplained", summary=summary.rstrip("."))
        if result.verdict == "healthy":
            return " ".join(self._healthy())
        for finding in sorted(filter(self.leaves_open, result.findings), key=_is_builtin):
            return self.say(
                "report.undetermined",
                subject=self.subject(finding.subject),
                summary=self.summary(finding).rstrip("."),
            )
        return self.say("report.nothing-examined")

    def leaves_open(self, finding: Finding) -> bool:
        """An error of ours always; what could not be told only where it matters."""
        essential = self.catalogue.checks[finding.check].essential
        return finding.status is Status.ERROR or (finding.status is Status.UNKNOWN and essential)
