"""The JSON of `deploy`, `rollback`, `releases` and `env`: documented in docs/json.md. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from eloquence_ops import __version__
from eloquence_ops.deploy import blame
from eloquence_ops.deploy.deployment import Finished, Planned
from eloquence_ops.deploy.env_file import Difference
from eloquence_ops.deploy.planning.shapes import Plan
from eloquence_ops.deploy.story import Teller, moment
from eloquence_ops.deploy.survey import Record, Survey
from eloquence_ops.secrets import Redactor

SCHEMA_VERSION = 1
Json = dict[str, Any]


@dataclass
class Account:
    """What a command came to, as far as it came."""

    command: str
    teller: Teller
    started_at: str
    planned: Planned | None = None
    finished: Finished | None = None
    survey: Survey | None = None
    steps: Sequence[tuple[str, str, float]] = ()
    notes: Sequence[tuple[str, Mapping[str, str]]] = ()
    seconds: float = 0.0
    outcome: str | None = None
    exit_code: int = 0
    more: Json = field(default_factory=dict)


def document(account: Account) -> Json:
    teller = account.teller
    seen = account.planned.plan.survey if account.planned else account.survey
    done = account.finished
    ending = done.ending if done else None
    before = seen.current if seen else None
    return {
        "schema_version": SCHEMA_VERSION,
        "tool_version": __version__,
        "command": account.command,
        "target": {
            "name": teller.target.name,
            "api": teller.target.value("api"),
            "livekit": teller.target.value("livekit"),
            "server": teller.server,
        },
        "exit_code": account.exit_code,
        "outcome": account.outcome or (ending.outcome if ending else None),
        "release": ending.release if ending else None,
        "previous": before,
        "current": ending.current if ending else before,
        "serves": ending.serves if ending else None,
        "started_at": account.started_at,
        "duration_s": round(account.seconds, 3),
        "plan": plan(account.planned, teller) if account.planned else None,
        "steps": [
            {"step": step, "state": state, "seconds": round(seconds, 3)}
            for step, state, seconds in account.steps
        ],
        "remarks": [
            {"id": note, "text": teller.remark(note, values)} for note, values in account.notes
        ],
        **_failure(done, teller),
        **account.more,
    }


def plan(planned: Planned, teller: Teller) -> Json:
    made = planned.plan
    return {
        "release": made.release,
        "by": planned.origin.who,
        "commit": planned.origin.commit,
        "nothing": made.nothing,
        "files": {
            "added": list(made.files.added),
            "changed": list(made.files.changed),
            "removed": list(made.files.removed),
        },
        "bytes_to_send": made.send_bytes,
        "texts": [
            {"name": change.name, "kind": change.kind, "diff": _redacted(change.diff)}
            for change in made.units
        ],
        "packages": _packages(made),
        "gap": made.gap,
        "adopts": made.adopts,
        "takes_over": made.takes_over.model_dump() if made.takes_over else None,
        "livekit_restarts": made.livekit_restarts,
        "notes": [{"id": note.id, "text": teller.note(note)} for note in made.notes],
        "refusals": [{"id": note.id, "text": teller.refusal(note)} for note in made.refusals],
    }


def _packages(made: Plan) -> Json:
    return {
        "reason": made.packages.why,
        "environment": made.packages.reuse,
        "changes": [
            {"name": change.name, "before": change.before, "after": change.after}
            for change in made.packages.changes
        ],
    }


def _redacted(lines: Sequence[str]) -> list[str]:
    redactor = Redactor()
    return [redactor.text(line) for line in lines]


def _failure(done: Finished | None, teller: Teller) -> Json:
    why = done.ending.why if done else None
    found = blame.of(why, teller.catalogue) if why else None
    compared = done.compared if done else None
    return {
        "why": {**why.model_dump(), "summary": teller.why(done)} if why and done else None,
        "causes": [
            {
                "id": cause.id,
                "title": cause.title.in_language(teller.language),
                "owner": cause.owner,
                "line": found.line if found else None,
            }
            for cause in (found.causes if found else ())
        ],
        "outside": (
            {
                "new": [finding.id for finding in compared.new],
                "old": [finding.id for finding in compared.old],
            }
            if compared
            else None
        ),
    }


def releases(seen: Survey) -> list[Json]:
    newest = sorted(seen.releases, key=lambda record: (not record.adopted, record.id), reverse=True)
    return [_release(record, seen) for record in newest]


def _release(record: Record, seen: Survey) -> Json:
    return {
        "id": record.id,
        "made_at": _time(record.made_at),
        "by": record.by,
        "commit": record.commit,
        "adopted": record.adopted,
        "good_at": _time(record.good_at),
        "current": record.id == seen.current,
    }


def status(seen: Survey) -> Json:
    lock = seen.lock
    return {
        "running": (
            {
                "who": lock.who,
                "since": _time(lock.since),
                "release": lock.release,
                "step": lock.step,
            }
            if lock
            else None
        ),
        "unfinished": seen.unfinished is not None and lock is None,
        "last": dict(seen.last) if seen.last else None,
    }


def env(difference: Difference | None) -> Mapping[str, Any]:
    if difference is None:
        return {"missing": None, "extra": None, "common": None}
    return {
        "missing": list(difference.missing),
        "extra": list(difference.extra),
        "common": list(difference.common),
    }


def _time(at: float | None) -> str | None:
    return moment(at).replace(" ", "T") + "Z" if at else None
