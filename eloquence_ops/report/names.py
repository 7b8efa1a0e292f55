"""The table of a name's labels, each in all of its forms, from what was typed to what is sent."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from eloquence_ops.endpoints import u_label
from eloquence_ops.observations.names import LabelShown, NameShown
from eloquence_ops.report.account import Storyteller

NAMES_COMMAND: Final = "check-punycode-dns"
_CERTIFICATE: Final = "dns.certificate"
_COLUMNS: Final = ("typed", "nfc", "uts46", "a-label", "back")


def names_table(story: Storyteller, width: int) -> Group:
    """One table a name, `width` columns wide at most, and below it what a certificate calls it."""
    parts: list[RenderableType] = []
    for entry in story.result.seen.every(NameShown):
        if _is_plain(entry):
            parts.append(_title(entry, story))
            continue
        parts += [_of_name(entry, story, width), *_in_certificate(entry, story)]
    return Group(*parts)


def _is_plain(name: NameShown) -> bool:
    """Whether a name of the app has one form only: apps name many that are nobody's concern."""
    plain = all(label.typed == label.u_label for label in name.labels)
    return name.origin == "app" and plain and name.typed.isascii() and bool(name.host)


def _in_certificate(name: NameShown, story: Storyteller) -> Iterator[Text]:
    subject = u_label(name.host) if name.host else name.typed
    for finding in story.result.findings:
        if finding.check == _CERTIFICATE and finding.subject.name == subject:
            if finding.outcome != "none":
                yield Text(f"  {story.summary(finding)}", style="dim")
            return


def _of_name(name: NameShown, story: Storyteller, width: int) -> Table:
    table = Table(
        title=_title(name, story),
        title_justify="left",
        title_style="",
        box=SIMPLE_HEAD,
        width=None,
        pad_edge=False,
        header_style="dim",
        show_edge=False,
    )
    table.width = min(width, 100) if any(len(label.typed) > 12 for label in name.labels) else None
    for column in _COLUMNS:
        table.add_column(story.say(f"labels.{column}"), overflow="fold")
    for label in name.labels:
        table.add_row(*_row(label, story))
    return table


def _title(name: NameShown, story: Storyteller) -> Text:
    origin = story.say(f"labels.{name.origin}", place=name.place)
    title = Text.assemble((name.typed, "bold"), (f"  {origin}", "dim"))
    if name.host and name.host != name.typed:
        title.append(f"  →  {name.host}", style="cyan")
    return title


def _row(label: LabelShown, story: Storyteller) -> tuple[Text, ...]:
    typed = Text(spelled(label.typed) if "decomposed" in label.remarks else label.typed)
    if label.refusal:
        wrong = Text(f"✗ {story.word(label.refusal)}", style="red")
        return typed, Text(label.nfc), Text(label.uts46), Text("–", style="red"), wrong
    back = Text.assemble(label.u_label, (" ✓", "green"))
    for remark in label.remarks:
        back.append(f" {story.say(f'labels.{remark}')}", style="yellow")
    return typed, Text(label.nfc), Text(label.uts46), Text(label.a_label, style="cyan"), back


def spelled(text: str) -> str:
    """With every combining accent written out: on a screen NFC and NFD are the same."""
    return "".join(f"\\u{ord(c):04x}" if unicodedata.combining(c) else c for c in text)
