"""What users really got, since when, and what changed just before: from a server's facts. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import Final, Literal

from eloquence_ops.checks.seen import Seen
from eloquence_ops.observations import (
    ServerChanges,
    ServerClock,
    ServerMachine,
    UnitState,
)
from eloquence_ops.report.account import Storyteller
from eloquence_ops.report.trouble import Failures, Stop, trouble

_BEFORE: Final = timedelta(hours=1)
# A log has whole seconds, and a failure may be noted a moment before what made it.
_OVERLAP: Final = timedelta(seconds=2)
_MOST_CHANGES: Final = 4

What = Literal["changed", "deleted", "installed", "removed", "started", "stopped", "booted"]
_WORDS: Final[Mapping[What, str]] = {
    "changed": "report.was-changed",
    "deleted": "report.was-deleted",
    "installed": "report.was-installed",
    "removed": "report.was-removed",
    "started": "report.was-started",
    "stopped": "report.was-stopped",
    "booted": "report.was-booted",
}


@dataclass(frozen=True)
class Change:
    """Something that was different from then on. `name` as people call it."""

    at: datetime
    what: What
    name: str


@dataclass(frozen=True)
class History:
    """`changes` are those of the hour before the trouble began, the latest first; `left_out`
    counts further ones."""

    now: datetime
    trouble: Failures | Stop
    changes: tuple[Change, ...]
    left_out: int


def history(seen: Seen) -> History | None:
    """None where nothing failed within a day and all runs, or the server was not looked at."""
    clock = seen.one(ServerClock)
    now = clock.now if clock else seen.now
    found = trouble(seen, now)
    if found is None:
        return None
    before = [
        change
        for change in _changes(seen)
        if -_OVERLAP <= found.first_at - change.at <= _BEFORE and not _is_itself(change, found)
    ]
    latest = sorted(before, key=lambda change: change.at, reverse=True)
    return History(now, found, tuple(latest[:_MOST_CHANGES]), len(latest[_MOST_CHANGES:]))


def _is_itself(change: Change, found: Failures | Stop) -> bool:
    return isinstance(found, Stop) and (change.what, change.name) == ("stopped", found.unit)


def _changes(seen: Seen) -> Iterator[Change]:
    changes = seen.one(ServerChanges)
    for file in changes.files if changes else ():
        if file.what == "folder":
            for name in file.gone:
                yield Change(file.modified_at, "deleted", name)
            continue
        yield Change(file.changed_at, "changed", PurePosixPath(file.path).name)
    for package in (changes.packages or ()) if changes else ():
        gone = package.action in ("remove", "purge")
        yield Change(package.at, "removed" if gone else "installed", package.name)
    for module in (changes.python_packages or ()) if changes else ():
        yield Change(module.at, "installed", module.name)
    for unit in seen.every(UnitState):
        if unit.started_at is not None:
            yield Change(unit.started_at, "started", unit.name)
        if unit.inactive_since is not None and unit.active_state in ("inactive", "failed"):
            yield Change(unit.inactive_since, "stopped", unit.name)
    machine = seen.one(ServerMachine)
    if machine is not None and machine.booted_at is not None:
        yield Change(machine.booted_at, "booted", "")


def told(story: Storyteller) -> tuple[str, ...]:
    """One or two lines; none where nothing failed, or where what failed was not the server's and
    all is well now."""
    found = history(story.result.seen)
    if found is None:
        return ()
    if not (story.result.problems or _is_the_servers(found.trouble)):
        return ()
    lines = [_began(found, story)]
    if found.changes:
        changes = [
            story.say(
                _WORDS[change.what],
                name=change.name,
                at=_time(change.at, found.trouble.first_at),
            )
            for change in found.changes
        ]
        if found.left_out:
            changes.append(story.say("report.more-changes", count=found.left_out))
        lines.append(story.say("report.just-before", changes=" · ".join(changes)))
    return tuple(lines)


def _is_the_servers(found: Failures | Stop) -> bool:
    """A unit that was stopped on purpose is no news where all is well."""
    return isinstance(found, Failures) and found.ongoing and found.by_server


def _began(found: History, story: Storyteller) -> str:
    trouble = found.trouble
    first = _time(trouble.first_at, found.now)
    if isinstance(trouble, Stop):
        return story.say("report.stopped-since", first=first, unit=trouble.unit)
    values = {
        "times": trouble.times,
        "first": first,
        "last": _time(trouble.last_at, trouble.first_at),
        "paths": ", ".join(trouble.paths),
    }
    return story.say(_sentence(trouble), **values, unit=trouble.log)


def _sentence(failures: Failures) -> str:
    of_users = failures.of_users
    if failures.times == 1:
        return "report.failed-once" if of_users else "report.journal-once"
    if failures.ongoing:
        return "report.failed-since" if of_users else "report.journal-since"
    return "report.failed-between" if of_users else "report.journal-between"


def _time(at: datetime, beside: datetime) -> str:
    """In UTC, with its date where that is another one than that of the moment it stands beside."""
    return f"{at:%H:%M}" if at.date() == beside.date() else f"{at:%Y-%m-%d %H:%M}"
