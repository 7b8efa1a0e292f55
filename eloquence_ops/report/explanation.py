"""`eloquence explain`: an entry of the runbook on the screen."""

from __future__ import annotations

from typing import Final

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from eloquence_ops.catalogue.model import Catalogue, Cause, Check, Symptom
from eloquence_ops.catalogue.search import Found, FoundFinding
from eloquence_ops.catalogue.template import outline
from eloquence_ops.language import Language
from eloquence_ops.phrases import phrase
from eloquence_ops.report.prose import Prose
from eloquence_ops.typography import typeset

_WIDEST: Final = 100
_STATUS_COLOURS: Final = {"pass": "green", "warn": "yellow", "fail": "red", "unknown": "magenta"}


class Explanation:
    """Prints entries. Placeholders stay visible: there is no target to fill them in from."""

    def __init__(self, console: Console, catalogue: Catalogue, language: Language) -> None:
        self._out = console
        self._catalogue = catalogue
        self._language = language
        self._width = min(console.width, _WIDEST)

    def show(self, entry: Found) -> None:
        match entry:
            case Cause():
                self._cause(entry)
            case Check():
                self._check(entry)
            case FoundFinding():
                self._finding(entry)
            case Symptom():
                self._symptom(entry)

    def index(self) -> None:
        """Everything there is, one line each."""
        self._head(self._say("explain.causes"))
        for cause in self._catalogue.causes.values():
            self._item(cause.id, cause.title.in_language(self._language))
        self._out.print()
        self._head(self._say("explain.checks"))
        for check in self._catalogue.checks.values():
            self._item(check.id, check.title.in_language(self._language))
        self._out.print()
        self._text(self._say("explain.paste"))

    def _cause(self, cause: Cause) -> None:
        self._title(cause.id, cause.title.in_language(self._language))
        owner = self._word(f"owner-{cause.owner}")
        self._text(self._say("explain.owner", owner=owner), style="dim")
        self._text(cause.happened.in_language(self._language))
        if cause.looks_like:
            self._head(self._say("explain.looks-like"))
            for other in cause.looks_like:
                self._item(other, self._catalogue.causes[other].title.in_language(self._language))
        for label, links in (
            ("explain.explains", cause.explains),
            ("explain.confirmed-by", cause.confirmed_by),
            ("explain.contradicted-by", cause.contradicted_by),
        ):
            if links:
                self._head(self._say(label))
                for link in links:
                    self._text(str(link))
        self._head(self._say("explain.remedies"))
        for number, remedy in enumerate(cause.remedies, start=1):
            where = self._word(f"where-{remedy.where}")
            self._text(f"{number}. {remedy.say.in_language(self._language)} ({where})")
            if remedy.only_if:
                either = self._say("report.or-owner").join(link.finding for link in remedy.only_if)
                self._text(self._say("explain.only-if", finding=either), "dim")
            self._command(remedy.run)
            if remedy.run and not remedy.only_looks:
                self._text(f"   {remedy.changes.in_language(self._language)}", style="dim")
        self._head(self._say("explain.next-probe"))
        self._text(cause.next_probe.say.in_language(self._language))
        self._command(cause.next_probe.run)
        self._head(self._say("explain.false-positives"))
        self._text(cause.false_positives.in_language(self._language))
        self._head(self._say("explain.verify"))
        self._command(cause.verify)
        if cause.shown_by.fault:
            self._head(self._say("explain.see-it"))
            self._command(f"eloquence demo {cause.shown_by.fault}")

    def _check(self, check: Check) -> None:
        self._title(check.id, check.title.in_language(self._language))
        self._text(check.verifies.in_language(self._language))
        self._text(check.why.in_language(self._language))
        self._head(self._say("explain.outcomes"))
        for name, outcome in check.outcomes.items():
            line = Text("  ")
            status = str(outcome.status)
            line.append(
                f"{self._word(f'status-{status}'):<14}", style=_STATUS_COLOURS.get(status, "dim")
            )
            line.append(f"{name:<18}", style="bold")
            line.append(self._blanks(outcome.summary.in_language(self._language)))
            self._out.print(Prose(line))
        if check.requires:
            self._head(self._say("explain.requires"))
            self._text(" · ".join(check.requires))
        self._head(self._say("explain.by-hand"))
        self._command(check.by_hand)
        self._head(self._say("explain.guide"))
        self._text(typeset(check.guide, "fr"))  # the guides are in French

    def _finding(self, found: FoundFinding) -> None:
        summary = self._blanks(found.outcome.summary.in_language(self._language))
        self._title(f"{found.check.id}.{found.name}", summary)
        status = self._word(f"status-{found.outcome.status}")
        self._text(self._say("explain.status", status=status), style="dim")
        if found.outcome.meaning:
            self._text(found.outcome.meaning.in_language(self._language))
        if found.causes:
            self._head(self._say("explain.may-be"))
            for cause in found.causes:
                self._item(cause.id, cause.title.in_language(self._language))
        self._head(self._say("explain.by-hand"))
        self._command(found.check.by_hand)

    def _symptom(self, symptom: Symptom) -> None:
        self._text(symptom.reads.in_language(self._language))
        if not symptom.causes:
            return
        self._head(self._say("explain.may-be"))
        for cause_id in symptom.causes:
            cause = self._catalogue.causes[cause_id]
            self._item(cause.id, cause.title.in_language(self._language))
        self._out.print()
        self._text(self._say("explain.ask-doctor"), style="dim")

    # How lines are laid out

    def _say(self, phrase_id: str, **values: object) -> str:
        return phrase(phrase_id, self._language, **values)

    def _word(self, word: str) -> str:
        text = self._catalogue.words.get(word)
        return text.in_language(self._language) if text else word

    def _title(self, entry_id: str, title: str) -> None:
        self._out.print(Prose(Text.assemble((entry_id, "bold cyan"), "  ", (title, "bold"))))

    def _head(self, text: str) -> None:
        self._out.print()
        self._out.print(Prose(text, style="bold"))

    def _text(self, text: str, style: str = "") -> None:
        body = Padding(Prose(self._blanks(text), style=style), (0, 0, 0, 2), expand=False)
        self._out.print(body, width=self._width)

    def _item(self, entry_id: str, title: str) -> None:
        self._out.print(Prose(Text.assemble("  ", (f"{entry_id:<26}", "cyan"), " ", title)))

    def _command(self, command: str) -> None:
        for line in command.splitlines():
            self._out.print(Text(f"     {self._blanks(line)}", style="cyan"), soft_wrap=True)

    def _blanks(self, template: str) -> str:
        return outline(template, self._language)
