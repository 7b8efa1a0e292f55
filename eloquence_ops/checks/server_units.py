"""How the two units stand with systemd: do they run, do they come back, is their file in force?"""

from __future__ import annotations

from typing import Final

from eloquence_ops.checks import services
from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.checks.server_http import answer_at
from eloquence_ops.checks.services import Service
from eloquence_ops.endpoints import Role
from eloquence_ops.findings import Evidence

_STATES: Final = {
    "ok": "unit",
    "absent": "unit",
    "elsewhere": "unit port",
    "stopped": "unit",
    "not-started": "unit state",
    "failed": "unit result",
    "crash-looping": "unit result restarts",
    "starting": "unit",
    "not-listening": "unit port",
    "place-unknown": "unit",
    "changing": "unit state",
}


@check("server.api-unit", feeds=("facts",), outcomes=_STATES)
def api_unit(_server: str, seen: Seen) -> Judgement:
    """Whether systemd keeps the API running."""
    service = services.api(seen)
    if service is not None:
        yield _answering(service, "api", seen) or _state(service)


@check(
    "server.livekit-unit",
    feeds=("facts",),
    outcomes=_STATES | {"not-installed": "unit", "ended": "unit"},
)
def livekit_unit(_server: str, seen: Seen) -> Judgement:
    """Whether systemd keeps LiveKit running, or there is none at all."""
    service = services.livekit(seen)
    if service is None:
        return
    if service.state == "absent" and service.listeners == ():
        yield Verdict("not-installed", {"unit": service.name})
    else:
        yield _answering(service, "livekit", seen) or _state(service)


def _answering(service: Service, role: Role, seen: Seen) -> Verdict | None:
    """A service that did not listen yet, and answered at that very port a moment later."""
    if service.state != "not-listening" or not answer_at(role, service.port, seen):
        return None
    return Verdict("ok", {"unit": service.name})


def _state(service: Service) -> Verdict:
    unit, state = service.unit, service.state
    evidence: dict[str, str | int | None] = {"unit": service.name}
    if state in ("stopped", "not-started", "ended") and service.listeners:
        # Somebody else has its port: who, is the port's to say.
        return Verdict("elsewhere", evidence | {"port": service.port})
    match state:
        case "running":
            return Verdict("ok", evidence)
        case "not-started":
            return Verdict(state, evidence | {"state": unit.unit_file_state})
        case "failed":
            return Verdict(state, evidence | {"result": _result(service)})
        case "crash-looping":
            restarts = unit.restarts or 0
            return Verdict(state, evidence | {"result": _result(service), "restarts": restarts})
        case "not-listening":
            return Verdict(state, evidence | {"port": service.port})
        case "changing":
            return Verdict(state, evidence | {"state": f"{unit.active_state} ({unit.sub_state})"})
    return Verdict(state, evidence)


def _result(service: Service) -> str:
    """How it ended, in systemd's words: `exit-code 1`, `resources`; `active` between two ends."""
    unit = service.unit
    if unit.active_state == "active":
        return unit.active_state
    known = unit.exit_status is not None and unit.ended and unit.result != "resources"
    return f"{unit.result} {unit.exit_status}" if known else unit.result


_ENABLED: Final = {"ok": "unit", "no-unit": "unit", "not-enabled": "unit state"}


@check("server.api-enabled", feeds=("facts",), outcomes=_ENABLED)
def api_enabled(_server: str, seen: Seen) -> Judgement:
    """Whether the API comes back after a reboot."""
    yield from _enabled(services.api(seen))


@check("server.livekit-enabled", feeds=("facts",), outcomes=_ENABLED)
def livekit_enabled(_server: str, seen: Seen) -> Judgement:
    """Whether LiveKit comes back after a reboot."""
    yield from _enabled(services.livekit(seen))


def _enabled(service: Service | None) -> Judgement:
    if service is None:
        return
    evidence: Evidence = {"unit": service.name}
    if service.state == "absent":
        yield Verdict("no-unit", evidence)
    elif services.is_enabled(service.unit):
        yield Verdict("ok", evidence)
    else:
        yield Verdict("not-enabled", {**evidence, "state": service.unit.unit_file_state})


_LOADED: Final = {"ok": "unit", "no-unit": "unit", "changed": "unit path"}


@check("server.api-loaded", feeds=("facts",), outcomes=_LOADED)
def api_loaded(_server: str, seen: Seen) -> Judgement:
    """Whether systemd has loaded the API's unit as it is on disk."""
    yield from _loaded(services.api(seen))


@check("server.livekit-loaded", feeds=("facts",), outcomes=_LOADED)
def livekit_loaded(_server: str, seen: Seen) -> Judgement:
    """Whether systemd has loaded LiveKit's unit as it is on disk."""
    yield from _loaded(services.livekit(seen))


def _loaded(service: Service | None) -> Judgement:
    if service is None:
        return
    if service.unit.needs_daemon_reload:
        path = service.unit.fragment_path or service.name
        yield Verdict("changed", {"unit": service.name, "path": path})
    else:
        yield Verdict("no-unit" if service.state == "absent" else "ok", {"unit": service.name})
