"""journald's entries, as `journalctl --output=json` writes them. Pure.

Source: systemd's journal-export-formats.md and systemd.journal-fields(7). A field with bytes that
are no printable UTF-8 (an escape sequence is enough) comes as a list of numbers, one that occurs
several times as a list of its values, and without `--all` one over 4096 bytes as null.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from eloquence_ops.logs.entry import Level

_FIELDS: Final = "MESSAGE,PRIORITY,_PID,SYSLOG_IDENTIFIER"
# syslog(3): 0 emerg to 7 debug.
_LEVELS: Final = (
    Level.CRITICAL,
    Level.CRITICAL,
    Level.CRITICAL,
    Level.ERROR,
    Level.WARNING,
    Level.NOTICE,
    Level.INFO,
    Level.DEBUG,
)
_INFO: Final = 6


class Record(NamedTuple):
    """One entry. `level` is None where the priority is the one that systemd gives to whatever a
    service prints (info): then the line itself knows better."""

    cursor: str
    at: float
    message: str
    level: Level | None
    speaker: str


def words(units: Sequence[str]) -> list[str]:
    """The arguments of journalctl that choose and shape; where to begin is `beginning`'s."""
    # Without --all a message over 4096 bytes is null.
    return [
        "--output=json",
        "--all",
        f"--output-fields={_FIELDS}",
        *(f"--unit={unit}" for unit in units),
    ]


def beginning(lines: int | None, since: float | None, until: float | None) -> list[str]:
    """`since` and `until` in seconds since 1970, by the server's clock."""
    chosen = []
    if since is not None:
        chosen.append(f"--since=@{since:.6f}")
    if until is not None:
        chosen.append(f"--until=@{until:.6f}")
    return [*chosen, f"--lines={'all' if lines is None else lines}"]


def read(line: bytes) -> Record | None:
    """None for what is no entry, or one without a place and a time."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    cursor, stamp = found.get("__CURSOR"), found.get("__REALTIME_TIMESTAMP")
    if not isinstance(cursor, str) or not isinstance(stamp, str) or not stamp.isdigit():
        return None
    if len(stamp) > 17:  # the year 5138
        return None
    message = found.get("MESSAGE")
    priority = found.get("PRIORITY")
    return Record(
        cursor,
        int(stamp) / 1e6,
        message if isinstance(message, str) else _text(message),
        _level(priority) if priority != "6" else None,
        f"{_text(found.get('SYSLOG_IDENTIFIER'))}[{_text(found.get('_PID'))}]",
    )


def _level(priority: object) -> Level | None:
    text = _text(priority)
    if len(text) != 1 or text not in "01234567":
        return None
    return _LEVELS[int(text)] if int(text) != _INFO else None


def _text(value: Any) -> str:
    """Of a field that is text, bytes, several of them, or nothing."""
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        return ""
    if all(isinstance(item, int) for item in value):
        return bytes(item & 255 for item in value).decode("utf-8", errors="backslashreplace")
    return " ".join(_text(item) for item in value if isinstance(item, str | list))
