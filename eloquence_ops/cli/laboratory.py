"""`demo`, `lab list`, `lab up`."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from eloquence_ops.cli import lab_screen, speaking
from eloquence_ops.cli.examination import Request, keep, make_plan, report, run_plan
from eloquence_ops.cli.garbage import collect_from_now_on
from eloquence_ops.errors import EloquenceError
from eloquence_ops.phrases import phrase
from eloquence_ops.report.prose import Prose

if TYPE_CHECKING:
    from eloquence_ops.lab.system import LabSystem

DEFAULT_FAULT = "api-legacy-deployed"

__all__ = ["DEFAULT_FAULT", "Request", "keep_up", "list_faults", "show_demo"]


def _lab() -> None:
    """Raises `EloquenceError` where the extra is not installed."""
    try:
        import fastapi  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as missing:
        raise EloquenceError("lab.not-installed", package=missing.name or "fastapi") from None


def show_demo(names: list[str] | None, request: Request) -> int:
    """doctor on a lab with these faults. Exit code 0 when the diagnosis names them."""
    _lab()
    from eloquence_ops.lab import real
    from eloquence_ops.lab.expectation import judge
    from eloquence_ops.lab.faults import combined, named
    from eloquence_ops.lab.system import running

    language = speaking.language(request.lang)
    places = speaking.destinations(request.output)
    record = speaking.writable(request.record) if request.record else None
    faults = named(names or [DEFAULT_FAULT])
    with running(combined(faults), servers=asyncio.run(real.find())) as system:
        plan = make_plan(system.target, request, system.environ, system.credentials)
        recording = run_plan(plan, request, language)
    report(recording, request, language, places, None, keep(recording, record))
    if recording.interrupted:
        return 130
    outcome = judge(recording, faults)
    console = speaking.console(stderr=True)
    lab_screen.say_missing(console, system, language)
    if system.real:
        real_ones = ", ".join(server.name for server in system.real)
        made_with = phrase("demo.real", language, servers=real_ones)
        console.print(Prose(made_with, style="dim"), soft_wrap=True)
    lines = [
        (told.right, phrase(f"demo.{told.how}", language, fault=fault))
        for fault, told in outcome.told.items()
    ]
    lines += [(False, phrase("demo.unexpected", language, cause=c)) for c in outcome.unexpected]
    lines += [(False, phrase("demo.unexplained", language, what=f)) for f in outcome.unexplained]
    for right, words in lines:
        mark = ("✓ ", "green") if right else ("✗ ", "red")
        console.print(Text.assemble(mark, words), soft_wrap=True)
    return 0 if outcome.right else 1


def list_faults(lang: str | None) -> int:
    """One line a fault, on standard output."""
    from eloquence_ops.lab.faults import all_faults

    language = speaking.language(lang)
    console = speaking.console()
    for fault in all_faults().values():
        title = fault.title.in_language(language)
        console.print(Text.assemble((f"{fault.id:<26}", "cyan"), " ", title), soft_wrap=True)
    return 0


def keep_up(names: list[str] | None, place_name: str | None, lang: str | None) -> int:
    """A lab until Ctrl-C; with a place, one for the app that runs there."""
    _lab()
    from eloquence_ops.lab import real
    from eloquence_ops.lab.at_place import running_at
    from eloquence_ops.lab.faults import combined, named
    from eloquence_ops.lab.in_clear import refuse_what_is_lost
    from eloquence_ops.lab.places import place_of
    from eloquence_ops.lab.system import running

    language = speaking.language(lang)
    faults = named(names or [])
    plan = combined(faults)
    servers = asyncio.run(real.find())
    stopped = _told_to_stop()
    collect_from_now_on()
    if place_name is None:
        with running(plan, fixed_ports=True, servers=servers) as system:
            lab_screen.for_hand(system, _write_settings(system), language)
            _wait(stopped)
    else:
        place = place_of(place_name)
        refuse_what_is_lost(faults, place)
        with running_at(place, plan, fixed_ports=True, servers=servers) as system:
            lab_screen.for_app(system, place, faults, _write_settings(system), language)
            _wait(stopped)
    print(phrase("lab.down", language))
    return 0


def _told_to_stop() -> threading.Event:
    stopped = threading.Event()
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if number := getattr(signal, name, None):
            signal.signal(number, lambda *_: stopped.set())
    return stopped


def _wait(stopped: threading.Event) -> None:
    sys.stdout.flush()
    while not stopped.wait(0.5):  # short waits, so that a signal is served everywhere
        pass


def _write_settings(system: LabSystem) -> Path:
    """An eloquence.toml that leads to this lab, gone with it."""
    key_file = system.folder / "api-key"
    key_file.touch(mode=0o600)
    key_file.write_text(system.api_key + "\n", encoding="utf-8")
    lines = ['default = "lab"', "", "[targets.lab]"]
    for name, value in system.target.written:
        shown = list(value) if isinstance(value, tuple) else value
        lines.append(f"{name} = {json.dumps(shown, ensure_ascii=False)}")
    lines += [f"api_key_file = {json.dumps(str(key_file))}", ""]
    (system.folder / "eloquence.toml").write_text("\n".join(lines), encoding="utf-8")
    return system.folder
