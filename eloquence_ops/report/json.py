"""`--output json`, version 1. The shape is a promise: changed only with `schema_version`."""

from __future__ import annotations

import json
from typing import Any, Final

from eloquence_ops import __version__
from eloquence_ops.checks.seen import Seen
from eloquence_ops.findings import Finding
from eloquence_ops.observations import AppSource, ServerReach
from eloquence_ops.report.account import Step, Storyteller, ToldCause

SCHEMA_VERSION: Final = 1


def render(story: Storyteller) -> str:
    """One JSON document, keys in the documented order, ended by a line break."""
    return json.dumps(document(story), ensure_ascii=False, indent=2) + "\n"


def document(story: Storyteller) -> dict[str, Any]:
    result = story.result
    recording, diagnosis = result.recording, result.diagnosis
    target = result.seen.target
    return {
        "schema_version": SCHEMA_VERSION,
        "tool_version": __version__,
        "command": recording.command,
        "target": {
            "name": target.name,
            "api": str(target.api) if target.api else None,
            "livekit": str(target.livekit) if target.livekit else None,
            "server": target.server,
        },
        "verdict": result.verdict,
        "headline": story.headline(),
        "vantages": {
            "here": True,
            "server": seen_inside(result.seen),
            "code": seen_source(result.seen),
        },
        "started_at": recording.started_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "duration_s": recording.duration_s,
        "findings": [_finding(finding, story) for finding in result.findings],
        "causes": [_cause(cause) for cause in story.each_cause()],
        "ruled_out": [
            {"id": entry.cause.id, "by": [_reference(finding) for finding in entry.by]}
            for entry in diagnosis.ruled_out
        ],
        "unexplained": [_reference(finding) for finding in diagnosis.unexplained],
        "masked": diagnosis.masked,
    }


def seen_inside(seen: Seen) -> bool:
    """Whether the server was looked at from inside."""
    reach = seen.one(ServerReach)
    return reach is not None and reach.outcome in ("reached", "sudo")


def seen_source(seen: Seen) -> bool:
    """Whether the app's source was read."""
    source = seen.one(AppSource)
    return source is not None and source.outcome == "read"


def _reference(finding: Finding) -> str:
    return f"{finding.id}@{finding.vantage}"


def _finding(finding: Finding, story: Storyteller) -> dict[str, Any]:
    return {
        "id": finding.id,
        "check": finding.check,
        "status": finding.status.value,
        "vantage": finding.vantage.value,
        "subject": str(finding.subject),
        "summary": story.summary(finding),
        "evidence": {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in finding.evidence.items()
        },
        "masked_by": list(finding.masked_by),
        "duration_s": finding.duration_s,
    }


def _cause(cause: ToldCause) -> dict[str, Any]:
    return {
        "id": cause.id,
        "title": cause.title,
        "owner": cause.owner,
        "subject": cause.subject,
        "confidence": cause.confidence,
        "explains": [_reference(finding) for finding in cause.chosen.explains],
        "confirmed_by": [_reference(finding) for finding in cause.chosen.confirmed_by],
        "alternatives": [
            {"id": other.id, "why": other.why, "next_probe": _told(other.next_probe)}
            for other in cause.alternatives
        ],
        "remedies": [
            {"say": step.say, "run": step.run, "where": step.where, "changes": step.changes}
            for step in cause.remedies
        ],
        "verify": cause.verify,
    }


def _told(step: Step) -> str:
    return f"{step.say} ({step.where}: {step.run})" if step.run else step.say
