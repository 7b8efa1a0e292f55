"""The facts in a server's answer, as observations. The answer may be anything: nothing here raises.

Every text passes through the redactor and is made visible, although our program there has masked
what it knows as secret: here other secrets are known.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from eloquence_ops.observations import (
    KernelLog,
    LiveKitConfig,
    ServerCertificates,
    ServerChanges,
    ServerClock,
    ServerFact,
    ServerFacts,
    ServerFirewall,
    ServerInstallation,
    ServerListeners,
    ServerMachine,
    ServerProcesses,
    ServerProxies,
    ServerTraffic,
    UnitJournal,
    UnitState,
)
from eloquence_ops.observations.server import FactsOutcome, Unknown
from eloquence_ops.probes import remote_text
from eloquence_ops.secrets import Redactor
from eloquence_ops.settings import Target

_LONGEST_TEXT: Final = 600
_MOST_ENTRIES: Final = 1000
_DEEPEST: Final = 12
_RAW: Final = frozenset({"nft", "iptables", "ip6tables", "iptables_legacy", "ip6tables_legacy"})
_LONGEST_RAW: Final = 320 * 1024


class NotAnAnswer(ValueError):
    """What came is not what our program sends."""


@dataclass(frozen=True)
class _Shape:
    """A subject becomes an observation: its value as a whole or under a `field`; or one of each."""

    model: type[ServerFact]
    field: str | None = None
    each: bool = False

    @property
    def kind(self) -> str:
        return str(self.model.model_fields["kind"].default)


_JOURNAL: Final = _Shape(UnitJournal)
_SHAPES: Final[Mapping[str, _Shape]] = {
    "units": _Shape(UnitState, each=True),
    "journal.api": _JOURNAL,
    "journal.livekit": _JOURNAL,
    "journal.nginx": _JOURNAL,
    "journal.caddy": _JOURNAL,
    "journal.haproxy": _JOURNAL,
    "journal.kernel": _Shape(KernelLog),
    "listeners": _Shape(ServerListeners),
    "processes": _Shape(ServerProcesses),
    "firewall": _Shape(ServerFirewall),
    "installation": _Shape(ServerInstallation),
    "livekit_config": _Shape(LiveKitConfig),
    "proxies": _Shape(ServerProxies, field="proxies"),
    "certificates": _Shape(ServerCertificates, field="certificates"),
    "traffic": _Shape(ServerTraffic),
    "machine": _Shape(ServerMachine),
    "clock": _Shape(ServerClock),
    "changes": _Shape(ServerChanges),
}


@dataclass(frozen=True)
class Asking:
    """Whom was asked, and when: seconds from the start of the run, seconds there and back."""

    target: Target
    at_s: float
    duration_s: float


def parse(raw: bytes) -> dict[str, Any]:
    """The document between the marks. Raises `NotAnAnswer`."""
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        raise NotAnAnswer("not JSON") from None
    if not isinstance(document, dict) or document.get("version") != 1:
        raise NotAnAnswer("not a document of version 1")
    return document


def describe(
    document: Mapping[str, Any], asking: Asking, redactor: Redactor
) -> tuple[ServerFact, ...]:
    """How it went first, then every subject that is there."""
    subjects = document.get("subjects")
    found: list[ServerFact] = []
    missing: list[Unknown] = []
    for name, shape in _SHAPES.items():
        subject = subjects.get(name) if isinstance(subjects, dict) else None
        about = _about(name, shape, asking.target)
        made, unknown = _observations(subject, shape, asking, redactor)
        found += made
        missing += [
            entry.model_copy(update={"fact": f"{about} {entry.fact}".rstrip()}) for entry in unknown
        ]
    return (_summary(document, tuple(missing), asking, redactor), *found)


def _about(name: str, shape: _Shape, target: Target) -> str:
    """A kind, and of a journal the unit too."""
    if shape is not _JOURNAL:
        return shape.kind
    of = name.partition(".")[2]
    unit = {"api": target.api_unit, "livekit": target.livekit_unit}.get(of, f"{of}.service")
    return f"{shape.kind} {unit}"


def _summary(
    document: Mapping[str, Any], missing: tuple[Unknown, ...], asking: Asking, redactor: Redactor
) -> ServerFacts:
    def line(name: str) -> str:
        return remote_text.line(str(document.get(name, "")), redactor, limit=60)

    too_old = document.get("python_too_old") is True
    outcome: FactsOutcome = "read" if document.get("finished") is True else "not-finished"
    return ServerFacts(
        outcome="python-too-old" if too_old else outcome,
        python=line("python"),
        user=line("user"),
        is_root=document.get("is_root") is True,
        unknown=() if too_old else missing,
        at_s=asking.at_s,
        duration_s=asking.duration_s,
    )


def _observations(
    subject: object, shape: _Shape, asking: Asking, redactor: Redactor
) -> tuple[list[ServerFact], list[Unknown]]:
    """The observations of a subject, and what there is none of."""
    try:
        if not isinstance(subject, dict):
            raise NotAnAnswer("no such subject")
        cleaned = _clean(subject, redactor)
        unknown = [Unknown.model_validate(entry) for entry in cleaned["unknown"]]
        if cleaned["value"] is None:
            return [], unknown or [Unknown(fact="", reason="garbage", detail="no value")]
        times = {"at_s": asking.at_s, "duration_s": cleaned.get("seconds", 0.0)}
        if shape.model is ServerClock:
            times["duration_s"] = asking.duration_s
        rest = times if shape.each else times | {"unknown": tuple(unknown)}
        values = list(_values(cleaned["value"], shape))
        made = [shape.model.model_validate(_plain(value) | rest) for value in values]
        return made, unknown if shape.each else []
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        return [], [_garbage(f"{where}: {first['msg']}", redactor)]
    except (NotAnAnswer, KeyError, TypeError) as problem:
        return [], [_garbage(str(problem), redactor)]


def _garbage(why: str, redactor: Redactor) -> Unknown:
    return Unknown(
        fact="", reason="garbage", detail=remote_text.line(why, redactor, limit=_LONGEST_TEXT)
    )


def _values(value: object, shape: _Shape) -> Iterator[object]:
    if shape.field is not None:
        yield {shape.field: value}
    elif shape.each:
        yield from value if isinstance(value, list) else [value]
    else:
        yield value


def _plain(value: object) -> dict[str, Any]:
    """Without the fields that are ours to say."""
    if not isinstance(value, dict) or {"kind", "vantage", "unknown", "at_s"} & value.keys():
        raise NotAnAnswer("not a subject of ours")
    return value


def _clean(value: Any, redactor: Redactor, limit: int = _LONGEST_TEXT, depth: int = 0) -> Any:
    """`value` with every text safe, every list bounded. Raises `NotAnAnswer` for what no answer of
    ours has: numbers without end, depth, a text that must be whole and is too long."""
    if depth > _DEEPEST:
        raise NotAnAnswer("too deep")
    match value:
        case str() if limit == _LONGEST_RAW:
            if len(value) > limit:
                raise NotAnAnswer("too long")
            return remote_text.block(value, redactor, limit=limit)
        case str():
            return remote_text.line(value, redactor, limit=limit)
        case dict():
            return {
                str(name): _clean(
                    inner, redactor, _LONGEST_RAW if name in _RAW else limit, depth + 1
                )
                for name, inner in list(value.items())[:_MOST_ENTRIES]
            }
        case list():
            return [_clean(inner, redactor, limit, depth + 1) for inner in value[:_MOST_ENTRIES]]
        case bool() | None:
            return value
        case int() | float() if abs(value) < 2**63:  # which neither NaN nor infinity is
            return value
    raise NotAnAnswer("a number without end")
