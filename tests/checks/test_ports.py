"""What is said of ports, by what was seen of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.checks.engine import judge_all
from eloquence_ops.checks.ports import ice_tcp, range_tcp, service, signalling, states
from eloquence_ops.checks.ports_udp import media_way, range_udp
from eloquence_ops.checks.registry import Verdict
from eloquence_ops.checks.seen import Asked, Seen
from eloquence_ops.endpoints import Endpoint, parse
from eloquence_ops.findings import Family, Status
from eloquence_ops.observations import (
    AddressLookup,
    AnyObservation,
    HttpExchange,
    PortScan,
    ServerReach,
    TcpConnect,
    UdpProof,
)
from eloquence_ops.observations.names import Address
from eloquence_ops.observations.ports import TcpSpan, TcpState, UdpSpan, UdpState
from eloquence_ops.observations.probe_ends import ProbeEnd
from eloquence_ops.settings import Target

API = parse("https://api.éloquence.com", "api")
LIVEKIT = parse("wss://livekit.éloquence.com", "livekit")
ADDRESS = "51.159.110.4"
NAMES = tuple(str(part) for end in (API, LIVEKIT) for part in (end, end.display_host))
V4 = Family.IPV4


def seen(
    *observations: AnyObservation,
    areas: Iterable[str] = ("ports",),
    server: str | None = None,
    read_only: bool = False,
) -> Seen:
    lookups = [
        AddressLookup(
            host=end.host,
            outcome="found",
            addresses=(Address(family=V4, address=ADDRESS),),
            resolver="system",
        )
        for end in (API, LIVEKIT)
    ]
    return Seen(
        Target("t", api=API, livekit=LIVEKIT, server=server),
        Asked(frozenset(areas), named=frozenset(areas), read_only=read_only),
        datetime(2026, 1, 1, tzinfo=UTC),
        (*lookups, *observations),
    )


def known(**ports: TcpState) -> PortScan:
    """`p443="open"`."""
    found = sorted((int(name[1:]), state) for name, state in ports.items())
    return PortScan(
        about="known",
        names=NAMES,
        family=V4,
        address=ADDRESS,
        asked=len(found),
        patience_s=3.2,
        spans=tuple(TcpSpan(first=p, last=p, count=1, state=state) for p, state in found),
    )


def in_range(*spans: tuple[int, int, int, TcpState], patience_s: float = 3.2) -> PortScan:
    return PortScan(
        about="range",
        names=NAMES,
        family=V4,
        address=ADDRESS,
        asked=sum(span[2] for span in spans),
        patience_s=patience_s,
        spans=tuple(TcpSpan(first=a, last=b, count=n, state=state) for a, b, n, state in spans),
    )


def proof(*spans: tuple[int, int, UdpState], **more: object) -> UdpProof:
    told: dict[str, object] = {"way": "raw", "sees_arrivals": True, "tries": 3} | more
    return UdpProof(
        names=NAMES,
        family=V4,
        address=ADDRESS,
        outcome="made",
        asked=sum(b - a + 1 for a, b, _ in spans),
        spans=tuple(
            UdpSpan(first=a, last=b, count=b - a + 1, state=state) for a, b, state in spans
        ),
        **told,  # type: ignore[arg-type]
    )


def only(verdicts: Iterable[Verdict]) -> Verdict:
    (one,) = verdicts
    return one


@pytest.mark.parametrize(
    ("spans", "outcome"),
    [
        ([(50000, 60000, 200, "closed")], "ok"),
        ([(50000, 54999, 100, "closed"), (55000, 55000, 1, "open")], "ok"),
        ([(50000, 60000, 200, "filtered")], "silent"),
        ([(50000, 54999, 100, "closed"), (55000, 60000, 100, "filtered")], "silent"),
        ([(50000, 60000, 200, "silent")], "silent"),
        ([(50000, 60000, 200, "rejected")], "rejected"),
        ([(50000, 60000, 200, "open")], "accepts-all"),
        ([(50000, 59999, 199, "closed"), (60000, 60000, 1, "local")], "not-told"),
    ],
)
def test_tcp_in_the_media_range_is_never_a_fault(
    spans: list[tuple[int, int, int, TcpState]], outcome: str
) -> None:
    verdict = only(range_tcp(LIVEKIT, seen(in_range(*spans))))
    assert verdict.outcome == outcome
    status = catalogue().checks["ports.range-tcp"].outcomes[outcome].status
    assert status in (Status.PASS, Status.UNKNOWN)


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        ("open", "ok"),
        ("closed", "closed"),
        ("filtered", "filtered"),
        ("rejected", "rejected"),
        ("unreachable", "not-told"),
        ("local", "not-told"),
    ],
)
def test_the_port_for_media_over_tcp(state: TcpState, outcome: str) -> None:
    assert only(ice_tcp(LIVEKIT, seen(known(p7881=state)))).outcome == outcome


def test_where_livekit_is_down_its_port_is_not_blamed_by_itself() -> None:
    bad_gateway = HttpExchange(
        endpoint=str(LIVEKIT),
        family=V4,
        address=ADDRESS,
        purpose="livekit-validate",
        method="GET",
        path="/rtc/validate",
        outcome="answered",
        status=502,
    )
    verdict = only(ice_tcp(LIVEKIT, seen(known(p7881="closed"), bad_gateway)))
    assert verdict.outcome == "livekit-down"


@pytest.mark.parametrize(
    ("state", "outcome"), [("open", "public"), ("closed", "ok"), ("filtered", "ok")]
)
def test_livekits_own_port_beside_its_proxy(state: TcpState, outcome: str) -> None:
    assert only(signalling(LIVEKIT, seen(known(p7880=state)))).outcome == outcome
    assert only(signalling(API, seen(known(p7880=state)))).outcome == "not-asked"


def test_the_known_ports_are_told_each_by_itself() -> None:
    scan = known(p80="open", p443="open", p7880="filtered", p7881="closed", p3478="rejected")
    assert only(states(LIVEKIT.display_host, seen(scan))).evidence == {
        "address": ADDRESS,
        "open": "80, 443",
        "closed": "7881",
        "filtered": "7880",
        "rejected": "3478",
        "seconds": 3.2,
    }


def _tried(end: Endpoint, outcome: str) -> TcpConnect:
    return TcpConnect(
        endpoint=str(end),
        family=V4,
        address=ADDRESS,
        port=443,
        outcome=outcome,  # type: ignore[arg-type]
    )


def test_a_silent_port_of_a_host_that_answers_on_another_is_filtered() -> None:
    silent = _tried(API, "silent")
    assert only(service(API, seen(silent))).outcome == "host-silent"
    verdict = only(service(API, seen(silent, known(p443="filtered", p7881="closed"))))
    assert (verdict.outcome, verdict.evidence["other_port_answers"]) == ("silent", 7881)


def test_in_doctor_the_services_own_checks_say_what_becomes_of_their_port() -> None:
    everything = ("api", "livekit", "tls", "ports")
    assert only(service(API, seen(_tried(API, "refused"), areas=everything))).outcome == "elsewhere"


ALL: tuple[int, int, UdpState] = (50000, 60000, "answered")


@pytest.mark.parametrize(
    ("made", "outcome", "blocked"),
    [
        (proof(ALL), "ok", None),
        (proof((50000, 59999, "answered"), (60000, 60000, "heard")), "answers-lost", "60000"),
        (proof((50000, 59999, "answered"), (60000, 60000, "in-use")), "in-use", None),
        (proof((50000, 59999, "answered"), (60000, 60000, "not-tried")), "not-whole", None),
        (proof((50000, 54999, "answered"), (55000, 60000, "stopped")), "stopped", "55000-60000"),
        (proof((50000, 60000, "stopped")), "stopped", "50000-60000"),
        (proof((50000, 54999, "answered"), (55000, 60000, "lost-before")), "lost", "55000-60000"),
        (proof((50000, 60000, "lost-before")), "nothing-arrives", "50000-60000"),
        (
            proof((50000, 54999, "answered"), (55000, 60000, "lost-before"), sees_arrivals=False),
            "blocked",
            "55000-60000",
        ),
        (
            proof((50000, 54999, "heard"), (55000, 60000, "answered"), held_back=5000),
            "held-back",
            "50000-54999",
        ),
        (proof((50000, 50000, "local"), (50001, 60000, "answered")), "not-let-out", "50000"),
    ],
)
def test_what_becomes_of_udp(made: UdpProof, outcome: str, blocked: str | None) -> None:
    verdict = only(range_udp(LIVEKIT, seen(known(p7881="open"), made, server="ubuntu@a")))
    assert (verdict.outcome, verdict.evidence.get("blocked")) == (outcome, blocked)
    assert verdict.evidence["by"] == "raw-socket"


def test_silence_on_udp_without_a_responder_is_unknown() -> None:
    scan = known(p7881="open")
    assert only(range_udp(LIVEKIT, seen(scan))).outcome == "no-server"
    assert only(range_udp(LIVEKIT, seen(scan, server="a", read_only=True))).outcome == "not-asked"
    refused = ServerReach(outcome="login", way="ssh", host="a")
    assert only(range_udp(LIVEKIT, seen(scan, refused, server="a"))).outcome == "not-reached"
    for outcome in ("no-server", "not-reached", "not-made"):
        told = catalogue().checks["ports.range-udp"].outcomes[outcome].status
        assert told is Status.UNKNOWN


@pytest.mark.parametrize(
    ("udp", "tcp", "outcome"),
    [
        ("answered", "filtered", "ok"),
        ("stopped", "open", "ok"),
        ("stopped", "filtered", "none"),
        ("lost-before", "closed", "none"),
        (None, "filtered", "not-told"),
        (None, "open", "ok"),
    ],
)
def test_media_need_one_way(udp: UdpState | None, tcp: TcpState, outcome: str) -> None:
    made = [proof((50000, 60000, udp))] if udp else []
    assert only(media_way(LIVEKIT, seen(known(p7881=tcp), *made))).outcome == outcome


def test_a_recording_from_before_ports_were_tried_has_no_finding_of_them() -> None:
    findings = judge_all(seen(areas=("ports", "dns")), catalogue())
    assert not [finding.id for finding in findings if finding.area == "ports"]


def test_what_was_tried_and_said_nothing_is_not_healthy() -> None:
    findings = judge_all(seen(known(p7881="open")), catalogue())
    by_check = {finding.check: finding.status for finding in findings}
    assert by_check["ports.service"] is Status.UNKNOWN
    assert by_check["ports.ice-tcp"] is Status.PASS


def test_a_probe_that_crashed_is_an_error_and_not_a_thing_that_was_not_needed() -> None:
    ended = ProbeEnd(id="ports.tcp", state="crashed", detail="OSError: x")
    findings = judge_all(replace(seen(), probe_ends=(ended,)), catalogue())
    of_ports = {finding.check: finding.status for finding in findings if finding.area == "ports"}
    assert of_ports["ports.ice-tcp"] is Status.ERROR
    assert of_ports["ports.range-tcp"] is Status.ERROR
    assert of_ports["ports.states"] is Status.ERROR
