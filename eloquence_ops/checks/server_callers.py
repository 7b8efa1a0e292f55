"""Who still calls the endpoints from before LiveKit, by the logs of the proxies and the API."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.observations import ServerTraffic
from eloquence_ops.observations.server_proxy import AccessLog, RequestCount

# What an API says of a route that it does not have.
_NO_SUCH_ROUTE: Final = frozenset({404, 405, 410})
# After a crash a log may have a broken line; a format of its own has nothing else.
_LINES_FOR_AN_ODD_ONE: Final = 50
_MOST_LOGS: Final = 3
# A person who follows a guide, and no app.
_BY_HAND: Final = ("curl/", "Wget/", "python-requests/", "PostmanRuntime/")


@check(
    "server.old-callers",
    feeds=("facts",),
    outcomes={
        "ok": "",
        "served": "times agents",
        "refused": "times agents paths",
        "unnamed": "times logs paths",
        "not-understood": "logs",
        "no-log": "",
    },
)
def old_callers(_server: str, seen: Seen) -> Judgement:
    """Which apps call the old endpoints, and whether they get anything there."""
    traffic = seen.one(ServerTraffic)
    if traffic is None:
        return
    proxies, api = list(_of_proxies(traffic, seen)), list(_of_the_api(traffic, seen))
    if not (proxies or api or traffic.unread):
        yield Verdict("no-log")
        return
    # Behind a proxy the API sees the same calls again.
    sources = [source for source in proxies if source.calls] or api
    calls = [entry for source in sources for entry in source.calls]
    refused = [entry for entry in calls if entry.status in _NO_SUCH_ROUTE]
    doubtful = (*(log.path for log in traffic.access if _is_doubtful(log)), *traffic.unread)
    if refused:
        paths = tuple(dict.fromkeys(entry.path for entry in refused))
        if any(filter(None, (agent for entry in refused for agent in entry.agents))):
            yield Verdict("refused", _evidence(refused) | {"paths": paths})
        else:
            logs = tuple(source.log for source in sources if source.calls)[:_MOST_LOGS]
            times = sum(entry.last_day for entry in refused)
            yield Verdict("unnamed", {"times": times, "logs": logs, "paths": paths})
    elif doubtful:
        yield Verdict("not-understood", {"logs": doubtful[:_MOST_LOGS]})
    elif calls:
        yield Verdict("served", _evidence(calls))
    else:
        yield Verdict("ok")


@dataclass(frozen=True)
class _Source:
    """A log that can be counted, and the calls of old endpoints in it."""

    log: str
    calls: tuple[RequestCount, ...]


def _of_proxies(traffic: ServerTraffic, seen: Seen) -> Iterator[_Source]:
    for log in traffic.access:
        yield _Source(log.path, _calls(log.requests))
    for journal in traffic.journals:
        ours = (seen.target.api_unit, seen.target.livekit_unit)
        if journal.unit not in ours and journal.understood:
            yield _Source(journal.unit, _calls(journal.requests))


def _of_the_api(traffic: ServerTraffic, seen: Seen) -> Iterator[_Source]:
    for journal in traffic.journals:
        if journal.unit == seen.target.api_unit and journal.understood:
            yield _Source(journal.unit, _calls(journal.requests))


def _calls(requests: Iterable[RequestCount]) -> tuple[RequestCount, ...]:
    return tuple(
        entry
        for entry in requests
        if entry.old_endpoint and entry.last_day and not _is_by_hand(entry)
    )


def _is_doubtful(log: AccessLog) -> bool:
    """Whether more than a line here and there could not be read."""
    understood = log.understood
    if understood is None:
        understood = sum(entry.last_day for entry in log.classes)
    return log.not_understood * _LINES_FOR_AN_ODD_ONE > understood


def _is_by_hand(entry: RequestCount) -> bool:
    return bool(entry.agents) and all(agent.startswith(_BY_HAND) for agent in entry.agents)


def _evidence(calls: Sequence[RequestCount]) -> dict[str, int | tuple[str, ...]]:
    agents = dict.fromkeys(
        agent or "—" for entry in calls for agent in entry.agents if not agent.startswith(_BY_HAND)
    )
    return {"times": sum(entry.last_day for entry in calls), "agents": tuple(agents)[:4]}
