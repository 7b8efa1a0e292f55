"""What users suffer from, and since when: from the server's facts. Pure.

All moments are the server's own, so that they agree with its logs and with one another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from eloquence_ops.checks.seen import Seen
from eloquence_ops.observations import ServerTraffic, UnitState
from eloquence_ops.observations.server_proxy import JournalRequests, RequestCount

_STILL: Final = timedelta(hours=1)
_MOST_PATHS: Final = 2
_FOLLOWED: Final = ("/api/sessions", "/rtc")
# As its log has it, in every language.
_EXCEPTION: Final = "Traceback"


@dataclass(frozen=True)
class Failures:
    """Requests that failed, of the latest outage: what had failed earlier, and went well since, is
    not among them. `log`: a proxy's, which tells users from us (`of_users`), or the journal of a
    unit, which does not. `paths` are the most frequent, with their status.

    `ongoing`: the latest is of the last hour. `by_server`: answers of 500 and above, of which
    whoever asked is innocent.
    """

    log: str
    of_users: bool
    times: int
    first_at: datetime
    last_at: datetime
    ongoing: bool
    by_server: bool
    paths: tuple[str, ...]


@dataclass(frozen=True)
class Stop:
    """A unit that should run, and does not; nobody may have asked for it since."""

    unit: str
    first_at: datetime
    ongoing: bool = True


def trouble(seen: Seen, now: datetime) -> Failures | Stop | None:
    """What still goes on before what is over; of those what users met, then what services
    noted, then what merely stands still."""
    found = list(_every(seen, now))
    return next((one for one in found if one.ongoing), found[0] if found else None)


def _every(seen: Seen, now: datetime) -> Iterator[Failures | Stop]:
    traffic = seen.one(ServerTraffic)
    if traffic is not None:
        for proxy in dict.fromkeys(log.proxy for log in traffic.access):
            logs = [log for log in traffic.access if log.proxy == proxy]
            met = [entry for log in logs for entry in log.requests if _is_met(entry)]
            yield from _of_requests(proxy, met, now, of_users=True)
        yield from _of_journals(traffic.journals, now)
    yield from _stopped(seen)


def _is_met(entry: RequestCount) -> bool:
    return entry.status >= 400 and bool(entry.last_day) and _is_of_users(entry)


def _of_requests(
    log: str, counts: Sequence[RequestCount], now: datetime, *, of_users: bool
) -> Iterator[Failures]:
    """Of one kind: errors of the server where there are any, and those that still go on.

    A refused key of yesterday morning did not begin tonight's outage.
    """
    ongoing = [entry for entry in counts if now - entry.last_at <= _STILL]
    counts = ongoing or counts
    by_server = [entry for entry in counts if entry.status >= 500]
    counts = by_server or counts
    if not counts:
        return
    often = sorted(counts, key=lambda entry: -entry.last_day)
    yield Failures(
        log=log,
        of_users=of_users,
        times=sum(entry.last_day if entry.run is None else entry.run for entry in counts),
        first_at=min(entry.run_first_at or entry.first_at for entry in counts),
        last_at=max(entry.last_at for entry in counts),
        ongoing=bool(ongoing),
        by_server=bool(by_server),
        paths=tuple(f"{entry.method} {entry.path} {entry.status}" for entry in often[:_MOST_PATHS]),
    )


def _is_of_users(entry: RequestCount) -> bool:
    """What the app asks for, today's and the one before LiveKit; a scanner's paths are no failure.

    A browser that looks at an API's address gets 404 or 405 for it, and lacks nothing.
    """
    if entry.method == "GET" and entry.status in (404, 405) and not entry.path.startswith("/rtc"):
        return False
    return entry.old_endpoint or any(
        entry.path == path or entry.path.startswith(f"{path}/") for path in _FOLLOWED
    )


def _of_journals(journals: Sequence[JournalRequests], now: datetime) -> Iterator[Failures]:
    """Behind another proxy than nginx, and without one, they are all there is. An API that fails
    before it answers leaves exceptions only."""
    for journal in journals:
        # What was asked wrongly may have been us.
        met = [entry for entry in journal.requests if _is_met(entry) and entry.status >= 500]
        yield from _of_requests(journal.unit, met, now, of_users=False)
    for journal in journals:
        first, last = journal.first_exception_at, journal.last_exception_at
        if first is not None and last is not None:
            yield Failures(
                log=journal.unit,
                of_users=False,
                times=journal.exceptions,
                first_at=first,
                last_at=last,
                ongoing=now - last <= _STILL,
                by_server=False,  # whoever asked may have been answered all the same
                paths=(_EXCEPTION,),
            )


def _stopped(seen: Seen) -> Iterator[Stop]:
    ours = (seen.target.api_unit, seen.target.livekit_unit)
    stops = [
        Stop(unit.name, unit.inactive_since)
        for unit in seen.every(UnitState)
        if unit.name in ours
        and unit.active_state in ("inactive", "failed")
        and unit.inactive_since is not None
    ]
    yield from sorted(stops, key=lambda stop: stop.first_at)
