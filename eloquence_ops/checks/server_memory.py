"""Processes that the kernel ended for want of memory, and what memory there is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.observations import KernelLog, ServerClock, ServerMachine, UnitJournal, UnitState
from eloquence_ops.observations.server_machine import Memory, ServiceLimits

_RECENT: Final = timedelta(days=1)
# A unit that is killed again and again runs for a moment each time.
_JUST_NOW: Final = timedelta(minutes=2)
# Between the kernel's line and systemd's, where nothing else joins them.
_TOGETHER: Final = timedelta(seconds=5)
_LITTLE_SHARE: Final = 0.05

_VICTIM: Final = re.compile(r"^oom-kill:.*?\btask_memcg=([^,]*),task=([^,]*),pid=(\d+)")
_KILLED: Final = re.compile(r"Killed process (\d+) \(([^)]*)\)")
_SIGKILL: Final = 9

_OUTCOMES: Final = {
    "ok": "unit",
    "killed": "unit at line",
    "killed-before": "unit at times",
    "by-whom": "unit detail",
    "not-told": "unit detail",
    "no-unit": "unit",
}


@dataclass(frozen=True)
class _Kill:
    """`group` is the victim's control group, empty where an old kernel does not name it."""

    at: datetime
    group: str
    pid: int
    name: str
    line: str


@check("server.api-memory", feeds=("facts",), outcomes=_OUTCOMES)
def api_memory(_server: str, seen: Seen) -> Judgement:
    """Whether the kernel has ended processes of the API's unit for want of memory."""
    yield from _of_unit(seen.target.api_unit, seen)


@check("server.livekit-memory", feeds=("facts",), outcomes=_OUTCOMES)
def livekit_memory(_server: str, seen: Seen) -> Judgement:
    """Whether the kernel has ended processes of LiveKit's unit for want of memory."""
    yield from _of_unit(seen.target.livekit_unit, seen)


@check(
    "server.memory",
    feeds=("facts",),
    outcomes={"ok": "percent", "low": "percent", "others-killed": "names times", "not-told": ""},
)
def memory(_server: str, seen: Seen) -> Judgement:
    """What memory is left, and whether anything else was ended for want of it."""
    machine = seen.one(ServerMachine)
    if machine is None:
        return
    if others := _others(seen):
        names = tuple(dict.fromkeys(kill.name for kill in others))[:4]
        yield Verdict("others-killed", {"names": names, "times": len(others)})
    free = _free_share(machine.memory)
    if free is not None and free < _LITTLE_SHARE:
        yield Verdict("low", {"percent": round(100 * free, 1)})
    elif not others:
        outcome, evidence = ("not-told", {}) if free is None else ("ok", {"percent": _whole(free)})
        yield Verdict(outcome, evidence)


def _whole(share: float) -> int:
    return round(100 * share)


def _free_share(memory: Memory | None) -> float | None:
    """Of memory and swap together, what could be had without ending anything."""
    if memory is None or not memory.total or memory.available is None:
        return None
    all_of_it = memory.total + (memory.swap_total or 0)
    return (memory.available + (memory.swap_free or 0)) / all_of_it


def _of_unit(name: str, seen: Seen) -> Judgement:
    unit = seen.unit(name)
    if unit is None:
        return
    if unit.load_state != "loaded":
        yield Verdict("no-unit", {"unit": name})
        return
    counted = _service(name, seen)
    lines = sorted(_lines(unit, seen))
    if lines or _ended_so(unit):
        yield from _killed(unit, lines, seen)
    elif counted is not None and counted.oom_kills:
        yield Verdict(
            "killed-before", {"unit": name, "at": "unknown-time", "times": counted.oom_kills}
        )
    else:
        yield _not_killed(unit, counted, seen)


def _killed(unit: UnitState, lines: list[tuple[datetime, str]], seen: Seen) -> Judgement:
    """By the lines that say so, or only by what systemd says of the last run."""
    now = _server_now(seen)
    at, line = lines[-1] if lines else (unit.inactive_since or now, f"Result={unit.result}")
    evidence = {"unit": unit.name, "at": f"{at:%H:%M:%S}"}
    if _ended_so(unit) or _ended_at(unit, at) or now - at < _JUST_NOW:
        yield Verdict("killed", evidence | {"line": line})
    elif now - at < _RECENT:
        yield Verdict("killed-before", evidence | {"times": len(lines)})
    else:
        yield Verdict("ok", {"unit": unit.name})


