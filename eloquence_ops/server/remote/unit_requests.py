"""What services themselves noted of requests: the access lines of uvicorn and gunicorn, exceptions,
what Caddy, HAProxy and LiveKit say.

Most name no client, so that ours cannot be told from a user's: counted are errors of the server,
which are its own whoever asked, and calls of the endpoints from before LiveKit, whatever came.
"""

from __future__ import annotations

import json
import re

from eloquence_ops.server.remote.journal import Line
from eloquence_ops.server.remote.request_counts import Counts, Request, begins_anew, collapsed

_REQUEST = re.compile(r'"([A-Z]{3,10}) (\S+) HTTP/[\d.]+" (\d{3})(?!\d)')
# `client [time] frontend backend/server timers 404 … {captured headers} "POST /path HTTP/1.1"`.
_HAPROXY = re.compile(
    r"\] \S+ \S+/\S+ [-+\d/]+ (\d{3}) .*?(?:\{([^}]*)\} )?(?:\{[^}]*\} )?"
    r'"([A-Z]{3,10}) (\S+)[^"]*"$'
)
_LIVEKIT = "error handling request"
_MOST_FAILED = 1000
_TRACEBACK = "Traceback (most recent call last):"
# Between the tracebacks of exceptions that were raised one out of the other.
_GOES_ON = re.compile(
    r"^(?:During handling of the above exception|The above exception was the direct cause)"
)


def described(unit: str, lines: list[Line], now: float) -> dict[str, object]:
    """`lines` are the unit's of the last day, oldest first. Exceptions are those of the latest
    outage. `understood` counts requests of any kind: without one it is no source."""
    counts = Counts(now)
    raised: list[int] = []
    succeeded_at: float | None = None
    understood = 0
    failed: set[str] = set()
    for line in lines:
        if line.message.startswith("{") and _is_told_already(line.message, failed):
            continue
        request = _request(line)
        if request is not None:
            understood += 1
            if not request.agent.startswith("eloquence/"):
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
        "understood": understood,
        "requests": requests,
        "left_out": left_out,
        "exceptions": len(raised),
        "first_exception_at": raised[0] if raised else None,
        "last_exception_at": raised[-1] if raised else None,
    }


def _request(line: Line) -> Request | None:
    if line.message.startswith("{"):
        return _of_livekit(line) if _LIVEKIT in line.message else _of_caddy(line)
    if _LIVEKIT in line.message:
        return _of_livekit(line)
    if found := _HAPROXY.search(line.message):
        status, captured, method, target = found.groups()
        agent = next((part for part in (captured or "").split("|") if "/" in part), "")
        return Request(int(line.at), method, collapsed(target), int(status), agent)
    found = _REQUEST.search(line.message)
    if found is None:
        return None
    method, target, status = found.groups()
    return Request(int(line.at), method, collapsed(target), int(status), "")


def _of_caddy(line: Line) -> Request | None:
    """One of Caddy 2's lines, which are JSON: an access where that is wanted, an error always."""
    try:
        said = json.loads(line.message)
        logger, status, request = said["logger"], said["status"], said["request"]
        method, target = request["method"], request["uri"]
        agents = request.get("headers", {}).get("User-Agent", [""])
        if not isinstance(status, int) or not str(logger).startswith("http.log."):
            return None
        return Request(
            int(line.at), str(method)[:10], collapsed(str(target)), status, str(agents[0])[:200]
        )
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        return None


def _is_told_already(message: str, failed: set[str]) -> bool:
    """Whether an access of Caddy's was noted as an error just before. `failed` are the connections
    and requests of those errors."""
    try:
        said = json.loads(message)
        request = said["request"]
        names = ("remote_ip", "remote_addr", "remote_port", "method", "uri")
        key = repr([request.get(name) for name in names] + [said["status"]])
        if str(said["logger"]).startswith("http.log.access"):
            if key in failed:
                failed.discard(key)
                return True
        elif len(failed) < _MOST_FAILED:
            failed.add(key)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    return False


def _of_livekit(line: Line) -> Request | None:
    """`… error handling request {"status": 401, "method": "GET", "path": "/rtc", …}`, or all of it
    as one object; of requests that went well it says nothing."""
    try:
        said = json.loads(line.message[line.message.index("{") :])
        method, path, status = said["method"], said["path"], said["status"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if not isinstance(status, int):
        return None
    return Request(int(line.at), str(method)[:10], collapsed(str(path)), status, "")
