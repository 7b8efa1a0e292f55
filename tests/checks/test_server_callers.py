"""Who calls the old endpoints, and that a log which cannot be read is not an empty one."""

from __future__ import annotations

from typing import Any

import pytest

from eloquence_ops.checks.server_callers import old_callers
from eloquence_ops.observations import ServerTraffic
from eloquence_ops.observations.server_proxy import AccessLog, JournalRequests, RequestCount
from tests.checks.facts import LONG_AGO, judged, outcome, seen

PATH = "/var/log/nginx/access.log"


def calls(status: int, *agents: str, old: bool = True, times: int = 3) -> RequestCount:
    return RequestCount(
        method="POST",
        path="/api/session/start" if old else "/api/sessions",
        status=status,
        last_hour=times,
        last_day=times,
        first_at=LONG_AGO,
        last_at=LONG_AGO,
        old_endpoint=old,
        agents=agents or ("Dart/3.3 (dart:io)",),
    )


def log(*requests: RequestCount, understood: int | None = 500, odd: int = 0) -> AccessLog:
    return AccessLog(
        path=PATH,
        since=None,
        understood=understood,
        not_understood=odd,
        classes=(),
        requests=requests,
        left_out=0,
    )


def traffic(*logs: AccessLog, **more: Any) -> ServerTraffic:
    return ServerTraffic(at_s=0.0, access=logs, errors=(), **more)


def noted(unit: str, *requests: RequestCount, understood: int | None = 9) -> JournalRequests:
    return JournalRequests(
        unit=unit,
        since=None,
        understood=understood,
        requests=requests,
        left_out=0,
        exceptions=0,
        first_exception_at=None,
        last_exception_at=None,
    )


NAMELESS = calls(404, "")
OF_API = "eloquence-api.service"
NEW, BY_HAND = calls(200, old=False), calls(404, "curl/8.5.0")


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (traffic(log(NEW)), "ok"),
        (traffic(log(NEW, BY_HAND)), "ok"),
        (traffic(log(calls(200))), "served"),
        (traffic(log(calls(404))), "refused"),
        (traffic(), "no-log"),
        # Nothing of it was understood: nothing is known.
        (traffic(log(understood=0, odd=5)), "not-understood"),
        (traffic(log(NEW, understood=400, odd=400)), "not-understood"),
        (traffic(log(calls(200), understood=400, odd=400)), "not-understood"),
        (traffic(log(calls(404), understood=400, odd=400)), "refused"),
        (traffic(log(NEW), log(understood=0, odd=1)), "not-understood"),
        (traffic(log(NEW), unread=("/var/log/nginx/api.log",)), "not-understood"),
        # A line here and there is broken.
        (traffic(log(NEW, understood=400, odd=2)), "ok"),
        # Without nginx: Caddy's journal, HAProxy's, the API's own.
        (traffic(journals=(noted("caddy.service", calls(404)),)), "refused"),
        (traffic(journals=(noted("haproxy.service", NAMELESS),)), "unnamed"),
        (traffic(journals=(noted(OF_API, NAMELESS),)), "unnamed"),
        (traffic(journals=(noted(OF_API, calls(200, "")),)), "served"),
        (traffic(journals=(noted(OF_API),)), "ok"),
        # uvicorn was told to write no lines, and older recordings do not know.
        (traffic(journals=(noted(OF_API, understood=0),)), "no-log"),
        (traffic(journals=(noted(OF_API, understood=None),)), "no-log"),
        # What LiveKit says of requests is nothing of the API.
        (traffic(journals=(noted("livekit.service"),)), "no-log"),
        # Behind nginx the API sees the same again; past it, only the API does.
        (traffic(log(calls(404)), journals=(noted(OF_API, NAMELESS),)), "refused"),
        (traffic(log(NEW), journals=(noted(OF_API, NAMELESS),)), "unnamed"),
        (traffic(unread=("/x.log",), journals=(noted(OF_API),)), "not-understood"),
        # As older recordings have it.
        (traffic(log(understood=None, odd=5)), "not-understood"),
    ],
)
def test_who_still_calls_them(found: ServerTraffic, expected: str) -> None:
    assert outcome(old_callers, seen(found)) == expected


def test_the_logs_are_named() -> None:
    found = judged(old_callers, seen(traffic(log(understood=0, odd=5), unread=("/x.log",))))
    assert found is not None
    assert found.evidence == {"logs": (PATH, "/x.log")}
