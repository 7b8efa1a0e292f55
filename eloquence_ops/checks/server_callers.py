"""Who still calls the endpoints from before LiveKit, by the proxy's log."""

from __future__ import annotations

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
        "not-understood": "logs",
        "no-log": "",
    },
)
def old_callers(_server: str, seen: Seen) -> Judgement:
    """Which apps call the old endpoints, and whether they get anything there."""
    traffic = seen.one(ServerTraffic)
    if traffic is None:
        return
    if not traffic.access:
        yield Verdict("no-log")
        return
    doubtful = (*(log.path for log in traffic.access if _is_doubtful(log)), *traffic.unread)
    calls = [
        entry
        for log in traffic.access
        for entry in log.requests
        if entry.old_endpoint and entry.last_day and not _is_by_hand(entry)
    ]
    if refused := [entry for entry in calls if entry.status in _NO_SUCH_ROUTE]:
        paths = tuple(dict.fromkeys(entry.path for entry in refused))
        yield Verdict("refused", _evidence(refused) | {"paths": paths})
    elif doubtful:
        yield Verdict("not-understood", {"logs": doubtful[:_MOST_LOGS]})
    elif calls:
        yield Verdict("served", _evidence(calls))
    else:
        yield Verdict("ok")


def _is_doubtful(log: AccessLog) -> bool:
    """Whether more than a line here and there could not be read."""
    understood = log.understood
    if understood is None:
        understood = sum(entry.last_day for entry in log.classes)
    return log.not_understood * _LINES_FOR_AN_ODD_ONE > understood


def _is_by_hand(entry: RequestCount) -> bool:
    return bool(entry.agents) and all(agent.startswith(_BY_HAND) for agent in entry.agents)


def _evidence(calls: list[RequestCount]) -> dict[str, int | tuple[str, ...]]:
    agents = dict.fromkeys(
        agent or "—" for entry in calls for agent in entry.agents if not agent.startswith(_BY_HAND)
    )
    return {"times": sum(entry.last_day for entry in calls), "agents": tuple(agents)[:4]}
