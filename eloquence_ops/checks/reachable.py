"""TCP, per address family: the judgement that the API and LiveKit share."""

from __future__ import annotations

from eloquence_ops.checks.registry import Judgement, Verdict
from eloquence_ops.checks.seen import Seen
from eloquence_ops.endpoints import Endpoint, scope_of
from eloquence_ops.findings import Family, Scalar
from eloquence_ops.observations import TcpConnect

OUTCOMES = {
    "ok": "address port milliseconds",
    "refused": "address port",
    "proxy-refused": "address port",
    "silent": "address port seconds other_port_answers",
    "host-silent": "address port seconds",
    "unreachable": "address port detail",
    "no-route-here": "address port",
    "failed": "address port detail",
    "one-family": "address port family outcome",
    "untested-family": "address port",
}


def judge(endpoint: Endpoint, seen: Seen) -> Judgement:
    """One finding a family.

    Where one family works and the other does not, that is a warning of its own: clients try
    the other one too. On a loopback name it means nothing: `localhost` has both addresses in
    every hosts file, whichever of them a service listens on.
    """
    attempts: dict[Family, TcpConnect] = {}
    for attempt in seen.about(TcpConnect, endpoint):
        attempts.setdefault(attempt.family, attempt)
    works = any(entry.outcome == "connected" for entry in attempts.values())
    for family, attempt in attempts.items():
        place: dict[str, Scalar] = {"address": attempt.address, "port": attempt.port}
        if attempt.outcome == "connected":
            milliseconds = round(attempt.duration_s * 1000, 1)
            yield Verdict("ok", place | {"milliseconds": milliseconds}, family, attempt.duration_s)
        elif works and scope_of(attempt.address) == "loopback":
            continue
        elif works and attempt.outcome == "no-route-here":
            yield Verdict("untested-family", place, family)
        elif works:
            evidence = place | {"family": family.value, "outcome": attempt.outcome}
            yield Verdict("one-family", evidence, family)
        else:
            yield _nothing_works(endpoint, attempt, place, seen)


def _nothing_works(
    endpoint: Endpoint, attempt: TcpConnect, place: dict[str, Scalar], seen: Seen
) -> Verdict:
    family, detail = attempt.family, attempt.detail
    match attempt.outcome:
        case "refused" if endpoint.secure:
            # Neither uvicorn nor LiveKit ends TLS: whoever should listen here is a proxy.
            return Verdict("proxy-refused", place, family)
        case "refused" | "no-route-here":
            return Verdict(attempt.outcome, place, family)
        case "silent":
            waited = place | {"seconds": round(attempt.duration_s, 1)}
            other = _another_port_answered(attempt, seen)
            if other is None:
                return Verdict("host-silent", waited, family)
            return Verdict("silent", waited | {"other_port_answers": other}, family)
        case "unreachable":
            return Verdict("unreachable", place | {"detail": detail}, family)
        case _:
            return Verdict("failed", place | {"detail": detail}, family)


def _another_port_answered(silent: TcpConnect, seen: Seen) -> int | None:
    """A port of the same address that answered: then it is the port, and not the host."""
    for attempt in seen.every(TcpConnect):
        same_host = attempt.address == silent.address and attempt.port != silent.port
        if same_host and attempt.outcome in ("connected", "refused"):
            return attempt.port
    return None
