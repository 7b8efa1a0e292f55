"""Every observation of a run in one file, to be judged again anywhere, in either language.

The file is JSON, one document. It ends with a digest, so that a file that was cut or edited is
told from a whole one: a diagnosis is only as good as the observations under it.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import ValidationError

from eloquence_ops.checks.seen import Asked, Seen
from eloquence_ops.endpoints import parse_secure
from eloquence_ops.errors import RecordingError, UsageError, WriteError
from eloquence_ops.observations import AnyObservation
from eloquence_ops.observations.base import Record
from eloquence_ops.observations.probe_ends import ProbeEnd
from eloquence_ops.settings import Target, Value, build_target

VERSION: Final = 1
LARGEST_BYTES: Final = 32 * 1024 * 1024
# Paths on the machine of whoever recorded are of no use to anybody else; the last three are
# deploy's alone.
_NOT_RECORDED: Final = frozenset(
    {
        *("ca", "api_key_file", "livekit_keys_file", "app"),
        *("shared_paths", "before_switch", "after_switch"),
    }
)


class RecordedTarget(Record):
    name: str
    values: Mapping[str, Value]


class RecordedOptions(Record):
    areas: tuple[str, ...]
    read_only: bool
    proves_key: bool = True
    has_api_key: bool
    named: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    on_server: bool = False
    names: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    livekit_key: str | None = None
    rerun: tuple[str, ...] = ()
    """The arguments that name the same target again, without secrets."""


class Recording(Record):
    """One run. `started_at` is in UTC, and is the `now` of every judgement of it."""

    format: Literal["eloquence-recording"] = "eloquence-recording"
    version: Literal[1] = VERSION
    tool_version: str
    command: str
    target: RecordedTarget
    options: RecordedOptions
    started_at: datetime
    duration_s: float
    interrupted: bool = False
    probe_ends: tuple[ProbeEnd, ...]
    observations: tuple[AnyObservation, ...]

    def seen(self) -> Seen:
        """What the judgements get. Raises `RecordingError` when the target is not a valid one."""
        try:
            target = build_target(
                self.target.name, self.target.values, origin=lambda key: f"target.{key}"
            )
            addresses = tuple(parse_secure(address) for address in self.options.addresses)
        except UsageError as problem:
            raise RecordingError("recording.invalid", file="", reason=problem) from None
        options = self.options
        return Seen(
            target=target,
            asked=Asked(
                areas=frozenset(options.areas),
                read_only=options.read_only,
                proves_key=options.proves_key,
                has_api_key=options.has_api_key,
                named=frozenset(options.named),
                left_out=frozenset(options.left_out),
                on_server=options.on_server,
                names=options.names,
                addresses=addresses,
                livekit_key=options.livekit_key,
            ),
            now=self.started_at,
            observations=self.observations,
            probe_ends=self.probe_ends,
        )


def recorded_target(target: Target) -> RecordedTarget:
    values = {key: value for key, value in target.written if key not in _NOT_RECORDED}
    return RecordedTarget(name=target.name, values=values)


def _digest(document: Mapping[str, Any]) -> str:
    canonical = json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()


def write(recording: Recording, path: Path) -> None:
    """Writes the whole file or none, readable by its owner only. Raises `WriteError`."""
    document = recording.model_dump(mode="json")
    document["digest"] = _digest(document)
    write_whole(path, json.dumps(document, ensure_ascii=False, indent=1) + "\n")


def write_whole(path: Path, text: str) -> None:
    """Replaces `path` at once: a full disk leaves what was there. Raises `WriteError`."""
    temporary: str | None = None
    try:
        if path.exists() and not path.is_file():  # /dev/stdout, a pipe
            path.write_text(text, encoding="utf-8")
            return
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).replace(path)
    except OSError as refusal:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise WriteError("write.failed", file=path, reason=refusal.strerror or refusal) from None


def read(path: Path) -> Recording:
    """Raises `RecordingError`: not there, not a recording, cut, edited, or of a newer version."""
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST_BYTES + 1)
    except OSError as refusal:
        raise RecordingError(
            "recording.unreadable", file=path, reason=refusal.strerror or refusal
        ) from None
    if len(raw) > LARGEST_BYTES:
        raise RecordingError("recording.large", file=path, limit=LARGEST_BYTES // 2**20)
    return parse(raw, str(path))


def parse(raw: bytes, name: str) -> Recording:
    """A recording out of a file's bytes; `name` is for the error."""
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        started = raw.lstrip()[:200].startswith(b"{") and b"eloquence-recording" in raw[:200]
        raise RecordingError(
            "recording.truncated" if started else "recording.foreign", file=name
        ) from None
    if not isinstance(document, dict) or document.get("format") != "eloquence-recording":
        raise RecordingError("recording.foreign", file=name)
    version = document.get("version")
    if isinstance(version, int) and version > VERSION:
        by = document.get("tool_version")
        raise RecordingError("recording.newer", file=name, version=version, by=by, known=VERSION)
    if document.pop("digest", None) != _digest(document):
        raise RecordingError("recording.edited", file=name)
    try:
        return Recording.model_validate_json(json.dumps(document))
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RecordingError(
            "recording.invalid", file=name, reason=f"{where}: {first['msg']}"
        ) from None
