"""Every sentence about a deploy, in the reader's language, as rows for a screen. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from eloquence_ops.catalogue.model import Catalogue, Cause
from eloquence_ops.deploy import blame
from eloquence_ops.deploy.choices import Choices, api_port
from eloquence_ops.deploy.deployment import Finished, Planned
from eloquence_ops.deploy.ending import Why, read
from eloquence_ops.deploy.env_file import Difference
from eloquence_ops.deploy.planning.shapes import Note, Packages, Plan
from eloquence_ops.deploy.progress import STEPS, UNDO_STEPS
from eloquence_ops.deploy.survey import Record, Survey
from eloquence_ops.language import Language
from eloquence_ops.phrases import phrase
from eloquence_ops.secrets import Redactor
from eloquence_ops.settings import Target
from eloquence_ops.untrusted import one_line, visible

Style = Literal["head-good", "head-bad", "head-plain", "plain", "added", "removed", "changed"]
_ORDINARY: Final = re.compile(r"INFO\b|(?:Start|Stopp)(?:ed|ing) ")
_SHOWN_FILES: Final = 12
_SHOWN_LINES: Final = 16
_SHOWN_COMMIT: Final = 12
_KINDS: Final = frozenset(
    {
        *(
            "exited",
            "crashed",
            "timeout",
            "answer",
            "packages",
            "launcher",
            "disk",
            "read-only",
            "unit",
            "hook",
        ),
        *("changed", "locked", "port-taken", "unconfirmed", "asked", "killed", "files"),
        *("rooms", "livekit", "firewall", "defect"),
    }
)


@dataclass(frozen=True, slots=True)
class Row:
    """`label` in the margin. `verbatim`: not wrapped, and not ours: a diff, a line of a log."""

    label: str
    text: str
    style: Style | Literal["note", "dim"] = "plain"
    verbatim: bool = False


@dataclass(frozen=True)
class Teller:
    """`server` is how the server was named."""

    target: Target
    choices: Choices
    server: str
    language: Language
    catalogue: Catalogue
    verbose: bool = False

    def say(self, phrase_id: str, **values: object) -> str:
        return phrase(phrase_id, self.language, **values)

    # The plan

    def plan(self, planned: Planned, *, brief: bool = False) -> Iterator[Row]:
        """`brief`: of a long difference the beginning."""
        made, origin = planned.plan, planned.origin
        told = self.say(
            "deploy.planned", release=made.release, server=self.server, who=visible(origin.who)
        )
        yield Row(self.say("deploy.plan"), told, "head-plain")
        if origin.commit:
            yield Row("", self.say("deploy.commit", commit=_commit(origin.commit)), "dim")
        if made.adopts:
            folder = self.target.remote_dir
            which = "adopts" if made.survey.listener else "adopts-down"
            yield Row(self.say("deploy.row-adopts"), self.say(f"deploy.{which}", folder=folder))
        yield from self._files(made)
        yield from self._packages(made.packages)
        yield from self._units(made, brief and not self.verbose)
        if made.takes_over:
            yield Row(
                self.say("deploy.row-stops"),
                self.say(
                    "deploy.takes-over",
                    pid=made.takes_over.pid or "–",
                    command=made.takes_over.command or "–",
                    port=api_port(self.target, self.choices),
                ),
            )
        gap = "start" if made.gap == "none" and made.survey.listener is None else made.gap
        yield Row(self.say("deploy.row-switch"), self.say(f"deploy.gap-{gap}"))
        if made.livekit_restarts:
            rooms = made.survey.livekit.rooms
            told = self.say("deploy.livekit-restarts", rooms="?" if rooms is None else rooms)
            yield Row("", told)
        for note in made.notes:
            yield Row("", self.note(note), "note")
            if note.id == "source-unit" and made.source_unit and (self.verbose or not brief):
                yield from self._difference(made.source_unit.diff[2:])

    def nothing(self, made: Plan) -> Iterator[Row]:
        told = self.say("deploy.nothing", current=made.survey.current or "–", server=self.server)
        yield Row(self.say("deploy.head-nothing"), told, "head-good")
        for note in made.notes:
            yield Row("", self.note(note), "note")

    def dry_run(self) -> Row:
        return Row("", self.say("deploy.dry-run"), "dim")

    def refused(self, made: Plan) -> Iterator[Row]:
        for note in made.refusals:
            yield Row(self.say("deploy.head-refused"), self.refusal(note), "head-bad")

    def note(self, note: Note) -> str:
        return self.say(f"deploy.note-{note.id}", **_visible(note))

    def refusal(self, note: Note) -> str:
        return self.say(f"deploy.refuse-{note.id}", **_visible(note))

    def _files(self, made: Plan) -> Iterator[Row]:
        label, files = self.say("deploy.row-files"), made.files
        if not files:
            yield Row(label, self.say("deploy.files-same"))
            return
        told = self.say(
            "deploy.files",
            added=len(files.added),
            changed=len(files.changed),
            removed=len(files.removed),
            size=size(made.send_bytes, self.language),
        )
        yield Row(label, told)
        marked: list[tuple[str, str, Style]] = [
            *(("+", path, "added") for path in files.added),
            *(("~", path, "changed") for path in files.changed),
            *(("-", path, "removed") for path in files.removed),
        ]
        most = len(marked) if self.verbose or len(marked) <= _SHOWN_FILES + 1 else _SHOWN_FILES
        for mark, path, style in marked[:most]:
            yield Row("", f"{mark} {visible(path)}", style, verbatim=True)
        if most < len(marked):
            yield Row("", self.say("deploy.more", count=len(marked) - most), "dim")

    def _packages(self, packages: Packages) -> Iterator[Row]:
        told = self.say(f"deploy.packages-{packages.why}")
        yield Row(self.say("deploy.row-packages"), told)
        for change in packages.changes:
            after = change.after or self.say("deploy.on-server")
            before = f"{change.before} → " if change.before else ""
            mark: Style = "changed" if change.before else "added"
            sign = "~" if change.before else "+"
            yield Row("", f"{sign} {visible(change.name)} {before}{after}", mark, verbatim=True)

    def _units(self, made: Plan, brief: bool) -> Iterator[Row]:
        label = self.say("deploy.row-units")
        for change in made.units:
            yield Row(label, self.say(f"deploy.text-{change.kind}", name=change.name))
            label = ""
            if change.kind == "new" and not self.verbose:
                continue
            lines = change.diff[2:]
            most = _SHOWN_LINES if brief and len(lines) > _SHOWN_LINES + 1 else len(lines)
            yield from self._difference(lines[:most])
            if most < len(lines):
                yield Row("", self.say("deploy.more", count=len(lines) - most), "dim")

    @staticmethod
    def _difference(lines: Sequence[str]) -> Iterator[Row]:
        for line in lines:
            style: Style = "plain"
            if line.startswith(("+", "-")):
                style = "added" if line.startswith("+") else "removed"
            yield Row("", visible(Redactor().text(line), keep="\t"), style, verbatim=True)

    # The end

    def finished(self, done: Finished, seconds: float) -> Iterator[Row]:
        ending = done.ending
        if done.interrupted:
            yield Row("", self.say("deploy.interrupted"), "note")
        if ending.outcome == "deployed":
            told = self.say(
                "deploy.deployed",
                current=ending.current or ending.release or "–",
                server=self.server,
                seconds=f"{seconds:.0f}",
                before=self.say("deploy.adopted") if done.adopted else done.before or "–",
            )
            head = "deploy.head-rolled-back" if done.rolled_back else "deploy.head-deployed"
            yield Row(self.say(head), told, "head-good")
        else:
            yield from self._failed(done)
        yield from self._outside(done)

    def _failed(self, done: Finished) -> Iterator[Row]:
        ending = done.ending
        head: str = ending.outcome
        if head == "lost" and ending.serves:
            head = "half"
        which = "undone-first" if head == "undone" and not ending.current else head
        told = self.say(
            f"deploy.{which}",
            release=ending.release or "–",
            why=self.why(done),
            current=ending.current or "–",
            server=self.server,
        )
        yield Row(self.say(f"deploy.head-{head}"), told, "head-bad")
        why = ending.why
        if why is None:
            return
        if why.body:
            body = one_line(why.body, limit=300)
            yield Row(self.say("deploy.row-answer"), body, verbatim=True)
        found = blame.of(why, self.catalogue)
        label = self.say("deploy.row-line")
        for line in why.lines if self.verbose else _decisive(why, found):
            yield Row(label, line, verbatim=True)
            label = ""
        if found is not None:
            yield from self._cause(found.causes[0])
            more = " · ".join(f"eloquence explain {cause.id}" for cause in found.causes)
            yield Row(self.say("deploy.row-explain"), more)

    def _cause(self, cause: Cause) -> Iterator[Row]:
        headline = cause.headline.in_language(self.language)
        if "{" in headline:  # filled in from findings, and there are none here
            headline = cause.title.in_language(self.language)
        told = self.say(
            "deploy.cause",
            headline=headline[:1].upper() + headline[1:],
            owner=self.catalogue.words[f"owner-{cause.owner}"].in_language(self.language),
        )
        yield Row(self.say("deploy.row-cause"), told)

    def why(self, done: Finished) -> str:
        """A clause: why it was not taken."""
        why = done.ending.why or Why(kind="other")
        if done.compared is not None and done.compared.new and why.kind == "asked":
            findings = ", ".join(dict.fromkeys(finding.id for finding in done.compared.new))
            return self.say("deploy.why-outside", findings=findings)
        kind = why.kind if why.kind in _KINDS else "other"
        if done.interrupted and kind == "asked":
            kind = "interrupted"
        return self.say(
            f"deploy.why-{kind}",
            step=self.step(why.step),
            path=why.path or "/",
            status=why.status if why.status is not None else "–",
            detail=why.detail or "–",
        )

    def _outside(self, done: Finished) -> Iterator[Row]:
        label = self.say("deploy.row-outside")
        compared = done.compared
        if compared is None:
            if done.ending.outcome == "deployed":
                yield Row(label, self.say("deploy.outside-none"), "dim")
            return
        if compared.old:
            findings = ", ".join(dict.fromkeys(finding.id for finding in compared.old))
            yield Row(label, self.say("deploy.outside-old", findings=findings), "note")
        elif not compared.new:
            address = self.target.api.display_host if self.target.api else "–"
            yield Row(label, self.say("deploy.outside-good", address=address))

    def step(self, step: str) -> str:
        if step in STEPS:
            return self.say(f"deploy.step-{step}")
        return self.say(f"deploy.undo-{step}") if step in UNDO_STEPS else step or "–"

    def remark(self, note: str, values: Mapping[str, str]) -> str:
        """What the server had to say beside its steps."""
        shown = {**values, "step": self.step(values["step"])} if "step" in values else values
        return self.say(f"deploy.remark-{note}", **shown)

    # What is there

    def status(self, seen: Survey) -> Iterator[Row]:
        lock = seen.lock
        if lock is not None:
            told = self.say(
                "deploy.status-running",
                who=lock.who or "–",
                release=lock.release or "–",
                since=moment(lock.since)[11:],
                step=self.step(lock.step or ""),
            )
        else:
            told = self.say("deploy.status-idle", current=seen.current or "–")
        yield Row("", told)
        if seen.unfinished and lock is None:
            yield Row("", self.say("deploy.status-unfinished"), "note")
        if seen.last:
            last = read(seen.last)
            outcome = self.say(f"deploy.head-{last.outcome}").lower()
            told = self.say("deploy.status-last", outcome=outcome, release=last.release or "–")
            yield Row("", told)
            if last.why is not None:
                yield Row("", self.why(Finished(last, None)))

    def releases(self, seen: Survey) -> list[tuple[str, ...]]:
        """The head of a table and its rows, the newest first."""
        columns = ("release", "when", "by", "commit", "state")
        head = tuple(self.say(f"deploy.column-{name}") for name in columns)
        newest = sorted(seen.releases, key=lambda r: (not r.adopted, r.id), reverse=True)
        return [head, *(self._release(record, seen) for record in newest)]

    def _release(self, record: Record, seen: Survey) -> tuple[str, ...]:
        good = "deploy.state-good" if record.good_at else "deploy.state-not-good"
        states = [self.say("deploy.state-current")] if record.id == seen.current else []
        states.append(self.say(good))
        by = self.say("deploy.adopted") if record.adopted else record.by or "–"
        commit = _commit(record.commit) if record.commit else "–"
        return record.id, moment(record.made_at), by, commit, ", ".join(states)

    def env(self, difference: Difference) -> Iterator[Row]:
        for name in difference.missing:
            yield Row(self.say("deploy.env-missing"), name, "removed", verbatim=True)
        for name in difference.extra:
            yield Row(self.say("deploy.env-extra"), name, "changed", verbatim=True)
        for name in difference.common:
            yield Row(self.say("deploy.env-common"), name, "dim", verbatim=True)


def size(count: int, language: Language) -> str:
    """Bytes as people write them."""
    byte = "B" if language == "en" else "o"
    for unit, scale in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if count >= scale:
            number = f"{count / scale:.1f}" if count < 10 * scale else f"{count / scale:.0f}"
            return f"{number if language == 'en' else number.replace('.', ',')} {unit}{byte}"
    return f"{count} {byte}"


def moment(at: float | None) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}" if at else "–"


def _commit(commit: str) -> str:
    head, dash, rest = commit.partition("-")
    return f"{head[:_SHOWN_COMMIT]}{dash}{rest}"


def _visible(note: Note) -> dict[str, object]:
    redactor = Redactor()
    return {
        name: visible(redactor.text(value)) if isinstance(value, str) else value
        for name, value in note.values.items()
    }


def _decisive(why: Why, found: blame.Blame | None) -> Sequence[str]:
    """The line that gave the cause away; otherwise the last ones that say more than that it ran."""
    if found is not None and found.line is not None:
        return (found.line,)
    return [line for line in why.lines if not _ORDINARY.match(line)][-3:]
