"""What rsyslog puts before a line in its files, Debian 12's way (`2026-11-30T19:37:47.123456+00:00
host haproxy[123]: …`) and the old one (`Nov 30 19:37:47 host …`). Behind it HAProxy's own line, or
any."""

from __future__ import annotations

import re
from typing import Final

from eloquence_ops.logs import stamps
from eloquence_ops.logs.entry import Stamp, Words
from eloquence_ops.logs.formats import Format, haproxy

_OLD: Final = re.compile(r"([A-Z][a-z]{2}) {1,2}([0-9]{1,2}) ([0-9]{2}:[0-9]{2}:[0-9]{2}) ")
_WRITER: Final = re.compile(r"[\w.:-]{1,255} ([\w./@-]{1,100})(?:\[([0-9]{1,10})\])?: ?")


def read(line: str) -> Words | None:
    if line[10:11] == "T":
        found = stamps.leading(line)
        if found is None or line[found[1] : found[1] + 1] != " ":
            return None
        return _behind(line, found[0], found[1] + 1)
    old = _OLD.match(line)
    stamp = stamps.named_month_and_day(*old.groups()) if old else None
    return None if old is None or stamp is None else _behind(line, stamp, old.end())


def _behind(line: str, stamp: Stamp, begin: int) -> Words | None:
    writer = _WRITER.match(line, begin)
    if writer is None:
        return None
    name, pid = writer.groups()
    if pid is None and stamp.year is not None:
        return None  # as well an app's `2026-11-30T19:37:47Z some word: message`
    message = line[writer.end() :]
    speaker = f"{name}/{pid or ''}"
    if (words := haproxy.read(message)) is not None:
        return Words(words.message, words.level, words.stamp, words.fields, speaker)
    return Words(message, stamp=stamp, fields=(("program", name),), speaker=speaker)


FORMAT = Format("syslog", 40, read, starts="0123456789JFMASOND")
