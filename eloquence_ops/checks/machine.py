"""This machine, as a suspect: judged first, blamed only on its own evidence."""

from __future__ import annotations

from eloquence_ops.checks.fingerprints import GATEWAY_STATUSES
from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.endpoints import Endpoint, scope_of
from eloquence_ops.findings import Family
from eloquence_ops.observations import ProxyTrial, TcpConnect


@check("machine.online", feeds=("network",), outcomes={"ok": "families", "offline": ""})
def online(_here: str, seen: Seen) -> Judgement:
    """Whether this machine has any way out, where the target is not on the machine itself."""
    if seen.machine is None:
        return
    if not seen.machine.routes and any(_is_outside(end, seen) for end in seen.endpoints):
        yield Verdict("offline")
    else:
        yield Verdict("ok", {"families": tuple(seen.machine.routes)})


def _is_outside(endpoint: Endpoint, seen: Seen) -> bool:
    """Whether reaching it takes a route; a name that was not resolved is taken to be elsewhere."""
    if redirection := seen.target.redirection(endpoint):
        return scope_of(redirection.address) != "loopback"
    lookup = seen.lookup(endpoint.host)
    addresses = [entry.address for entry in lookup.addresses] if lookup else []
    if endpoint.is_address:
        addresses = [endpoint.host]
    return not addresses or any(scope_of(address) != "loopback" for address in addresses)


@check(
    "machine.route",
    feeds=("network",),
    outcomes={"ok": "", "no-ipv6": "hosts", "no-ipv4": "hosts"},
)
def route(_here: str, seen: Seen) -> Judgement:
    """Routes for the address families that the target needs; loopback needs none."""
    if seen.machine is None:
        return
    for family, outcome in ((Family.IPV6, "no-ipv6"), (Family.IPV4, "no-ipv4")):
        hosts = tuple(sorted(_hosts_only_by(family, seen)))
        if hosts and not seen.has_route(family):
            yield Verdict(outcome, {"hosts": hosts})
            return
    yield Verdict("ok")


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
    if _is_of_target(trial):
        return "same" if works_directly else "required"
    return "breaks" if works_directly else "unclear"


def _is_of_target(trial: ProxyTrial) -> bool:
    """Whether the answer came from beyond the proxy.

    Over TLS nobody else can have written it. In plain HTTP a proxy answers in its own name too:
    502 for what it cannot reach, 403 for what it does not allow, 407 and 511 for a login.
    """
    if trial.outcome != "answered" or trial.status is None:
        return False
    if trial.endpoint.startswith(("https://", "wss://")):
        return trial.status not in GATEWAY_STATUSES
    return trial.status < 400 or trial.status in (404, 405)
