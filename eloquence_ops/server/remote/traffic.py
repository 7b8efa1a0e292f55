"""What users got: the proxy's access log counted, and its error log's lines that say why."""

from __future__ import annotations

import calendar
import re
import time

from eloquence_ops.server.remote import json_access
from eloquence_ops.server.remote.gaps import Gaps
from eloquence_ops.server.remote.log_patterns import NGINX_ERRORS, recognised
from eloquence_ops.server.remote.reading import KIB, Unreadable, read_end, text
from eloquence_ops.server.remote.request_counts import DAY_S, HOUR_S, Counts, Request, collapsed

READ_BYTES = 2 * 1024 * KIB
_MOST_ERRORS = 12

# The combined format, nginx's default; a format with more behind it is read as far as this.
_ACCESS = re.compile(
    r"^\S+ \S+ .*?\[(\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [-+]\d{4})\] "
    r'"([A-Z]{3,10}) (\S+)[^"]*" (\d{3})(?: \S+(?: "[^"]*" "([^"]*)")?)?'
)
# What was sent to it is no request: a TLS hello to a plain port, a scanner's bytes.
_NO_REQUEST = re.compile(r'^\S+ \S+ .*?\[[^\]]+ [-+]\d{4}\] "(?:[^"\\]|\\.)*" [1-5]\d\d ')
_ERROR = re.compile(r"^(\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) \[\w+\] \S+ (.*)$")
_MONTHS = {
    name: at for at, name in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)
}

_offsets: dict[str, tuple[int, int]] = {}


def parse(line: str) -> Request | None:
    if line.startswith("{"):
        return json_access.parse(line)
    match = _ACCESS.match(line)
    if match is None:
        return None
    stamp, method, target, status, agent = match.groups()
    try:
        at = _seconds(stamp)
    except (ValueError, KeyError):
        return None
    return Request(at, method, collapsed(target), int(status), agent or "")


def _seconds(stamp: str) -> int:
    """`20/Nov/2026:10:54:08 +0000`. The log has thousands of lines in the same hour: the start of
    the hour is computed once."""
    hour = stamp[:14] + stamp[-5:]
    if hour not in _offsets:
        zone = int(stamp[-4:-2]) * 3600 + int(stamp[-2:]) * 60
        moment = (int(stamp[7:11]), _MONTHS[stamp[3:6]], int(stamp[:2]), int(stamp[12:14]), 0, 0)
        _offsets[hour] = (calendar.timegm(moment), zone if stamp[-5] == "+" else -zone)
    start, ahead = _offsets[hour]
    return start + int(stamp[15:17]) * 60 + int(stamp[18:20]) - ahead


def count(lines: list[str], now: float) -> dict[str, object]:
    """The requests of the last day by method, path and status. Ours are left out: whoever examines
    the system is no user of it."""
    counts = Counts(now)
    classes: dict[str, list[int]] = {}
    odd, understood, earliest = 0, 0, None
    for line in lines:
        request = parse(line)
        if request is None:
            odd += bool(line.strip()) and not _NO_REQUEST.match(line)
            continue
        understood += 1
        earliest = request.at if earliest is None else min(earliest, request.at)
        if now - request.at > DAY_S or request.agent.startswith("eloquence/"):
            continue
        of_class = classes.setdefault("{}xx".format(request.status // 100), [0, 0])
        of_class[0] += now - request.at <= HOUR_S
        of_class[1] += 1
        counts.add(request)
    described, left_out = counts.described()
    return {
        "since": earliest,
        "understood": understood,
        "not_understood": odd,
        "classes": [
            {"name": name, "last_hour": hour, "last_day": day}
            for name, (hour, day) in sorted(classes.items())
        ],
        "requests": described,
        "left_out": left_out,
    }


def errors(lines: list[str], now: float) -> list[dict[str, object]]:
    """The error log's recognised lines of the last day: how often each, and one of them whole.

    nginx writes local time; requests in it lose their query, which may hold a token.
    """
    found: dict[tuple[str, str], dict[str, object]] = {}
    for line in lines:
        match = _ERROR.match(line)
        pattern = recognised(line, NGINX_ERRORS) if match else None
        if match is None or pattern is None:
            continue
        try:
            at = int(time.mktime(time.strptime(match.group(1), "%Y/%m/%d %H:%M:%S")))
        except (ValueError, OverflowError):
            continue
        if now - at > DAY_S:
            continue
        upstream = _upstream(line)
        entry = found.setdefault((pattern.found, upstream), {"first_at": at, "times": 0})
        entry.update(
            found=pattern.found,
            upstream=upstream,
            last_at=at,
            times=int(str(entry["times"])) + 1,
            text=re.sub(r"\?[^\s\"]*", "", match.group(2))[:1000],
        )
    return sorted(found.values(), key=lambda entry: -int(str(entry["last_at"])))[:_MOST_ERRORS]


def _upstream(line: str) -> str:
    found = re.search(r'upstream: "(?:\w+://)?([^/"]+)', line)
    return found.group(1) if found else ""


def facts(access_logs: dict[str, str], error_logs: list[str], gaps: Gaps) -> dict[str, object]:
    """`access_logs` are paths, and the proxy that writes there."""
    now = time.time()
    found: dict[str, object] = {"access": [], "errors": []}
    accesses: list[object] = []
    unread = set(access_logs)
    for path, proxy in access_logs.items():
        with gaps.around(path):
            accesses.append(dict(count(_lines(path), now), path=path, proxy=proxy))
            unread.discard(path)
    reports: list[object] = []
    for path in error_logs:
        with gaps.around(path):
            reports.append({"path": path, "lines": errors(_lines(path), now)})
    found.update(access=accesses, unread=sorted(unread), errors=reports)
    return found


def _lines(path: str) -> list[str]:
    """The end of a log; where logrotate has just begun a new one, the end of the old one before."""
    raw, whole = read_end(path, READ_BYTES)
    if whole and len(raw) < READ_BYTES // 2:
        try:
            older, _ = read_end(path + ".1", READ_BYTES - len(raw))
            raw = older + raw
        except Unreadable:
            pass  # there is none, or it is compressed
    lines = text(raw).split("\n")
    return lines if whole else lines[1:]
