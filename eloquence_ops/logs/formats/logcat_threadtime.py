"""`adb logcat -v threadtime`, adb's default; with `-v year`, `zone`, `UTC`, `usec`, `uid`.

`11-30 19:37:47.123  1234  5678 I flutter : message`; the phone's clock and zone, unless it says.
"""

from __future__ import annotations

import re
from typing import Final

from eloquence_ops.logs import stamps
from eloquence_ops.logs.app_lines import read_logcat_line
from eloquence_ops.logs.entry import Words
from eloquence_ops.logs.formats import Format

_HEAD: Final = re.compile(
    r"(?:([0-9]{4})-)?([0-9]{2}-[0-9]{2}) ([0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3,9})"
    r"(?: ([+-][0-9]{4}))? {1,12}(?:[A-Za-z][\w]{0,20} {1,12})?([0-9]{1,10}) {1,12}([0-9]{1,10}) "
    r"([VDIWEFAS]) "
)


def read(line: str) -> Words | None:
    if line[2:3] != "-" and line[4:5] != "-":
        return None
    head = _HEAD.match(line)
    if head is None:
        return None
    year, day, time, zone, pid, _, letter = head.groups()
    if year is None:
        stamp = stamps.month_and_day(day, time, stamps.east_of(zone))
    else:
        stamp = stamps.iso(f"{year}-{day} {time}{zone or ''}")
    tag, colon, message = line[head.end() :].partition(":")
    if stamp is None or not colon:
        return None
    return read_logcat_line(tag.strip(), pid, letter, message.removeprefix(" "), stamp)


FORMAT = Format("logcat-threadtime", 20, read, starts="0123456789")
