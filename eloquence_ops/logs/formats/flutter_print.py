"""What `flutter run` puts before a line that the app printed: `flutter: ` (iOS, the desktops) and
`[log] ` (developer.log). The line behind it is in the app's own format."""

from __future__ import annotations

from typing import Final

from eloquence_ops.logs.app_lines import read_app_line
from eloquence_ops.logs.entry import Words
from eloquence_ops.logs.formats import Format

_PREFIX: Final = "flutter: "


def read(line: str) -> Words | None:
    if not line.startswith(_PREFIX):
        return None
    return read_app_line(line[len(_PREFIX) :])


FORMAT = Format("flutter-print", 10, read, starts="f")
