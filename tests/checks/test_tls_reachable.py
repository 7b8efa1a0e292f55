"""Whether anybody is there to show a certificate, where no other check says it."""

from __future__ import annotations

import pytest

from eloquence_ops.checks.seen import Asked, Seen
from eloquence_ops.checks.tls import handshake, reachable_
from eloquence_ops.endpoints import parse
from eloquence_ops.findings import Family
from eloquence_ops.observations import TcpConnect
from eloquence_ops.observations.transport import TcpOutcome
from eloquence_ops.settings import Target
from tests.checks.sent_chains import NOW

API = parse("https://api.éloquence.com", "api")
LIVEKIT = parse("wss://livekit.éloquence.com", "livekit")


def tried(outcome: TcpOutcome, family: Family = Family.IPV4) -> TcpConnect:
    address = "203.0.113.10" if family is Family.IPV4 else "2001:db8::10"
    return TcpConnect(
        endpoint=str(LIVEKIT), family=family, address=address, port=443, outcome=outcome
    )


def run(areas: set[str], *attempts: TcpConnect) -> Seen:
    return Seen(Target("t", api=API, livekit=LIVEKIT), Asked(frozenset(areas)), NOW, attempts)


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        ("connected", "ok"),
        ("refused", "proxy-refused"),
        ("silent", "host-silent"),
        ("unreachable", "unreachable"),
        ("no-route-here", "no-route-here"),
        ("failed", "failed"),
    ],
)
def test_where_only_certificates_are_looked_at_a_missing_connection_is_told_here(
    outcome: TcpOutcome, said: str
) -> None:
    seen = run({"tls"}, tried(outcome))
    assert [verdict.outcome for verdict in reachable_(LIVEKIT, seen)] == [said]


@pytest.mark.parametrize("areas", [{"tls", "livekit"}, {"tls", "livekit", "api"}])
def test_where_the_service_is_examined_its_own_check_says_it(areas: set[str]) -> None:
    seen = run(areas, tried("refused"))
    assert [verdict.outcome for verdict in reachable_(LIVEKIT, seen)] == ["elsewhere"]
    assert [verdict.outcome for verdict in handshake(LIVEKIT, seen)] == ["not-reached"]


def test_the_area_of_another_service_does_not_say_it() -> None:
    seen = run({"tls", "api"}, tried("refused"))
    assert [verdict.outcome for verdict in reachable_(LIVEKIT, seen)] == ["proxy-refused"]


def test_one_address_family_that_does_not_work_is_a_warning() -> None:
    seen = run({"tls"}, tried("connected"), tried("refused", Family.IPV6))
    assert [verdict.outcome for verdict in reachable_(LIVEKIT, seen)] == ["ok", "one-family"]


def test_without_tls_there_is_nothing_to_reach() -> None:
    plain = parse("http://api.éloquence.com", "api")
    assert [verdict.outcome for verdict in reachable_(plain, run({"tls"}))] == ["none"]
