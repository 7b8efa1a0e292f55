"""Each STUN and TURN server that a call would use, or that the settings name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.observations import IceTrial


def trials_of(url: str, seen: Seen) -> list[IceTrial]:
    """One server may be handed out by two LiveKits, and be one of the settings'."""
    return [entry for entry in seen.every(IceTrial) if entry.url == url]


@check(
    "livekit.ice-server",
    feeds=("ice",),
    outcomes={
        "ok": "relay milliseconds",
        "answers": "mapped milliseconds",
        "no-password": "",
        "open": "relay",
        "wrong-password": "detail",
        "refuses": "code detail",
        "silent": "seconds",
        "silent-tcp": "seconds",
        "closed": "address port",
        "unreachable": "address port detail",
        "no-name": "host",
        "untrusted": "detail",
        "no-tls": "detail",
        "not-turn": "address port detail",
        "too-near": "address",
        "no-url": "",
        "stun-missing": "status",
    },
)
def ice_server(url: str, seen: Seen) -> Judgement:
    """What came of asking one server; where several LiveKits hand it out, of each."""
    told: dict[str, Verdict] = {}
    for trial in trials_of(url, seen):
        verdict = _judged(trial)
        told.setdefault(verdict.outcome, verdict)
    yield from told.values()


# Of TURN servers: what came of asking, and the evidence it carries.
_OUTCOMES: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "relayed": ("ok", ("relay", "milliseconds")),
    "bound": ("answers", ("mapped", "milliseconds")),
    "challenged": ("no-password", ()),
    "open": ("open", ("relay",)),
    "wrong-credentials": ("wrong-password", ("detail",)),
    "refused": ("refuses", ("code", "detail")),
    "silent": ("silent-tcp", ("seconds",)),
    "closed": ("closed", ("address", "port")),
    "unreachable": ("unreachable", ("address", "port", "detail")),
    "no-name": ("no-name", ("host",)),
    "untrusted": ("untrusted", ("detail",)),
    "no-tls": ("no-tls", ("detail",)),
    "not-turn": ("not-turn", ("address", "port", "detail")),
    "too-near": ("too-near", ("address",)),
    "not-an-address": ("no-url", ()),
}


def _judged(trial: IceTrial) -> Verdict:
    if trial.outcome == "silent" and trial.transport == "udp":
        return Verdict("silent", {"seconds": round(trial.duration_s, 1)})
    if not trial.relays and trial.outcome not in ("bound", "not-an-address"):
        # Whoever reaches a public address needs no STUN: LiveKit names it for good measure.
        return Verdict("stun-missing", {"status": trial.outcome})
    outcome, fields = _OUTCOMES[trial.outcome]
    known = {
        **{name: getattr(trial, name) for name in fields if name in IceTrial.model_fields},
        "milliseconds": round(trial.duration_s * 1000, 1),
        "seconds": round(trial.duration_s, 1),
    }
    return Verdict(outcome, {name: known[name] for name in fields})
