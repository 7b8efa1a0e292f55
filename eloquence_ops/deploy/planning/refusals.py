"""Why a deploy is not begun."""

from __future__ import annotations

from typing import Final

from eloquence_ops.deploy.choices import Choices, api_port
from eloquence_ops.deploy.planning.files import within, written_bytes
from eloquence_ops.deploy.planning.shapes import Note, some
from eloquence_ops.deploy.source import Source
from eloquence_ops.deploy.survey import Listener, Survey
from eloquence_ops.settings import Target

_OLDEST_SYSTEMD: Final = 247  # LoadCredential and the socket options that the units use


def refusals(
    target: Target,
    choices: Choices,
    survey: Survey,
    own_unit: str | None,
    held: Listener | None,
    restarts_livekit: bool,
    builds: bool,
    needs_env: bool,
) -> list[Note]:
    found = []
    if choices.unit_from_source and own_unit is None:
        found.append(Note("no-unit", {"unit": target.api_unit}))
    if survey.systemd is None or survey.systemd < _OLDEST_SYSTEMD:
        found.append(Note("systemd", {"found": survey.systemd or "–", "least": _OLDEST_SYSTEMD}))
    if needs_env and survey.env_local is None and not choices.brings_env:
        found.append(Note("no-env", {"folder": target.remote_dir}))
    if not survey.writable:
        found.append(Note("read-only", {"folder": target.remote_dir}))
    if builds and not survey.venv and survey.uv is None:
        found.append(Note("no-venv", {}))
    if held is not None and not choices.take_over:
        found.append(
            Note(
                "port-taken",
                {
                    "port": api_port(target, choices),
                    "pid": held.pid or "–",
                    "command": held.command or held.unit or "–",
                    "user": held.user or "–",
                },
            )
        )
    if choices.with_livekit and survey.livekit.binary is None:
        found.append(Note("no-livekit", {}))
    rooms = survey.livekit.rooms
    if restarts_livekit and rooms != 0 and not choices.force and _livekit_runs(target, survey):
        found.append(Note("rooms", {"rooms": "?" if rooms is None else rooms}))
    return found


def shared_in_source(target: Target, source: Source) -> list[Note]:
    shared = target.shared_paths
    found = [entry.path for entry in source.entries if within(entry.path, shared)]
    return [Note("shared-in-source", {"paths": some(found)})] if found else []


def no_room(target: Target, source: Source, survey: Survey) -> list[Note]:
    free, need = survey.free_bytes, written_bytes(source, survey)
    if free is None or free >= need:
        return []
    values = {"folder": target.remote_dir, "free": free // 2**20, "need": need // 2**20 + 1}
    return [Note("no-room", values)]


def _livekit_runs(target: Target, survey: Survey) -> bool:
    unit = survey.units.get(target.livekit_unit)
    return unit is not None and bool(unit.active)
