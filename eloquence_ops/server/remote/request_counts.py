"""Requests counted by method, path and status, and since when each of them fails. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

HOUR_S, DAY_S = 3600, 86400
# Failures this far apart belong together, whatever succeeded between them: some servers fail now
# and then. Further apart, one success in between says that all was well meanwhile.
_TOGETHER_S = 1800
# After so long without a failure it is another outage, even if nobody asked in between.
_APART_S = 3 * HOUR_S
_MOST_PATHS = 40
_MOST_AGENTS = 6

_ID = re.compile(
    r"^(?:[0-9a-fA-F]{8}-[0-9a-fA-F-]{20,}|\d+|[0-9a-fA-F]{16,}|(?=.*\d)[A-Za-z0-9_.~=-]{20,})$"
)

OLD_ENDPOINTS = re.compile(r"^/(?:api/session/(?:start|[^/]+/end)|livekit/token|ws/simple(?:/|$))")
FOLLOWED = re.compile(r"^/(?:api/sessions|rtc)(?:/|$)")


class Request(NamedTuple):
    at: int
    method: str
    path: str
    status: int
    agent: str


def collapsed(target: str) -> str:
    """A path without its query, ids as `{id}`, so that equals are counted together."""
    path = re.sub(r"^https?://[^/]*", "", target).partition("?")[0].partition("#")[0]
    parts = ["{id}" if _ID.match(part) else part[:60] for part in path.split("/")[:8]]
    return "/".join(parts) or "/"


def begins_anew(at: float, last: float, succeeded_at: float | None) -> bool:
    """Whether a failure is another outage than the `last` one."""
    was_well = succeeded_at is not None and succeeded_at > last
    return at - last > _APART_S or (at - last > _TOGETHER_S and was_well)


class _Count:
    """Requests of one method, path and status, the oldest first.

    `run` and `run_first` are of the latest run of failures: how many, and when it began.
    """

    def __init__(self, request: Request) -> None:
        self.request = request
        self.day = self.hour = self.run = 0
        self.first = self.last = self.run_first = request.at
        self.agents: dict[str, int] = {}

    def add(self, request: Request, now: float, succeeded_at: int | None) -> None:
        if begins_anew(request.at, self.last, succeeded_at):
            self.run, self.run_first = 0, request.at
        self.day += 1
        self.run += 1
        self.hour += now - request.at <= HOUR_S
        self.first, self.last = min(self.first, request.at), max(self.last, request.at)
        self.run_first = min(self.run_first, request.at)
        if len(self.agents) < 50 or request.agent in self.agents:
            self.agents[request.agent] = self.agents.get(request.agent, 0) + 1

    def described(self) -> dict[str, object]:
        often = sorted(self.agents, key=lambda agent: -self.agents[agent])
        return {
            "method": self.request.method,
            "path": self.request.path,
            "status": self.request.status,
            "last_hour": self.hour,
            "last_day": self.day,
            "first_at": self.first,
            "last_at": self.last,
            "run": self.run,
            "run_first_at": self.run_first,
            "old_endpoint": bool(OLD_ENDPOINTS.match(self.request.path)),
            "agents": often[:_MOST_AGENTS],
        }


class Counts:
    """Takes requests of the last day in the order of their log."""

    def __init__(self, now: float) -> None:
        self._now = now
        self._counts: dict[tuple[str, str, int], _Count] = {}
        self._succeeded: dict[tuple[str, str], int] = {}

    def add(self, request: Request) -> None:
        key = (request.method, request.path, request.status)
        if key not in self._counts and len(self._counts) >= 2000:
            return
        succeeded_at = self._succeeded.get(key[:2])
        self._counts.setdefault(key, _Count(request)).add(request, self._now, succeeded_at)
        if request.status < 400:
            self._succeeded[key[:2]] = request.at

    def described(self, lowest_status: int = 0) -> tuple[list[dict[str, object]], int]:
        """The most important ones, and how many others there are; old endpoints always count."""
        counts = [
            entry
            for entry in self._counts.values()
            if entry.request.status >= lowest_status or OLD_ENDPOINTS.match(entry.request.path)
        ]
        chosen = sorted(counts, key=_importance)[:_MOST_PATHS]
        return [entry.described() for entry in chosen], len(counts) - len(chosen)


def _importance(entry: _Count) -> tuple[bool, bool, int]:
    """What the app calls, then what failed, then what is frequent: a scanner's paths come last."""
    path = entry.request.path
    is_ours = bool(FOLLOWED.match(path) or OLD_ENDPOINTS.match(path))
    return (not is_ours, entry.request.status < 500, -entry.day)