def _not_killed(unit: UnitState, counted: ServiceLimits | None, seen: Seen) -> Verdict:
    """A pass needs somebody who would have told. The unit's counter begins again at each start, and
    the journal does not always know who sent SIGKILL: then it takes the kernel."""
    journal, kernel = seen.journal(unit.name), seen.one(KernelLog)
    if kernel is None and _sigkills(unit, journal):
        return Verdict("by-whom", {"unit": unit.name, "detail": "journalctl -k"})
    counts = counted is not None and counted.oom_kills is not None and not unit.restarts
    if journal is None and not counts:
        return Verdict("not-told", {"unit": unit.name, "detail": f"journalctl -u {unit.name}"})
    return Verdict("ok", {"unit": unit.name})


def _sigkills(unit: UnitState, journal: UnitJournal | None) -> list[datetime]:
    """When its main process ended by SIGKILL, as far as systemd tells: the last time."""
    lines = journal.recognised if journal else ()
    found = [line.at for line in lines if line.found == "killed" and "9/KILL" in line.text]
    if unit.ended == "killed" and unit.exit_status == _SIGKILL and unit.inactive_since:
        found.append(unit.inactive_since)
    return found


def _ended_so(unit: UnitState) -> bool:
    """systemd's own word for the last run; with control groups of version 1 it does not know."""
    return unit.result == "oom-kill"


def _ended_at(unit: UnitState, at: datetime) -> bool:
    """Whether it does not run since then: stopped by hand later, it has another reason."""
    runs = unit.active_state in ("active", "reloading")
    ended = unit.inactive_since
    return not runs and ended is not None and ended - at < _TOGETHER


def _lines(unit: UnitState, seen: Seen) -> Iterator[tuple[datetime, str]]:
    """What tells of a kill in this unit, by the unit's journal and by the kernel."""
    journal = seen.journal(unit.name)
    for entry in journal.recognised if journal else ():
        if entry.found == "oom-killed":
            yield entry.at, entry.text
    kernel = seen.one(KernelLog)
    for kill in _kills(kernel):
        if not _is_of(kill, unit):
            continue
        if kernel is not None and kernel.source == "ring" and not _fits(kill, unit, journal):
            continue
        yield kill.at, kill.line


def _is_of(kill: _Kill, unit: UnitState) -> bool:
    if kill.group:
        return unit.id in kill.group.split("/")
    return kill.pid in (unit.main_pid, unit.last_main_pid)


def _fits(kill: _Kill, unit: UnitState, journal: UnitJournal | None) -> bool:
    """In the ring of a whole machine two containers may have units of one name: there systemd has
    to have seen a SIGKILL at that very moment."""
    return any(abs(kill.at - at) < _TOGETHER for at in _sigkills(unit, journal))


def _kills(kernel: KernelLog | None) -> list[_Kill]:
    """Each kill once: a kernel tells of the victim's group first, and then that it was ended."""
    found: list[_Kill] = []
    for entry in kernel.recognised if kernel else ():
        if match := _VICTIM.search(entry.text):
            group, name, pid = match.groups()
            found.append(_Kill(entry.at, group, int(pid), name, f"oom-kill: {name}, pid {pid}"))
        elif match := _KILLED.search(entry.text):
            pid, name = match.groups()
            line = entry.text.partition(" total-vm")[0]
            group = found.pop().group if found and found[-1].pid == int(pid) else ""
            found.append(_Kill(entry.at, group, int(pid), name, line))
    return found


def _others(seen: Seen) -> list[_Kill]:
    """Kills of the last day in neither of the two units, in a log that is this server's alone."""
    kernel, now = seen.one(KernelLog), _server_now(seen)
    if kernel is None or kernel.source != "journal":
        return []
    units = [
        unit
        for name in (seen.target.api_unit, seen.target.livekit_unit)
        if (unit := seen.unit(name)) is not None
    ]
    return [
        kill
        for kill in _kills(kernel)
        if now - kill.at < _RECENT and not any(_is_of(kill, unit) for unit in units)
    ]


def _service(name: str, seen: Seen) -> ServiceLimits | None:
    machine = seen.one(ServerMachine)
    services = machine.services if machine else ()
    return next((entry for entry in services if entry.unit == name), None)


def _server_now(seen: Seen) -> datetime:
    clock = seen.one(ServerClock)
    return clock.now if clock else seen.now
