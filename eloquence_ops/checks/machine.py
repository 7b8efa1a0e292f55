"""This machine, as a suspect: judged first, blamed only on its own evidence."""

from __future__ import annotations

from eloquence_ops.checks.fingerprints import GATEWAY_STATUSES
from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.findings import Family
from eloquence_ops.observations import ProxyTrial, TcpConnect


@check(
    "machine.route",
    feeds=("network",),
    outcomes={"ok": "families", "no-ipv6": "hosts", "no-ipv4": "hosts", "none": ""},
)
def route(_here: str, seen: Seen) -> Judgement:
    """Routes for the address families that the target needs; loopback needs none."""
    if seen.machine is None:
        return
    for family, outcome in ((Family.IPV6, "no-ipv6"), (Family.IPV4, "no-ipv4")):
        hosts = tuple(sorted(_hosts_only_by(family, seen)))
        if hosts and not seen.has_route(family):
            if seen.machine.routes:
                yield Verdict(outcome, {"hosts": hosts})
            else:
                yield Verdict("none")
            return
    yield Verdict("ok", {"families": tuple(seen.machine.routes)})


def _hosts_only_by(family: Family, seen: Seen) -> set[str]:
    """Endpoints of which every attempt was in `family` and failed for want of a route."""
    attempts: dict[str, list[TcpConnect]] = {}
    for attempt in seen.every(TcpConnect):
        attempts.setdefault(attempt.endpoint, []).append(attempt)
    return {
        endpoint
        for endpoint, made in attempts.items()
        if all(entry.family is family and entry.outcome == "no-route-here" for entry in made)
    }


@check(
    "machine.proxy",
    feeds=("proxy",),
    outcomes={
        "ok": "",
        "same": "variable proxy",
        "breaks": "variable proxy detail",
        "required": "variable proxy",
        "unclear": "variable proxy",
    },
)
def proxy(_here: str, seen: Seen) -> Judgement:
    """Whether the proxy variables lead the tools of this machine elsewhere than these probes."""
    trials = [trial for trial in seen.every(ProxyTrial) if trial.outcome != "not-tried"]
    if not trials:
        if seen.machine is not None:
            yield Verdict("ok")
        return
    direct = {entry.endpoint for entry in seen.every(TcpConnect) if entry.outcome == "connected"}
    found = {_compared(trial, trial.endpoint in direct): trial for trial in reversed(trials)}
    for outcome in ("breaks", "required", "same", "unclear"):
        if trial := found.get(outcome):
            evidence = {"variable": trial.variable, "proxy": trial.proxy}
            detail = {"detail": trial.detail or f"HTTP {trial.status}"}
            yield Verdict(outcome, evidence | detail if outcome == "breaks" else evidence)
            return


def _compared(trial: ProxyTrial, works_directly: bool) -> str:
    """A proxy's own 502 for a target that it cannot reach is no answer of the target."""
    answered = trial.outcome == "answered" and trial.status not in GATEWAY_STATUSES
    if answered:
        return "same" if works_directly else "required"
    return "breaks" if works_directly else "unclear"
