"""Ports: what comes through over TCP from here, and what that says and does not say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from eloquence_ops.checks import reachable
from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.checks.server_media import media_ports
from eloquence_ops.checks.service_ports import LIVEKIT_PORT
from eloquence_ops.endpoints import Endpoint
from eloquence_ops.findings import Evidence
from eloquence_ops.observations import HttpExchange, PortScan, TcpConnect
from eloquence_ops.observations.ports import TcpSpan
from eloquence_ops.port_spans import told_stretches

_GATEWAY_FAILED: Final = frozenset({502, 503, 504})
_SERVICE = {
    name: fields
    for name, fields in reachable.OUTCOMES.items()
    if name not in ("refused", "one-family", "untested-family")
}


def scans(seen: Seen, host: str, about: str) -> Iterator[PortScan]:
    """What was tried at the addresses of a host, one a family."""
    for scan in seen.every(PortScan):
        if scan.about == about and host in scan.names:
            yield scan


def ports_in(spans: tuple[TcpSpan, ...], *states: str) -> str:
    return told_stretches([(one.first, one.last) for one in spans if one.state in states])


def were_tried(seen: Seen) -> bool:
    """False where a probe did not come to its end: then the engine says why, and nothing else is
    said of what it did not see."""
    return all(end.state == "done" for end in seen.end_of("ports.tcp", "ports.handed-out"))


@check(
    "ports.service",
    feeds=("reach",),
    outcomes={
        **_SERVICE,
        "refused-api": "address port",
        "refused-livekit": "address port",
        "one-family": "address port family outcome",
        "untested-family": "address port",
        "elsewhere": "",
    },
)
def service(endpoint: Endpoint, seen: Seen) -> Judgement:
    """The address's own port, unless another check of this run says it already."""
    if seen.is_examined(endpoint) or ("tls" in seen.asked.areas and endpoint.secure):
        yield Verdict("elsewhere")
        return
    which = "api" if endpoint == seen.target.api else "livekit"
    for verdict in reachable.judge(endpoint, seen):
        outcome, evidence = verdict.outcome, dict(verdict.evidence)
        if outcome == "refused":
            outcome = f"refused-{which}"
        if outcome == "host-silent" and (other := _answers_at(endpoint, verdict, seen)):
            outcome, evidence = "silent", {**evidence, "other_port_answers": other}
        yield Verdict(outcome, evidence, verdict.family, verdict.duration_s)


def _answers_at(endpoint: Endpoint, silent: Verdict, seen: Seen) -> int | None:
    """Another port of the same address that answered: then it is the port, and not the host."""
    for scan in scans(seen, str(endpoint), "known"):
        answered = (one.first for one in scan.spans if one.state in ("open", "closed"))
        if scan.family == silent.family and (first := next(answered, None)):
            return first
    return None


@check(
    "ports.states",
    feeds=("tcp", "handed-out"),
    outcomes={
        "ok": "address open closed filtered rejected seconds",
        "not-asked": "address",
        "no-route-here": "address",
        "not-needed": "",
    },
)
def states(host: str, seen: Seen) -> Judgement:
    """The known ports, each as it was found. What is wrong with one, another check says."""
    found = list(scans(seen, host, "known"))
    if not found and were_tried(seen):
        yield Verdict("not-needed")
    for scan in found:
        if not scan.route:
            yield Verdict("no-route-here", {"address": scan.address}, scan.family)
        elif all(span.state == "local" for span in scan.spans):
            yield Verdict("not-asked", {"address": scan.address}, scan.family)
        else:
            evidence: Evidence = {
                "address": scan.address,
                "open": ports_in(scan.spans, "open") or "—",
                "closed": ports_in(scan.spans, "closed") or "—",
                "filtered": ports_in(scan.spans, "filtered", "silent") or "—",
                "rejected": ports_in(scan.spans, "rejected", "unreachable") or "—",
                "seconds": scan.patience_s,
            }
            yield Verdict("ok", evidence, scan.family, scan.duration_s)


@check(
    "ports.signalling",
    feeds=("tcp", "handed-out"),
    outcomes={"ok": "", "public": "addresses", "not-asked": "", "elsewhere": ""},
)
def signalling(endpoint: Endpoint, seen: Seen) -> Judgement:
    """LiveKit's own port, beside its TLS proxy: it speaks plain HTTP, and need not be public."""
    is_proxied = endpoint.secure and endpoint.port != LIVEKIT_PORT
    if endpoint not in seen.livekits or not is_proxied or seen.scope(endpoint.host) != "public":
        yield Verdict("not-asked")
        return
    if seen.is_examined(endpoint):
        yield Verdict("elsewhere")
        return
    found = [(scan, scan.state(LIVEKIT_PORT)) for scan in scans(seen, str(endpoint), "known")]
    tried = [(scan, span) for scan, span in found if span is not None]
    if opened := tuple(scan.address for scan, span in tried if span.state == "open"):
        yield Verdict("public", {"addresses": opened})
    elif tried:
        yield Verdict("ok")
    elif were_tried(seen):
        yield Verdict("not-asked")


