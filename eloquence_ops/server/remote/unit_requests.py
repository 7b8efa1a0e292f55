"""What services themselves noted of failed requests: the access lines of uvicorn and gunicorn,
exceptions, and Caddy's errors.

The API names no client, so that ours cannot be told from a user's: only errors of the server are
counted, which are its own whoever asked.
"""

from __future__ import annotations

import json
import re

from eloquence_ops.server.remote.journal import Line
from eloquence_ops.server.remote.request_counts import Counts, Request, begins_anew, collapsed

_REQUEST = re.compile(r'"([A-Z]{3,10}) (\S+) HTTP/[\d.]+" (\d{3})(?!\d)')
_TRACEBACK = "Traceback (most recent call last):"
# Between the tracebacks of exceptions that were raised one out of the other.
_GOES_ON = re.compile(
    r"^(?:During handling of the above exception|The above exception was the direct cause)"
)


def described(unit: str, lines: list[Line], now: float) -> dict[str, object]:
    """`lines` are the unit's of the last day, oldest first. Exceptions are those of the latest
    outage."""
    counts = Counts(now)
    raised: list[int] = []
    succeeded_at: float | None = None
    for line in lines:
        request = _request(line)
        if request is not None and not request.agent.startswith("eloquence/"):
            counts.add(request)
            succeeded_at = line.at if request.status < 400 else succeeded_at
        elif line.message.startswith(_TRACEBACK):
            if raised and begins_anew(line.at, raised[-1], succeeded_at):
                raised.clear()
            raised.append(int(line.at))
        elif _GOES_ON.match(line.message) and raised:
            raised.pop()
    requests, left_out = counts.described(lowest_status=500)
    return {
        "unit": unit,
        "since": int(lines[0].at) if lines else None,
        "requests": requests,
        "left_out": left_out,
        "exceptions": len(raised),
        "first_exception_at": raised[0] if raised else None,
        "last_exception_at": raised[-1] if raised else None,
    }


def _request(line: Line) -> Request | None:
    if line.message.startswith("{"):
        return _of_caddy(line)
    found = _REQUEST.search(line.message)
    if found is None:
        return None
    method, target, status = found.groups()
    return Request(int(line.at), method, collapsed(target), int(status), "")


def _of_caddy(line: Line) -> Request | None:
    """One of Caddy 2's lines, which are JSON. It notes what it could not pass on as an error, and
    as access too where that is wanted: there only what went well counts."""
    try:
        said = json.loads(line.message)
        logger, status, request = said["logger"], said["status"], said["request"]
        method, target = request["method"], request["uri"]
        agents = request.get("headers", {}).get("User-Agent", [""])
        is_access = str(logger).startswith("http.log.access")
        if not isinstance(status, int) or is_access == (status >= 400):
            return None
        return Request(
            int(line.at), str(method)[:10], collapsed(str(target)), status, str(agents[0])[:200]
        )
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        return None
