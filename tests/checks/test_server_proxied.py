"""What the proxy on the server says, beside what the service says past it."""

from __future__ import annotations

import pytest

from eloquence_ops.checks.server_http import api_answers
from eloquence_ops.checks.server_proxied import proxied_api, proxy_timeout
from eloquence_ops.findings import Vantage
from eloquence_ops.observations import AnyObservation
from tests.checks.server_facts import (
    API,
    PAST_PROXY,
    after,
    connecting,
    exchange,
    location,
    nginx,
    seen,
    site,
)

ANSWERS = exchange("server-api", timings=after(0.01))
RIGHT = nginx(site(location()))
WRONG = nginx(site(location(passes="http://127.0.0.1:8084")))


@pytest.mark.parametrize(
    ("observations", "outcome"),
    [
        pytest.param([exchange("server-proxied-api")], "ok", id="the service's answer"),
        pytest.param(
            [exchange("server-proxied-api", status=502), ANSWERS], "wrong-upstream", id="502 alone"
        ),
        pytest.param(
            [exchange("server-proxied-api", status=502), ANSWERS, WRONG],
            "wrong-upstream",
            id="502 and a configuration that leads elsewhere",
        ),
        pytest.param(
            [exchange("server-proxied-api", status=502), ANSWERS, RIGHT],
            "bad-gateway",
            id="502 and a configuration that leads to the service",
        ),
        pytest.param(
            [exchange("server-proxied-api", status=502)], "bad-gateway", id="not asked past it"
        ),
        pytest.param(
            [exchange("server-proxied-api", status=502), exchange("server-api", status=502)],
            "bad-gateway",
            id="a proxy past the proxy",
        ),
        pytest.param(
            [
                exchange("server-proxied-api", status=504, timings=after(1.0)),
                exchange("server-api", timings=after(2.5)),
                RIGHT,
            ],
            "gives-up",
            id="an answer that comes later than the proxy waits",
        ),
        pytest.param(
            [exchange("server-proxied-api", status=504, timings=after(1.0)), ANSWERS, RIGHT],
            "gateway-timeout",
            id="an answer at once",
        ),
        pytest.param(
            [exchange("server-proxied-api", status=504, timings=after(1.0)), ANSWERS, WRONG],
            "wrong-upstream",
            id="an address that swallows packets",
        ),
        pytest.param([exchange("server-proxied-api", outcome="silent")], "silent", id="silence"),
        pytest.param([exchange("server-proxied-api", outcome="refused")], "refused", id="nobody"),
        pytest.param(
            [exchange("server-proxied-api", outcome="refused"), connecting("connected", str(API))],
            "not-here",
            id="TLS that ends on another machine",
        ),
        pytest.param(
            [exchange("server-proxied-api", outcome="tls-failed")], "failed", id="a certificate"
        ),
        pytest.param(
            [exchange("server-proxied-api", outcome="failed")], "not-asked", id="no forwarding"
        ),
    ],
)
def test_the_first_vantage_that_breaks_is_the_faulty_hop(
    observations: list[AnyObservation], outcome: str
) -> None:
    (verdict,) = proxied_api("t", seen(*observations))
    assert verdict.outcome == outcome


def test_an_address_past_every_proxy_is_not_asked_through_one() -> None:
    (verdict,) = proxied_api("t", seen(target=PAST_PROXY))
    assert verdict.outcome == "not-proxied"


def test_a_service_that_the_proxy_reaches_was_asked_for_at_the_wrong_place() -> None:
    refused = exchange("server-api", outcome="refused", endpoint="http://127.0.0.1:8083")
    (nowhere,) = api_answers("t", seen(refused))
    (elsewhere,) = api_answers("t", seen(refused, exchange("server-proxied-api")))
    (page,) = api_answers("t", seen(refused, exchange("server-proxied-api", status=502)))
    assert (nowhere.outcome, elsewhere.outcome, page.outcome) == ("refused", "elsewhere", "refused")


GIVEN_UP = exchange("session-open", Vantage.HERE, status=504, timings=after(1.0))


@pytest.mark.parametrize(
    ("observations", "outcomes"),
    [
        pytest.param(
            [exchange("session-open", Vantage.HERE, status=200)], ["not-needed"], id="it opened"
        ),
        pytest.param([], ["not-needed"], id="none was opened"),
        pytest.param([GIVEN_UP], [], id="not asked past the proxy"),
        pytest.param(
            [GIVEN_UP, exchange("server-session-open", status=200, timings=after(3.0))],
            ["gives-up"],
            id="it opens later",
        ),
        pytest.param(
            [GIVEN_UP, exchange("server-session-open", status=200, timings=after(0.1))],
            ["in-time"],
            id="it opens at once",
        ),
        pytest.param(
            [GIVEN_UP, exchange("server-session-open", outcome="silent", duration_s=30.0)],
            ["api-silent"],
            id="it never opens",
        ),
        pytest.param(
            [GIVEN_UP, exchange("server-session-open", outcome="refused")],
            ["not-asked"],
            id="nobody there",
        ),
    ],
)
def test_of_a_504_the_same_request_past_the_proxy_says_whose_it_is(
    observations: list[AnyObservation], outcomes: list[str]
) -> None:
    assert [verdict.outcome for verdict in proxy_timeout("t", seen(*observations))] == outcomes
