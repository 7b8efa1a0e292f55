"""`adb logcat -v brief` and `-v time`; `flutter logs` and `flutter run` on Android print the first.

`I/flutter ( 1234): message`, `11-30 19:37:47.123 I/flutter ( 1234): message`, and without the pid
(`-v tag`).
"""

from __future__ import annotations

import re
from typing import Final

from eloquence_ops.logs import stamps
from eloquence_ops.logs.app_lines import read_logcat_line
from eloquence_ops.logs.entry import Words
from eloquence_ops.logs.formats import Format

_HEAD: Final = re.compile(
    r"(?:([0-9]{2}-[0-9]{2}) ([0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3,9}) )?"
    r"([VDIWEFAS])/(?:([^:(]{1,128})\( {0,10}([0-9]{1,10})\)|([\w.$-]{1,128})):(?: |$)"
)


def read(line: str) -> Words | None:
    if line[1:2] != "/" and line[2:3] != "-":
        return None
    head = _HEAD.match(line)
    if head is None:
        return None
    day, time, letter, tag, pid, tag_alone = head.groups()
    stamp = stamps.month_and_day(day, time) if day else None
    return read_logcat_line(
        (tag or tag_alone).strip(), pid or "", letter, line[head.end() :], stamp
    )


FORMAT = Format("logcat-brief", 20, read, starts="VDIWEFAS01")