@check(
    "ports.ice-tcp",
    feeds=("tcp", "handed-out"),
    outcomes={
        "ok": "port address",
        "closed": "port address",
        "filtered": "port address seconds",
        "rejected": "port address detail",
        "not-told": "port address detail",
        "livekit-down": "port",
        "off": "",
        "not-needed": "",
    },
)
def ice_tcp(livekit: Endpoint, seen: Seen) -> Judgement:
    """LiveKit's port for ICE over TCP: the way of media out of networks that have no UDP."""
    port, _ = media_ports(seen)
    if port == 0:
        yield Verdict("off")
        return
    found = [(scan, scan.state(port)) for scan in scans(seen, str(livekit), "known")]
    if not found and were_tried(seen):
        yield Verdict("not-needed")
    for scan, span in found:
        if span is None or not scan.route:
            continue
        place: Evidence = {"port": port, "address": scan.address}
        match span.state:
            case "open":
                yield Verdict("ok", place, scan.family)
            case "closed" if is_down(livekit, seen):
                yield Verdict("livekit-down", {"port": port}, scan.family)
            case "closed":
                yield Verdict("closed", place, scan.family)
            case "filtered":
                yield Verdict("filtered", {**place, "seconds": scan.patience_s}, scan.family)
            case "rejected":
                yield Verdict("rejected", {**place, "detail": span.detail}, scan.family)
            case _:
                yield Verdict("not-told", {**place, "detail": span.detail}, scan.family)


def is_down(livekit: Endpoint, seen: Seen) -> bool:
    """Whether LiveKit itself is not there, which its own checks say: then none of its ports is."""
    unit = seen.unit(seen.target.livekit_unit)
    if unit is not None and unit.active_state != "active":
        return True
    answers = [entry.status for entry in seen.about(HttpExchange, livekit)]
    if answers:
        return all(status in _GATEWAY_FAILED for status in answers)
    tried = seen.about(TcpConnect, livekit)
    return bool(tried) and all(entry.outcome != "connected" for entry in tried)


@check(
    "ports.range-tcp",
    feeds=("tcp", "handed-out"),
    outcomes={
        "ok": "tcp asked closed open",
        "silent": "tcp asked silent seconds",
        "rejected": "tcp asked rejected detail",
        "accepts-all": "tcp asked",
        "not-told": "tcp detail",
        "not-needed": "",
    },
)
def range_tcp(livekit: Endpoint, seen: Seen) -> Judgement:
    """The same range over TCP. LiveKit never listens there, so that nothing of it is a fault."""
    found = [scan for scan in scans(seen, str(livekit), "range") if scan.route]
    if not found and were_tried(seen):
        yield Verdict("not-needed")
    for scan in found:
        yield _range(scan)


def _range(scan: PortScan) -> Verdict:
    first = min((span.first for span in scan.spans), default=0)
    last = max((span.last for span in scan.spans), default=0)
    about: Evidence = {"tcp": f"{first}-{last}", "asked": scan.asked}
    count = {span.state: 0 for span in scan.spans}
    for span in scan.spans:
        count[span.state] += span.count
    detail = next((span.detail for span in scan.spans if span.detail), "")
    if count.get("rejected") or count.get("unreachable"):
        ports = ports_in(scan.spans, "rejected", "unreachable")
        evidence: Evidence = {**about, "rejected": ports, "detail": detail}
        return Verdict("rejected", evidence, scan.family, scan.duration_s)
    if count.get("filtered") or count.get("silent"):
        ports = ports_in(scan.spans, "filtered", "silent")
        evidence = {**about, "silent": ports, "seconds": scan.patience_s}
        return Verdict("silent", evidence, scan.family, scan.duration_s)
    if count.get("open") == scan.asked and scan.asked > 1:
        return Verdict("accepts-all", about, scan.family, scan.duration_s)
    if count.get("local"):
        return Verdict("not-told", {"tcp": about["tcp"], "detail": detail}, scan.family)
    evidence = {
        **about,
        "closed": count.get("closed", 0),
        "open": ports_in(scan.spans, "open") or "—",
    }
    return Verdict("ok", evidence, scan.family, scan.duration_s)
