"""How units and configuration differ from what lies on the server, without secrets."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Mapping
from typing import Literal

from eloquence_ops.deploy.choices import Choices
from eloquence_ops.deploy.planning.shapes import LiveKitFiles, TextChange
from eloquence_ops.deploy.survey import Survey, Unit
from eloquence_ops.settings import Target


def text_changes(wanted: Mapping[str, str], there: Mapping[str, Unit]) -> tuple[TextChange, ...]:
    found = []
    for name, text in wanted.items():
        unit = there.get(name)
        before = unit.text if unit else None
        if before is not None and _is_same(before, unit.sha256 if unit else None, text):
            continue
        found.append(change(name, before, text))
    return tuple(found)


def _is_same(masked: str, digest: str | None, text: str) -> bool:
    return hashlib.sha256(text.encode()).hexdigest() == digest if digest else masked == text


def change(name: str, before: str | None, after: str | None) -> TextChange:
    kind: Literal["new", "changed", "removed"] = (
        "new" if before is None else "removed" if after is None else "changed"
    )
    lines = difflib.unified_diff(
        (before or "").splitlines(),
        (after or "").splitlines(),
        f"server/{name}" if before is not None else "/dev/null",
        f"new/{name}" if after is not None else "/dev/null",
        lineterm="",
    )
    return TextChange(name, kind, tuple(lines))


def livekit_changes(
    target: Target, wanted: LiveKitFiles | None, survey: Survey
) -> tuple[TextChange, ...]:
    if wanted is None:
        return ()
    found: list[TextChange] = []
    if wanted.unit is not None:
        found += text_changes({target.livekit_unit: wanted.unit}, survey.units)
    if wanted.yaml is not None:
        there = survey.livekit
        if there.yaml is None or not _is_same(there.yaml, there.yaml_sha256, wanted.yaml):
            found.append(change(wanted.yaml_path, there.yaml, _without_keys(wanted.yaml)))
        if wanted.keys_change:
            kind: Literal["new", "changed"] = "changed" if there.keys_digest else "new"
            found.append(TextChange(wanted.key_file, kind, ()))
    return tuple(found)


def _without_keys(yaml: str) -> str:
    """`keys:` holds secrets: the names stay, as the server's masking leaves them."""
    lines, inside = [], False
    for line in yaml.splitlines():
        if inside and line[:1] in (" ", "\t") and ":" in line:
            line = f"{line.partition(':')[0]}: ***"  # noqa: PLW2901  # the line as it is shown
        else:
            inside = line.rstrip() == "keys:"
        lines.append(line)
    return "\n".join(lines) + "\n"


def source_unit(
    target: Target, choices: Choices, own_unit: str | None, texts: Mapping[str, str]
) -> TextChange | None:
    """From the unit that the source brings along to the one that is used instead."""
    ours = texts.get(target.api_unit)
    if own_unit is None or choices.unit_from_source or own_unit == ours:
        return None
    return change(target.api_unit, own_unit, ours)
