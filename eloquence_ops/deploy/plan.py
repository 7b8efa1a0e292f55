"""What a deploy would change: a function of settings, source and the server's facts. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from eloquence_ops.deploy.choices import Choices
from eloquence_ops.deploy.planning.files import file_changes, to_send
from eloquence_ops.deploy.planning.packages import packages_of
from eloquence_ops.deploy.planning.refusals import no_room, refusals, shared_in_source
from eloquence_ops.deploy.planning.remarks import (
    another_launcher,
    opens_port,
    server_notes,
    source_notes,
)
from eloquence_ops.deploy.planning.shapes import LiveKitFiles, Plan, Rendered
from eloquence_ops.deploy.planning.switch import gap_of, held_by_stranger, serves, socket_of
from eloquence_ops.deploy.planning.texts import change, livekit_changes, source_unit, text_changes
from eloquence_ops.deploy.requirements import Requirements
from eloquence_ops.deploy.source import Source
from eloquence_ops.deploy.survey import Survey
from eloquence_ops.settings import Target

_SHORT: Final = 8


def make(
    target: Target,
    choices: Choices,
    source: Source,
    survey: Survey,
    rendered: Rendered,
    requirements: Requirements | None,
    release: str,
    livekit: LiveKitFiles | None = None,
) -> Plan:
    """Every difference between what is there and what is wanted."""
    files = file_changes(source.entries, survey, target.shared_paths)
    texts = dict(rendered.units)
    own_unit = source.text(target.api_unit) if source.entry(target.api_unit) else None
    units = text_changes(texts, survey.units)
    if (gone := socket_of(target.api_unit)) in survey.units and gone not in texts:
        units = (*units, change(gone, survey.units[gone].text, None))
    of_livekit = livekit_changes(target, livekit, survey)
    packages = packages_of(source, requirements, survey, choices)
    restarts_livekit = bool(of_livekit)
    builds = packages.reuse is None
    # A `-` before the file would have systemd start the service without it.
    needs_env = "\nEnvironmentFile=/" in texts.get(target.api_unit, "")
    adopts = survey.layout == "flat"
    held = held_by_stranger(target, survey)
    notes = [
        *source_notes(target, choices, source, requirements, own_unit, texts),
        *server_notes(target, choices, survey, source, rendered.serve),
    ]
    nothing = not (
        files
        or units
        or of_livekit
        or another_launcher(rendered.serve, survey)
        or adopts
        or packages.reuse is None
        or held
        or survey.unfinished
        or opens_port(choices, survey)
        or not serves(target, survey, choices)
    )
    return Plan(
        release=release,
        survey=survey,
        files=files,
        send=to_send(source.entries, survey),
        units=(*units, *of_livekit),
        texts=texts,
        packages=packages,
        gap=gap_of(target, choices, survey, texts),
        livekit=livekit,
        livekit_restarts=restarts_livekit,
        adopts=adopts,
        takes_over=held,
        nothing=nothing,
        notes=tuple(notes),
        source_unit=source_unit(target, choices, own_unit, texts),
        refusals=(
            *refusals(target, choices, survey, own_unit, held, restarts_livekit, builds, needs_env),
            *shared_in_source(target, source),
            *no_room(target, source, survey),
        ),
    )


def release_id(now: float, digest: str, commit: str | None) -> str:
    """`YYYYMMDD-HHMMSS-<commit or digest>`, in UTC by the server's clock: sorts as it happened."""
    moment = datetime.fromtimestamp(now, UTC)
    return f"{moment:%Y%m%d-%H%M%S}-{(commit or digest)[:_SHORT]}"
