"""Who calls the old endpoints, and that a log which cannot be read is not an empty one."""

from __future__ import annotations

from typing import Any

import pytest

from eloquence_ops.checks.server_callers import old_callers
from eloquence_ops.observations import ServerTraffic
from eloquence_ops.observations.server_proxy import AccessLog, RequestCount
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
