"""`Proxy-Status` (RFC 9209): what a proxy says of itself, and what follows from it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eloquence_ops.checks.fingerprints import author, gateway_outcome
from eloquence_ops.checks.proxy_status import read
from eloquence_ops.checks.stages import gateway
from eloquence_ops.findings import Family
from eloquence_ops.observations import HttpExchange


def answered(status: int, proxy_status: str, body: str = "") -> HttpExchange:
    return HttpExchange(
        at_s=0.0,
        purpose="root",
        endpoint="https://api.test",
        family=Family.IPV4,
        address="192.0.2.1",
        method="GET",
        path="/",
        outcome="answered",
        status=status,
        headers=(("proxy-status", proxy_status), ("content-type", "application/json")),
        body=body,
    )


@pytest.mark.parametrize(
    ("value", "members"),
    [
        # The examples of RFC 9209.
        ('revproxy1.example.net; next-hop="backend"', [("revproxy1.example.net", None)]),
        ('"ExampleCDN"; error=connection_timeout', [("ExampleCDN", "connection_timeout")]),
        (
            "FooOrigin, ReverseProxy; error=http_response_timeout; received-status=504",
            [("FooOrigin", None), ("ReverseProxy", "http_response_timeout")],
        ),
        (
            'proxy.example; error=dns_error;rcode="SERVFAIL";details="a \\"quoted\\" word"',
            [("proxy.example", "dns_error")],
        ),
        ("", []),
        ("; error=dns_error", []),
        ('"open', []),
        ('a; error=dns_error, "open', [("a", "dns_error")]),
    ],
)
def test_members_are_read_as_far_as_they_can_be(
    value: str, members: list[tuple[str, str | None]]
) -> None:
    assert [(said.proxy, said.error) for said in read(value)] == members


@given(st.text(max_size=300))
def test_no_value_breaks_it(value: str) -> None:
    assert all(len(str(said)) <= 61 for said in read(value))


@pytest.mark.parametrize(
    ("status", "value", "outcome"),
    [
        (502, "edge; error=dns_error", "upstream-unresolved"),
        (502, "edge; error=dns_timeout", "upstream-unresolved"),
        (502, "edge; error=tls_protocol_error", "upstream-tls"),
        (502, "edge; error=connection_refused", "bad-gateway"),
        (503, "edge; error=destination_unavailable", "bad-gateway"),
        # The service's own 503 passed through a proxy that has nothing to complain of.
        (503, "edge; received-status=503", "ok"),
        (200, "edge", "ok"),
    ],
)
def test_a_proxys_own_word_tells_what_failed(status: int, value: str, outcome: str) -> None:
    (verdict,) = gateway(answered(status, value, body='{"error": "upstream"}'))
    assert verdict.outcome == outcome


def test_a_proxy_that_waited_too_long_says_so_whatever_its_status() -> None:
    exchange = answered(502, "edge; error=http_response_timeout", body='{"error": "upstream"}')
    assert author(exchange) == "proxy"
    assert gateway_outcome(exchange) == "gateway-timeout"
