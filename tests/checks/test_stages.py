"""What is said of one answer: that it came, that it did not, or that it did not come to its end."""

from __future__ import annotations

import pytest

from eloquence_ops.checks import stages
from eloquence_ops.findings import Family
from eloquence_ops.observations import HttpExchange

NGINX_504 = "<center>504 Gateway Time-out</center><hr><center>nginx/1.22.1</center>"


def exchange(**more: object) -> HttpExchange:
    fields: dict[str, object] = {
        "at_s": 0.0,
        "duration_s": 2.04,
        "purpose": "root",
        "endpoint": "https://api.test",
        "family": Family.IPV4,
        "address": "192.0.2.1",
        "method": "GET",
        "path": "/",
        "outcome": "answered",
    }
    return HttpExchange.model_validate(fields | more)


@pytest.mark.parametrize(
    ("seen", "outcome", "evidence"),
    [
        pytest.param({"status": 200}, "ok", {"status": 200}, id="an answer"),
        pytest.param({"status": 404, "body_state": "cut"}, "ok", {"status": 404}, id="a long page"),
        pytest.param(
            {"status": 200, "body_state": "slow"},
            "slow",
            {"status": 200, "seconds": 2.0},
            id="an answer that does not end",
        ),
        pytest.param(
            {"status": 200, "body_state": "broken", "body_bytes": 7},
            "broken",
            {"status": 200, "bytes": 7},
            id="an answer that is broken off",
        ),
        pytest.param(
            {"status": 504, "body": NGINX_504, "timings": {"first_byte": 1.04}},
            "gateway-timeout",
            {"status": 504, "author": "nginx", "seconds": 1.0},
            id="a proxy that gave up",
        ),
        pytest.param(
            {"outcome": "too-large", "detail": "no end of the headers"},
            "too-large",
            {"detail": "no end of the headers"},
            id="headers without end",
        ),
        pytest.param({"outcome": "silent"}, "silent", {"seconds": 2.0}, id="silence"),
        pytest.param(
            {"outcome": "closed", "detail": "reset"}, "closed", {"detail": "reset"}, id="an end"
        ),
        pytest.param({"outcome": "failed"}, "failed", {"detail": "failed"}, id="anything else"),
    ],
)
def test_an_answer_is_told_as_what_it_is(
    seen: dict[str, object], outcome: str, evidence: dict[str, object]
) -> None:
    (verdict,) = stages.answer(exchange(**seen))
    assert verdict.outcome == outcome
    assert evidence.items() <= dict(verdict.evidence).items()


def test_a_proxy_that_finds_nobody_is_another_stage() -> None:
    body = NGINX_504.replace("504 Gateway Time-out", "502 Bad Gateway")
    cut = exchange(status=502, body=body, body_state="slow")
    assert list(stages.answer(cut)) == []
    assert [verdict.outcome for verdict in stages.gateway(cut)] == ["bad-gateway"]
