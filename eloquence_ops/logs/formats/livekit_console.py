"""LiveKit's own form, without `logging: {json: true}` (zap's console encoder, v1.13.5): moment,
level, logger, caller and message with tabs between, then an object where there is more to say."""

from __future__ import annotations

from eloquence_ops.logs import stamps
from eloquence_ops.logs.entry import Fields, Words
from eloquence_ops.logs.formats import Format
from eloquence_ops.logs.json_fields import as_fields, loaded
from eloquence_ops.logs.levels import level_of


def read(line: str) -> Words | None:
    if line[10:11] != "T" or "\t" not in line[19:36]:
        return None
    moment, word, rest = (*line.split("\t", 2), "", "")[:3]
    level, stamp = level_of(word), stamps.iso(moment)
    if level is None or stamp is None:
        return None
    place, message = _place(rest)
    begin = message.find("\t{")
    said = loaded(message[begin + 1 :]) if begin >= 0 else None
    if said is None:
        return Words(message, level, stamp, place)
    return Words(message[:begin], level, stamp, (*place, *as_fields(said.items())))


def _place(text: str) -> tuple[Fields, str]:
    """The logger and the caller, either of which may be left out, and what follows."""
    columns = text.split("\t", 2)
    if len(columns) > 2 and ".go:" in columns[1]:
        return (("logger", columns[0]), ("caller", columns[1])), columns[2]
    if len(columns) > 1 and ".go:" in columns[0]:
        return (("caller", columns[0]),), "\t".join(columns[1:])
    return (), text


FORMAT = Format("livekit-console", 10, read, starts="0123456789")
