"""The journal's last lines of each unit in this boot, and which of them says why."""

from __future__ import annotations

import json
import re
from typing import Callable, NamedTuple

from eloquence_ops.server.remote import commands
from eloquence_ops.server.remote.log_patterns import JOURNAL, Pattern, recognised
from eloquence_ops.server.remote.reading import Unreadable, text

LINES = 200
SHOWN = 25
MOST_RECOGNISED = 12
_LONGEST_LINE = 8192
_FIELDS = "MESSAGE,PRIORITY,_PID,_SYSTEMD_INVOCATION_ID,INVOCATION_ID,SYSLOG_IDENTIFIER"
_FRAME = re.compile(r'^\s+File "([^"]+)", line (\d+)')
_KERNEL_LINES = 1500
_DAY_LINES = 20000
_LARGEST = 4 * 1024 * 1024
# `1795172048.123456 host uvicorn[42]: message`
_SHORT = re.compile(r"^(\d{1,12}\.\d+) \S+ ([^:\[]*)(?:\[\d+\])?: (.*)$")


class Line(NamedTuple):
    """`at` is in seconds since 1970. `run` is one start of the unit, by systemd's invocation id."""

    at: float
    priority: int
    source: str
    message: str
    run: str


class Recognised(NamedTuple):
    """`place` is `file:line` of the innermost frame, for the last line of a traceback."""

    line: Line
    pattern: Pattern
    place: str


def of_unit(unit: str) -> list[Line]:
    """Oldest first. Raises `Unreadable`."""
    return _of_boot(["--unit=" + unit, "--lines={}".format(LINES)])


def of_kernel() -> list[Line]:
    """`_TRANSPORT=kernel` rather than `-k`: the same, and it takes a field list everywhere."""
    return _of_boot(["--lines={}".format(_KERNEL_LINES), "_TRANSPORT=kernel"])


def of_day(unit: str) -> list[Line]:
    """A unit's lines of the last day, in a form that is a fraction of the other's size, without
    priority and run. Raises `Unreadable`."""
    words = ["--output=short-unix", "--since=-24h", "--unit=" + unit]
    return _asked([*words, "--lines={}".format(_DAY_LINES)], parse_short)


def _of_boot(selection: list[str]) -> list[Line]:
    # Without --all a message over 4096 bytes is null.
    words = ["--boot", "--output=json", "--all", "--output-fields=" + _FIELDS]
    return _asked([*words, *selection], parse)


def _asked(words: list[str], parsed: Callable[[bytes], list[Line]]) -> list[Line]:
    done = commands.run(["journalctl", "--no-pager", *words], limit=_LARGEST)
    lines = parsed(done.stdout)
    if not lines:
        said = done.stderr
        if "permission" in said or "not seeing messages" in said:
            raise Unreadable("permission-denied", "journalctl: " + said.strip()[:200])
        if done.status != 0:
            raise commands.refused("journalctl", done)
    return lines


def parse(raw: bytes) -> list[Line]:
    found = []
    for entry in raw.split(b"\n"):
        try:
            fields = json.loads(entry) if entry.strip() else None
        except ValueError:
            continue
        if not isinstance(fields, dict):
            continue
        stamp, priority = _text(fields, "__REALTIME_TIMESTAMP"), _text(fields, "PRIORITY")
        if stamp.isdigit() and len(stamp) < 20:
            found.append(
                Line(
                    at=int(stamp) / 1e6,
                    priority=int(priority) if priority in list("01234567") else 6,
                    source=_text(fields, "SYSLOG_IDENTIFIER"),
                    message=_text(fields, "MESSAGE")[:_LONGEST_LINE],
                    run=_text(fields, "_SYSTEMD_INVOCATION_ID") or _text(fields, "INVOCATION_ID"),
                )
            )
    return found


def parse_short(raw: bytes) -> list[Line]:
    """The second line of a message and those after it stand indented, without a time: left out."""
    matches = (_SHORT.match(entry) for entry in text(raw).split("\n"))
    return [
        Line(float(match.group(1)), 6, match.group(2), match.group(3)[:_LONGEST_LINE], "")
        for match in matches
        if match
    ]


def _text(fields: dict[str, object], name: str) -> str:
    """Text; a list of bytes where it is not printable; a list of either where it came twice."""
    value = fields.get(name)
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value:
        if all(isinstance(byte, int) and 0 <= byte < 256 for byte in value):
            return bytes(value).decode("utf-8", errors="backslashreplace")
        return _text({name: value[0]}, name)
    return ""


def recognise(lines: list[Line], patterns: tuple[Pattern, ...] = JOURNAL) -> list[Recognised]:
    found: list[Recognised] = []
    frame: dict[str, str] = {}
    for line in lines:
        at = _FRAME.match(line.message)
        if at:
            frame[line.run] = "{}:{}".format(*at.groups())
            continue
        pattern = recognised(line.message, patterns)
        if pattern is not None:
            is_error = not line.message[:1].isspace() and pattern.found in _ENDS_A_TRACEBACK
            place = frame.pop(line.run, "") if is_error else ""
            found.append(Recognised(line, pattern, place))
    return found


_ENDS_A_TRACEBACK = frozenset({"module-missing", "python-error", "settings-invalid"})


def decisive(found: list[Recognised], last_run: str) -> Recognised | None:
    """The line that says most: of the last run if it has one, of the highest rank, the latest."""
    of_last = [entry for entry in found if entry.line.run == last_run and entry.pattern.rank > 1]
    candidates = of_last or found
    if not candidates:
        return None
    return max(candidates, key=lambda entry: (entry.pattern.rank, entry.line.at))


def described(unit: str, lines: list[Line]) -> dict[str, object]:
    found = recognise(lines)
    runs = [line.run for line in lines if line.run]
    last_run = runs[-1] if runs else ""
    deciding = decisive(found, last_run)
    return {
        "unit": unit,
        "lines_read": len(lines),
        "first_at": lines[0].at if lines else None,
        "runs": len(set(runs)),
        "decisive": shown(deciding, last_run) if deciding else None,
        "recognised": [shown(entry, last_run) for entry in _latest_of_each(found)],
        "last": [
            {"at": line.at, "priority": line.priority, "source": line.source, "text": line.message}
            for line in lines[-SHOWN:]
        ],
    }


def _latest_of_each(found: list[Recognised]) -> list[Recognised]:
    """A crash loop says the same thing two hundred times; once is enough."""
    latest = {(entry.pattern.found, entry.line.message): entry for entry in found}
    return sorted(latest.values(), key=lambda entry: entry.line.at)[-MOST_RECOGNISED:]


def shown(entry: Recognised, last_run: str) -> dict[str, object]:
    return {
        "at": entry.line.at,
        "found": entry.pattern.found,
        "text": entry.line.message,
        "place": entry.place,
        "of_last_run": bool(last_run) and entry.line.run == last_run,
    }
