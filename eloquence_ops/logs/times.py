"""Moments as people type them: `10m`, `19:30`, `yesterday`, `2026-11-30 19:30`, RFC 3339. Pure."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

from eloquence_ops.errors import UsageError

_AGO: Final = re.compile(r"-?(\d{1,9})\s?(s|sec|m|min|h|d|w)(?: ago)?", re.IGNORECASE)
_SECONDS: Final = {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800}
_OF_DAY: Final = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?")
_EPOCH: Final = re.compile(r"@(\d{1,11}(?:\.\d+)?)")


def parse(text: str, now: datetime) -> float:
    """Seconds since 1970. `now` has a zone, which holds for what is typed without one.

    Raises `UsageError`.
    """
    typed = text.strip()
    if found := _AGO.fullmatch(typed):
        return now.timestamp() - int(found[1]) * _SECONDS[found[2].lower()]
    if found := _EPOCH.fullmatch(typed):
        return float(found[1])
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    match typed.lower():
        case "now":
            return now.timestamp()
        case "today":
            return midnight.timestamp()
        case "yesterday":
            return (midnight - timedelta(days=1)).timestamp()
    if found := _OF_DAY.fullmatch(typed):
        hour, minute, second = (int(part or 0) for part in found.groups())
        moment = midnight.replace(hour=hour, minute=minute, second=second)
        # Asked shortly after midnight, 23:50 is the one that was.
        return (moment if moment <= now else moment - timedelta(days=1)).timestamp()
    try:
        moment = datetime.fromisoformat(typed)
        return (moment if moment.tzinfo else moment.replace(tzinfo=now.tzinfo)).timestamp()
    except (ValueError, OverflowError):
        raise UsageError("logs.time", value=text) from None
