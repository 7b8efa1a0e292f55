"""What `lab up` shows of a running lab: where it is, and what to do with it."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from eloquence_ops.cli import speaking
from eloquence_ops.phrases import phrase
from eloquence_ops.report.prose import Prose
from eloquence_ops.untrusted import one_line

if TYPE_CHECKING:
    from rich.console import Console

    from eloquence_ops.endpoints import Role
    from eloquence_ops.lab.faults import Fault
    from eloquence_ops.lab.places import Place
    from eloquence_ops.lab.system import LabSystem
    from eloquence_ops.language import Language

_COMMAND: Final = "bold cyan"
_LONGEST_REASON: Final = 160
_NAMES: Final[dict[Role, str]] = {"api": "API", "livekit": "LiveKit"}


def for_hand(system: LabSystem, folder: Path, language: Language) -> None:
    """The services themselves, and doctor on the whole of it."""
    console = speaking.console()
    for service, url in system.services.items():
        shown = url or phrase("lab.stopped", language)
        console.print(Text.assemble((f"{service:<9}", "bold"), shown), soft_wrap=True)
    _say_taken(console, system, language)
    _say_real(console, system, language)
    exports = "".join(f" {name}={value}" for name, value in system.environ.items())
    console.print(Prose(phrase("lab.try", language)), soft_wrap=True)
    command = f"cd {shlex.quote(str(folder))} &&{exports} eloquence doctor"
    console.print(Text(f"  {command}", style=_COMMAND), soft_wrap=True)
    console.print(Prose(phrase("lab.stop", language), style="dim"), soft_wrap=True)


def for_app(
    system: LabSystem, place: Place, faults: Iterable[Fault], folder: Path, language: Language
) -> None:
    """What to put into the app, what may be in its way, and the same from this machine."""
    from eloquence_ops.lab.behaviours import API_KEY

    console = speaking.console()
    console.print(Prose(phrase(f"place.{place.kind}", language), style="bold"))
    made = [(fault.id, fault.title.in_language(language)) for fault in faults]
    _columns(console, made or [("✓", phrase("lab.healthy", language))])
    console.print()
    console.print(Prose(phrase("lab.in-app", language)))
    given = [(_NAMES[role], url) for role, url in system.services.items()]
    _columns(console, [*given, (phrase("lab.key", language), system.api_key)])
    _say_taken(console, system, language)
    say_missing(console, system, language)
    console.print()
    notes = ["lab.android"] if place.kind != "desktop" else []
    notes += ["lab.same-network"] if place.opens_to_network else []
    media = "lab.media-in-network" if place.opens_to_network else "lab.media"
    notes.append(media if system.media_port else "lab.stand-in")
    said = [phrase(note, language, port=system.media_port) for note in notes]
    _columns(console, [("·", note) for note in said])
    console.print()
    console.print(Prose(phrase("lab.try", language)))
    for command in _commands(system, place, folder):
        console.print(Text("  " + command, style=_COMMAND), soft_wrap=True)
    console.print()
    if place.opens_to_network:
        warning = phrase("lab.open", language, address=place.address, key=API_KEY)
        console.print(Prose(warning, style="yellow"))
    console.print(Prose(phrase("lab.stop", language), style="dim"))


def _commands(system: LabSystem, place: Place, folder: Path) -> Iterable[str]:
    """A session as the app opens it, LiveKit's health, and doctor. The folder's settings lead
    doctor to an address that is not this machine's, and hold the key."""
    api, livekit = (
        dataclasses.replace(end, host=place.listens[0]).http_url
        for end in (system.target.api, system.target.livekit)
        if end is not None
    )
    curl = "curl -sS -i -m 10 --noproxy '*'"
    yield (
        f"printf 'X-API-Key: %s\\n' {shlex.quote(system.api_key)} |\n"
        f"    {curl} -H @- \\\n"
        "    -H 'Content-Type: application/json' -d '{\"user_id\": \"me\"}' \\\n"
        f"    {api}/api/sessions"
    )
    yield f"{curl} {livekit}/"
    yield (
        f"cd {shlex.quote(str(folder))} && eloquence doctor \\\n"
        f"    --api {system.services['api']} --livekit {system.services['livekit']}"
    )


def _columns(console: Console, rows: Iterable[tuple[str, str]]) -> None:
    """Names and what belongs to them, wrapped beside them."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="cyan", no_wrap=True)
    grid.add_column()
    for name, words in rows:
        grid.add_row(name, Prose(words))
    console.print(Padding(grid, (0, 0, 0, 2)))


def say_missing(console: Console, system: LabSystem, language: Language) -> None:
    """Real servers that this machine has, and that would not start."""
    for server in system.missing:
        reason = one_line(server.reason, limit=_LONGEST_REASON)
        words = phrase("lab.not-real", language, server=server.name, reason=reason)
        console.print(Prose("  " + words, style="yellow"), soft_wrap=True)


def _say_real(console: Console, system: LabSystem, language: Language) -> None:
    say_missing(console, system, language)
    if system.real:
        names = ", ".join(server.name for server in system.real)
        words = phrase("lab.real", language, servers=names)
        console.print(Prose("  " + words, style="dim"), soft_wrap=True)


def _say_taken(console: Console, system: LabSystem, language: Language) -> None:
    for role, port in system.taken.items():
        if system.services[role]:
            words = phrase("lab.port-taken", language, port=port, name=_NAMES[role])
            console.print(Text(f"  {words}", style="yellow"), soft_wrap=True)
