"""The screen: what is wrong first, what to do last, in 80 columns, with or without colour."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from eloquence_ops.findings import Finding, Status
from eloquence_ops.observations import SessionLeftOpen
from eloquence_ops.report import history, livekit
from eloquence_ops.report.account import Step, Storyteller, ToldAlternative, ToldCause
from eloquence_ops.report.changes import Comparison
from eloquence_ops.report.ladder import Ladder, ladders
from eloquence_ops.report.names import NAMES_COMMAND, names_table
from eloquence_ops.report.port_map import PORTS_COMMAND, port_map
from eloquence_ops.report.prose import Prose
from eloquence_ops.report.route import Hop, routes
from eloquence_ops.report.sound import ways

_MARGIN: Final = 9
_WIDEST: Final = 110
_COLOURS: Final = {
    "healthy": "bold green",
    "degraded": "bold yellow",
    "broken": "bold red",
    "undetermined": "bold magenta",
}
_RUNGS: Final = {
    "good": ("✓", "green"),
    "trusted": ("✓", "green"),
    "faulty": ("✗", "red"),
    "missing": ("✗", "red"),
    "besides": ("-", "dim"),
}
_HEARD: Final = {"heard": ("✓", "green"), "not-heard": ("✗", "red"), "open": ("?", "magenta")}
_MARKS: Final = {
    Status.PASS: ("✓", "green"),
    Status.WARN: ("!", "yellow"),
    Status.FAIL: ("✗", "red"),
    Status.MASKED: ("·", "dim"),
    Status.SKIPPED: ("-", "dim"),
    Status.UNKNOWN: ("?", "magenta"),
    Status.ERROR: ("E", "magenta"),
}


class Screen:
    """Prints one account. `verbose` adds everything that passed or was skipped."""

    def __init__(self, console: Console, story: Storyteller, *, verbose: bool = False) -> None:
        self._out = console
        self._story = story
        self._verbose = verbose
        self._width = min(console.width, _WIDEST)

    def show(self, since: Comparison | None = None) -> None:
        story = self._story
        verdict = story.result.verdict
        if story.result.recording.interrupted:
            self._line(Text(story.say("report.interrupted"), style="yellow"))
        self._left_open()
        badge = story.word(verdict)
        self._entry(Text(badge, style=_COLOURS[verdict]), Text(story.headline(), style="bold"))
        told = story.causes()
        for hops in routes(story.result):
            self._line(self._route(hops))
        for cause in told:
            self._cause(cause, alone=len(told) == 1)
        for line in history.told(story):
            self._entry(Text(""), Text(line), margin=2, hang=2)
        self._chains()
        if story.result.recording.command == PORTS_COMMAND:
            for drawn in port_map(story, self._width):
                self._line(drawn)
        self._livekit()
        self._sound()
        self._loose_ends()
        if told or story.result.problems:
            self._ruled_out()
        self._to_do(told)
        if story.result.recording.command == NAMES_COMMAND:
            self._out.print()
            self._out.print(names_table(story, self._width))
        if self._verbose:
            self._everything()
        if since is not None:
            self.show_changes(since)

    # One entry each

    def _left_open(self) -> None:
        """What we changed and could not take back is said whatever the verdict is."""
        for left in self._story.result.seen.every(SessionLeftOpen):
            which = "report.left-open" if left.session_id else "report.left-open-unknown"
            told = self._story.say(which, endpoint=left.endpoint, session=left.session_id)
            self._entry(Text(""), Text(told, style="yellow"), margin=2)

    def _cause(self, cause: ToldCause, *, alone: bool) -> None:
        story = self._story
        if not alone:
            self._out.print()
            title = Text.assemble((cause.title, "bold"), (f" · {story.word(cause.subject)}", "dim"))
            self._entry(Text(""), title, margin=2)
        self._rows(cause.evidence)
        if cause.masks:
            which = "report.hidden-one" if cause.masks == 1 else "report.hidden"
            self._entry(Text(""), Text(story.say(which, count=cause.masks), style="dim"), margin=2)
        if any(not other.is_lookalike for other in cause.alternatives):
            self._entry(Text(""), Text(story.say("report.tell-apart"), style="cyan"), margin=2)
            self._step(cause.settle, margin=4)
        self._alike([other for other in cause.alternatives if other.is_lookalike])

    def _alike(self, others: list[ToldAlternative]) -> None:
        """What the same probe tells apart, in as little room as it takes."""
        if others:
            titles = " · ".join(other.title for other in others)
            told = Text(self._story.say("report.alike", causes=titles), style="cyan")
            self._entry(Text(""), told, margin=2, hang=2)
            self._command(others[0].next_probe.run, head=Text("    "))

    def _rows(self, findings: Iterable[Finding]) -> None:
        """`vantage  subject  summary`; summaries go below where there are several, or no room."""
        grouped: dict[tuple[str, str], list[str]] = {}
        for finding in findings:
            vantage = self._story.word(f"vantage-{finding.vantage}")
            place = (vantage, self._story.place(finding))
            grouped.setdefault(place, []).append(self._story.summary(finding))
        for (vantage, subject), told in grouped.items():
            summaries = list(dict.fromkeys(told))
            row = Text.assemble("  ", (f"{vantage:<9}", "dim"), (subject, "cyan"))
            if len(summaries) == 1 and row.cell_len + 2 + cell_len(summaries[0]) <= self._width:
                self._line(row.append("  " + summaries[0]))
                continue
            self._line(row)
            for summary in summaries:
                self._entry(Text(""), Text(summary), margin=_MARGIN + 2)

    def _chains(self) -> None:
        """Asked for by name all of them, otherwise those with something wrong in them."""
        everything = self._story.result.recording.command == "check-ssl"
        for ladder in ladders(self._story):
            if everything or self._verbose or any(rung.faults for rung in ladder.rungs):
                self._ladder(ladder)

    def _ladder(self, ladder: Ladder) -> None:
        self._entry(Text(""), Text(" · ".join(ladder.places), style="cyan"), margin=2, hang=2)
        for number, rung in enumerate(ladder.rungs):
            mark, style = _RUNGS[rung.state]
            line = Text.assemble((mark, style), " ", (rung.name, "bold" if rung.faults else ""))
            line.append("".join(f" · {note}" for note in rung.notes), style="dim")
            self._entry(Text(""), line, margin=4, hang=2)
            leads_on = number + 1 < len(ladder.rungs)
            for fault in rung.faults:
                self._entry(Text("    │" if leads_on else ""), Text(fault, style=style), margin=8)
            if leads_on and not rung.faults:
                self._line(Text("    │", style="dim"))

    def _livekit(self) -> None:
        """Asked for by name always, otherwise where something of it is amiss."""
        story = self._story
        asked = self._verbose or story.result.recording.command == livekit.LIVEKIT_COMMAND
        if not (asked or livekit.is_amiss(story)):
            return
        for one in livekit.told(story):
            self._entry(Text(""), Text(one.endpoint, style="cyan"), margin=2, hang=2)
            self._entry(Text(""), Text(one.server, style="dim"), margin=4, hang=2)
            label = story.say("report.media-at")
            for place in one.candidates:
                self._line(Text.assemble("    ", (f"{label:<11}", "dim"), place))
                label = ""
            label = story.say("report.relays-at")
            for row in one.servers:
                mark, style = _MARKS[row.status]
                head = Text.assemble("    ", (f"{label:<11}", "dim"), (mark, style))
                self._entry(head, Text(row.name), margin=17)
                self._entry(Text(""), Text(row.said, style="dim"), margin=17)
                label = ""

    def _sound(self) -> None:
        """Every way of the sound: its cost is news where nothing is wrong, too."""
        told = ways(self._story)
        width = max((cell_len(way.name) for way in told), default=0)
        for way in told:
            mark, style = _HEARD[way.mark]
            head = Text.assemble("  ", (mark, style), f" {way.name:<{width}} ")
            self._entry(head, Text(way.words), margin=width + 6)
            if way.where:
                self._entry(Text(""), Text(way.where, style="dim"), margin=width + 6)
            if way.cost:
                self._entry(Text(""), Text(way.cost, style="yellow"), margin=width + 6)

    def _loose_ends(self) -> None:
        story, result = self._story, self._story.result
        unexplained = result.diagnosis.unexplained
        if unexplained:
            self._line(Text(story.say("report.unexplained-head"), style="bold magenta"))
            self._rows(unexplained)
        unknown = [finding for finding in result.findings if story.leaves_open(finding)]
        # The headline of a run that could not be determined is the first of them.
        if unknown and (result.verdict != "undetermined" or len(unknown) > 1):
            self._line(Text(story.say("report.unknown-head"), style="bold magenta"))
            self._rows(unknown)

    def _ruled_out(self) -> None:
        story = self._story
        causes = [
            entry.cause.title.in_language(story.language)
            for entry in story.result.diagnosis.ruled_out
        ]
        label = story.say("report.ruled-out")
        if causes:
            self._entry(
                Text(f"  {label}", style="dim"),
                Text(" · ".join(causes), style="dim"),
                margin=len(label) + 4,
            )
        rest = story.not_examined()
        if rest:
            areas = Text(
                story.say("report.not-checked", areas=story.areas(rest, " · ")), style="dim"
            )
            self._entry(Text(""), areas, margin=2)

    def _to_do(self, told: tuple[ToldCause, ...]) -> None:
        story = self._story
        steps: dict[Step, None] = {}
        for cause in told:
            steps |= dict.fromkeys(cause.remedies)
        if not steps:
            return
        for number, step in enumerate(steps, start=1):
            head = Text(story.say("report.to-do"), style="bold") if number == 1 else Text("")
            self._step(step, head=head, number=f"{number}. ")
        verify = dict.fromkeys(cause.verify for cause in told)
        for place, line in enumerate(verify):
            label = story.say("report.verify") if place == 0 else ""
            self._command(line, head=Text(f"{label:<{_MARGIN}}", style="bold"))

    def _step(
        self, step: Step, *, head: Text | None = None, number: str = "", margin: int = _MARGIN
    ) -> None:
        where = self._story.word(f"where-{step.where}")
        text = Text.assemble(number, step.say, (f"  {where}", "dim"))
        self._entry(head or Text(""), text, margin=margin, hang=len(number))
        indent = " " * (margin + len(number))
        for line in step.run.splitlines():
            self._command(line, head=Text(indent))
        if step.run and not step.only_looks:
            changes = Text(step.changes, style="dim")
            self._entry(Text(""), changes, margin=margin + len(number))

    def _route(self, hops: list[Hop]) -> Text:
        line = Text(f"  {self._story.say('report.app')}")
        broken = False
        for hop in hops:
            name = self._story.word(hop.name)
            if hop.state == "broken" and not broken:
                line.append(" ──✗ ", style="red")
                line.append(name, style="bold red")
                broken = True
            elif hop.state == "ok":
                line.append(" ── ", style="dim")
                line.append(name)
                line.append(" ✓", style="green")
            else:
                line.append(f" ── {name}" + ("" if broken else " ?"), style="dim")
        return line

    def _everything(self) -> None:
        """Every finding that the causes did not show already."""
        self._out.print()
        shown = {f.key for cause in self._story.causes() for f in cause.evidence}
        for finding in self._story.result.findings:
            if finding.key in shown:
                continue
            mark, style = _MARKS[finding.status]
            row = Text.assemble(("  " + mark, style), f" {finding.check:<24} ")
            row.append(self._story.place(finding), style="cyan")
            self._line(row)
            self._entry(Text(""), Text(self._story.summary(finding), style="dim"), margin=29)

    def show_changes(self, since: Comparison) -> None:
        """What is different from the baseline."""
        story = self._story
        when = f"{since.baseline.recording.started_at:%Y-%m-%d %H:%M} UTC"
        if not since.changes:
            self._line(Text(story.say("report.nothing-changed", when=when), style="dim"))
            return
        self._line(Text(story.say("report.changed-since", when=when), style="bold"))
        for change in since.changes:
            self._entry(Text(""), Text(change.told(story)), margin=2, hang=2)

    # How lines are laid out

    def _line(self, text: Text) -> None:
        self._out.print(text, soft_wrap=True)

    def _command(self, command: str, *, head: Text) -> None:
        """Never wrapped: it is there to be pasted."""
        self._line(Text.assemble(head, (command, "bold cyan")))

    def _entry(self, head: Text, body: Text, *, margin: int = _MARGIN, hang: int = 0) -> None:
        """`head` in the margin, `body` wrapped beside it; further lines indented by `hang` more."""
        if head.cell_len >= margin:
            margin = head.cell_len + 1
        lines = Prose(body).lines(self._out, max(20, self._width - margin - hang))
        for place, line in enumerate(lines):
            line.rstrip()
            if place == 0:
                pad = " " * (margin - head.cell_len)
                self._line(Text.assemble(head, pad, line))
            else:
                self._line(Text.assemble(" " * (margin + hang), line))
        if not lines:
            self._line(head)
