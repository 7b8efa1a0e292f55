"""Access logs in JSON: nginx's, by the names that people give its variables, and Caddy's.

Every `log_format … escape=json` is its writer's own. What it calls a thing is mostly the variable's
name, or that of the Elastic Common Schema; objects in objects are read as dotted names.
"""

from __future__ import annotations

import calendar
import json
import re
import time
from typing import Iterator

from eloquence_ops.server.remote.request_counts import Request, collapsed

# Lower case; of several that are there the first counts.
_TIMES = (
    "time_iso8601",
    "msec",
    "@timestamp",
    "timestamp",
    "time",
    "ts",
    "time_local",
    "date",
    "datetime",
)
_METHODS = ("request_method", "request.method", "http.request.method", "method", "http_method")
_TARGETS = (
    "request_uri",
    "request.uri",
    "request.url",
    "url.original",
    "url.path",
    "uri",
    "request_path",
    "path",
    "url",
)
_STATUSES = (
    "status",
    "response_status",
    "http.response.status_code",
    "response.status",
    "status_code",
    "response_code",
    "code",
)
_AGENTS = (
    "http_user_agent",
    "user_agent",
    "request.headers.user-agent",
    "user_agent.original",
    "http.user_agent",
    "useragent",
    "agent",
)
_LINES = ("request", "request_line", "http.request.line", "message")
_REQUEST_LINE = re.compile(r"^([A-Z]{3,10}) (\S+)")
_HEX = re.compile(r"\\x([0-9A-Fa-f]{2})")  # what nginx writes without escape=json
_ISO = re.compile(r"^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,]\d+)?\s*(Z|[-+]\d\d:?\d\d)?$")
_LOCAL = re.compile(r"^(\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d) ([-+]\d{4})$")
_DEEPEST = 4


def parse(line: str) -> Request | None:
    """None where the moment, the request or the status is missing or in no form that is known."""
    try:
        said = json.loads(_HEX.sub(r"\\u00\1", line))
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    values = dict(_flat(said, "", 0))
    at, status = _moment(_first(values, _TIMES)), _first(values, _STATUSES)
    method, target = _first(values, _METHODS), _first(values, _TARGETS)
    if not (method and target):
        found = _REQUEST_LINE.match(_first(values, _LINES))
        method, target = found.groups() if found else ("", "")
    if at is None or not method or not target or not re.fullmatch(r"\d{3}", status):
        return None
    return Request(at, method[:10], collapsed(target), int(status), _first(values, _AGENTS)[:200])


def _flat(value: dict[str, object], before: str, depth: int) -> Iterator[tuple[str, str]]:
    for name, inner in value.items():
        full = before + name.lower()
        if isinstance(inner, dict) and depth < _DEEPEST:
            yield from _flat(inner, full + ".", depth + 1)
        elif isinstance(inner, list) and inner:  # each header of Caddy's is a list
            yield full, str(inner[0])
        elif isinstance(inner, (str, int, float)) and not isinstance(inner, bool):
            yield full, str(inner)


def _first(values: dict[str, str], names: tuple[str, ...]) -> str:
    return next((values[name] for name in names if values.get(name)), "")


def _moment(stamp: str) -> int | None:
    """Seconds since 1970. A time without a zone is none: whose it is is not known."""
    try:
        if iso := _ISO.match(stamp):
            day, clock, zone = iso.groups()
            return None if zone is None else _utc(day + " " + clock, "%Y-%m-%d %H:%M:%S", zone)
        if local := _LOCAL.match(stamp):
            return _utc(local.group(1), "%d/%b/%Y:%H:%M:%S", local.group(2))
        seconds = float(stamp)
    except (ValueError, OverflowError):
        return None
    if not 1e9 < seconds < 1e14:
        return None
    return int(seconds if seconds < 1e11 else seconds / 1000)


def _utc(stamp: str, form: str, zone: str) -> int:
    moment = calendar.timegm(time.strptime(stamp, form))
    if zone == "Z":
        return moment
    ahead = int(zone[1:3]) * 3600 + int(zone[-2:]) * 60
    return moment - ahead if zone[0] == "+" else moment + ahead
