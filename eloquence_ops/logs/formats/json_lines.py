"""A JSON object a line: zap (LiveKit, pion, Caddy), structlog, loguru, bunyan, pino, GELF.

LiveKit's with `logging: {json: true}`, v1.13.5: `level`, `ts` in seconds, `logger`, `caller`,
`msg`, then the rest; Caddy's is the same with a `request` that holds the method and the address.
"""

from __future__ import annotations

from typing import Final

from eloquence_ops.logs import stamps
from eloquence_ops.logs.entry import Level, Stamp, Words
from eloquence_ops.logs.formats import Format
from eloquence_ops.logs.json_fields import as_fields, as_text, loaded
from eloquence_ops.logs.levels import level_of, level_of_number

_LEVELS: Final = ("level", "severity", "lvl", "levelname", "log.level", "loglevel")
_MOMENTS: Final = ("ts", "time", "timestamp", "@timestamp", "datetime", "asctime", "date")
_MESSAGES: Final = ("msg", "message", "event", "short_message", "text")
_REQUEST: Final = ("method", "uri", "host", "remote_ip")


def read(line: str) -> Words | None:
    if line[-1:] != "}" and not line.rstrip().endswith("}"):
        return None
    said = loaded(line)
    if said is None:
        return None
    record = said.get("record")
    if isinstance(record, dict) and isinstance(record.get("message"), str):
        said = _of_loguru(record)
    message = _taken(said, _MESSAGES)
    level = _level(said)
    stamp = _stamp(said)
    request = said.get("request")
    if isinstance(request, dict) and "uri" in request:
        _lay_out(said, request)
    elif message is None and level is None and stamp is None:
        return None  # a JSON document that somebody printed
    return Words("" if message is None else as_text(message), level, stamp, as_fields(said.items()))


def _taken(said: dict[str, object], keys: tuple[str, ...]) -> object:
    for key in keys:
        if isinstance(said.get(key), str):
            return said.pop(key)
    return None


def _level(said: dict[str, object]) -> Level | None:
    for key in _LEVELS:
        word = said.get(key)
        if isinstance(word, str):
            level = level_of(word)
        elif isinstance(word, int | float) and not isinstance(word, bool):
            level = level_of_number(word)
        else:
            continue
        if level is not None:
            del said[key]
            return level
    return None


def _stamp(said: dict[str, object]) -> Stamp | None:
    for key in _MOMENTS:
        moment = said.get(key)
        if isinstance(moment, str):
            stamp = stamps.iso(moment)
        elif isinstance(moment, int | float) and not isinstance(moment, bool):
            stamp = stamps.epoch(_seconds(moment))
        else:
            continue
        if stamp is not None:
            del said[key]
            return stamp
    return None


def _seconds(moment: float) -> float:
    """Seconds, milliseconds, microseconds or nanoseconds since 1970, told by their size: as seconds
    the year would be 5138 or later."""
    for unit in (1, 1_000, 1_000_000, 1_000_000_000):
        if -1e11 < moment < 1e11 * unit:
            return moment / unit
    return -1.0


def _lay_out(said: dict[str, object], request: dict[str, object]) -> None:
    del said["request"]
    for key in _REQUEST:
        if key in request:
            said[f"request.{key}"] = request[key]


def _of_loguru(record: dict[str, object]) -> dict[str, object]:
    """What `serialize=True` writes, without the whole of Python's view of itself."""
    level, time, extra = record.get("level"), record.get("time"), record.get("extra")
    said: dict[str, object] = {"message": record["message"]}
    if isinstance(level, dict):
        said["level"] = level.get("name")
    if isinstance(time, dict):
        said["time"] = time.get("timestamp")
    for key in ("name", "function", "line", "exception"):
        if record.get(key) is not None:
            said[key] = record[key]
    return said | extra if isinstance(extra, dict) else said


FORMAT = Format("json-lines", 10, read, starts="{")
