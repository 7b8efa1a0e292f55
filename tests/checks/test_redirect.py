"""What counts as a redirect to another address, and what stays at this one."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from eloquence_ops.checks.api import redirect
from eloquence_ops.checks.registry import Verdict
from eloquence_ops.checks.seen import Asked, Seen
from eloquence_ops.endpoints import parse
from eloquence_ops.findings import Family
from eloquence_ops.observations import HttpExchange
from eloquence_ops.settings import Target

API = parse("https://api.éloquence.test", "api")


def judged(status: int, location: str | None) -> list[Verdict]:
    exchange = HttpExchange(
        at_s=0.0,
        purpose="sessions-get",
        endpoint=str(API),
        family=Family.IPV4,
        address="192.0.2.1",
        method="GET",
        path="/api/sessions",
        outcome="answered",
        status=status,
        headers=() if location is None else (("location", location),),
    )
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return list(redirect(API, Seen(Target("t", api=API), Asked(frozenset()), now, (exchange,))))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_every_kind_of_redirect_to_another_host_counts(status: int) -> None:
    (verdict,) = judged(status, "https://new.test/v2/api/sessions")
    assert verdict.outcome == "elsewhere"
    assert verdict.evidence == {"status": status, "target": "https://new.test/v2"}


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("http://api.éloquence.test/api/sessions", "http://api.éloquence.test"),
        ("https://api.éloquence.test:8443/api/sessions", "https://api.éloquence.test:8443"),
        ("//xn--loquence-90a.test/api/sessions", "https://éloquence.test"),
        ("https://sso.test/login?next=secret", "https://sso.test/login"),
        (
            "https://API.xn--loquence-90a.test:443/login?next=secret",
            "https://api.éloquence.test/login",
        ),
        ("/v2/api/sessions", "https://api.éloquence.test/v2/api/sessions"),
    ],
)
def test_another_scheme_port_host_or_path_is_elsewhere(location: str, target: str) -> None:
    (verdict,) = judged(302, location)
    assert verdict.evidence["target"] == target


@pytest.mark.parametrize(
    "location",
    [
        "/api/sessions/",
        "https://api.xn--loquence-90a.test/api/sessions/",
        # FastAPI behind a proxy that ends TLS writes the scheme that it sees.
        "http://api.xn--loquence-90a.test/api/sessions/",
    ],
)
def test_a_slash_at_the_end_is_a_finding_of_its_own(location: str) -> None:
    assert [verdict.outcome for verdict in judged(307, location)] == ["slash"]


@pytest.mark.parametrize(
    "location", ["/api/sessions", "https://api.éloquence.test/api/sessions?a=1"]
)
def test_a_redirect_to_itself_is_a_loop(location: str) -> None:
    assert [verdict.outcome for verdict in judged(301, location)] == ["loop"]


@pytest.mark.parametrize(
    "location", [None, "", "app://open", "https://[", "https://user:password@new.test/"]
)
def test_a_redirect_to_nowhere_is_no_pass(location: str | None) -> None:
    assert [verdict.outcome for verdict in judged(302, location)] == ["unreadable"]


@pytest.mark.parametrize(
    ("status", "location"),
    [
        (304, "https://new.test/"),
        (201, "https://new.test/api/sessions/1"),
        (405, None),
    ],
)
def test_what_is_no_redirect_does_not_count(status: int, location: str | None) -> None:
    assert [verdict.outcome for verdict in judged(status, location)] == ["ok"]
