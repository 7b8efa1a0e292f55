"""Recordings: whole or refused, with a sentence that says why."""

from __future__ import annotations

import json
import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from eloquence_ops.errors import RecordingError, WriteError
from eloquence_ops.findings import Family
from eloquence_ops.observations import AddressLookup, HttpExchange, TcpConnect
from eloquence_ops.observations.http import Timings
from eloquence_ops.observations.names import Address
from eloquence_ops.observations.probe_ends import ProbeEnd
from eloquence_ops.run.recording import (
    RecordedOptions,
    RecordedTarget,
    Recording,
    parse,
    read,
    write,
    write_whole,
)

RECORDING = Recording(
    tool_version="0.1.0",
    command="doctor",
    target=RecordedTarget(
        name="lab",
        values={"api": "https://api.éloquence.test", "connect_to": ("a.test:443=127.0.0.1:1",)},
    ),
    options=RecordedOptions(areas=("api",), read_only=False, has_api_key=True),
    started_at=datetime(2026, 1, 1, tzinfo=UTC),
    duration_s=0.123456,
    probe_ends=(ProbeEnd(id="api.names", state="done"),),
    observations=(
        AddressLookup(
            host="api.xn--loquence-90a.test",
            resolver="system",
            outcome="found",
            addresses=(Address(family=Family.IPV4, address="203.0.113.10"),),
        ),
        TcpConnect(
            endpoint="https://api.éloquence.test",
            family=Family.IPV4,
            address="203.0.113.10",
            port=443,
            outcome="connected",
            duration_s=0.1,
        ),
        HttpExchange(
            purpose="root",
            endpoint="https://api.éloquence.test",
            family=Family.IPV4,
            address="203.0.113.10",
            method="GET",
            path="/",
            outcome="answered",
            status=502,
            headers=(("server", "nginx"), ("x", "\\x1b[31m")),
            body="…",
            timings=Timings(connect=0.1, total=0.3),
        ),
    ),
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "run.json"
    write(RECORDING, path)
    return path


def test_a_recording_comes_back_unchanged(file: Path) -> None:
    assert read(file) == RECORDING
    assert isinstance(read(file).observations[2], HttpExchange)


def test_only_its_owner_can_read_it(file: Path) -> None:
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def edited(file: Path, **changes: object) -> bytes:
    return json.dumps(json.loads(file.read_bytes()) | changes).encode()


def test_an_edited_one_is_refused(file: Path) -> None:
    with pytest.raises(RecordingError) as refused:
        parse(edited(file, command="check-api"), "run.json")
    assert refused.value.phrase_id == "recording.edited"


def test_whatever_is_edited(file: Path) -> None:
    raw = file.read_text(encoding="utf-8").replace("502", "200").encode()
    with pytest.raises(RecordingError) as refused:
        parse(raw, "run.json")
    assert refused.value.phrase_id == "recording.edited"


def test_one_of_a_newer_version_says_so(file: Path) -> None:
    with pytest.raises(RecordingError) as refused:
        parse(edited(file, version=2, tool_version="9.9.9"), "run.json")
    sentence = refused.value.sentence("en")
    assert refused.value.phrase_id == "recording.newer"
    assert "9.9.9" in sentence
    assert "Update" in sentence


@pytest.mark.parametrize("share", [0.05, 0.3, 0.9, 0.999])
def test_a_cut_one_says_that_its_end_is_missing(file: Path, share: float) -> None:
    raw = file.read_bytes().rstrip()
    with pytest.raises(RecordingError) as refused:
        parse(raw[: int(len(raw) * share)], "run.json")
    assert refused.value.phrase_id == "recording.truncated"


@pytest.mark.parametrize(
    "raw",
    [b"", b"not json", b"[]", b"{}", b"\xff\xfe\x00", b"[" * 100_000, b'{"format": "other"}'],
)
def test_anything_else_is_not_a_recording(raw: bytes) -> None:
    with pytest.raises(RecordingError) as refused:
        parse(raw, "run.json")
    assert refused.value.phrase_id == "recording.foreign"


def test_a_missing_file_and_a_folder_are_said_plainly(tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(RecordingError) as refused:
            read(path)
        assert refused.value.phrase_id == "recording.unreadable"
        assert str(path) in refused.value.sentence("fr")


def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report.json"
    path.write_text("before", encoding="utf-8")
    with Path("/dev/full").open("wb") as full:
        # The real error of a full disk, on the real file descriptor.
        monkeypatch.setattr(os, "fdopen", lambda *_, **__: open(full.fileno(), "w", closefd=False))  # noqa: SIM115
        with pytest.raises(WriteError) as refused:
            write_whole(path, "after" * 10_000)
    assert "No space left" in refused.value.sentence("en")
    assert path.read_text(encoding="utf-8") == "before"
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.json"]
