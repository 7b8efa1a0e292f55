"""Whether the next renewal over port 80 would come through."""

from __future__ import annotations

from typing import Any

import pytest

from eloquence_ops.checks.seen import Asked, Seen
from eloquence_ops.checks.tls_renewal import PATH, PURPOSE, challenged, may_need_port_80, renewal
from eloquence_ops.endpoints import parse
from eloquence_ops.findings import Family
from eloquence_ops.observations import AnyObservation, HttpExchange, TlsChain
from eloquence_ops.observations.names import Address
from eloquence_ops.settings import Redirection, Target
from tests.checks.sent_chains import ADDRESS, DAY, NAME, NOW, connected, leaf, resolved, sent

PUBLIC = "CN=R11,O=Let's Encrypt,C=US"
ISSUED = sent(leaf().model_copy(update={"issuer": PUBLIC}))
HALF = leaf(not_before=NOW - 45 * DAY, not_after=NOW + 45 * DAY)
OVERDUE = leaf(not_before=NOW - 85 * DAY, not_after=NOW + 5 * DAY)
ENDED = leaf(not_before=NOW - 91 * DAY, not_after=NOW - DAY)


def answer(status: int | None, location: str = "", **different: Any) -> HttpExchange:
    fields: dict[str, Any] = {
        "purpose": PURPOSE,
        "endpoint": str(challenged(ADDRESS)),
        "family": Family.IPV4,
        "address": "203.0.113.10",
        "method": "GET",
        "path": PATH,
        "outcome": "answered",
        "status": status,
        "headers": (("location", location),) if location else (),
    }
    return HttpExchange(**(fields | different))


def over_ipv6(status: int | None, **different: Any) -> HttpExchange:
    return answer(status, family=Family.IPV6, address="2001:db8::10", **different)


REFUSED = answer(None, outcome="refused")


def outcomes(
    *observations: AnyObservation, address: str = "203.0.113.10", replaced: tuple[int, ...] = ()
) -> list[str]:
    target = Target(
        "t",
        connect_to=tuple(Redirection(NAME, port, "127.0.0.1", 8000 + port) for port in replaced),
    )
    found = Address(family=Family.IPV4, address=address)
    lookup = resolved().model_copy(update={"addresses": (found,)})
    asked = Asked(frozenset({"tls"}), addresses=(ADDRESS,))
    seen = Seen(target, asked, NOW, (connected(), lookup, *observations))
    return [verdict.outcome for verdict in renewal(ADDRESS, seen)]


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        ((answer(404),), "ok"),
        ((answer(200),), "ok"),
        ((answer(301, f"https://{NAME}{PATH}x"),), "ok"),
        ((answer(308, "/elsewhere"),), "ok"),
        ((answer(301, "https://www.other.test/"),), "blocked"),
        ((answer(403),), "blocked"),
        ((answer(502),), "blocked"),
        ((REFUSED,), "blocked"),
        ((answer(None, outcome="connect-timeout"),), "blocked"),
        ((answer(None, outcome="not-http"),), "blocked"),
        # Over IPv6 first, and over IPv4 where no connection comes about.
        ((answer(404), over_ipv6(None, outcome="refused")), "ok"),
        ((answer(404), over_ipv6(403)), "blocked"),
        ((REFUSED, over_ipv6(404)), "ok"),
    ],
)
def test_what_an_authority_would_meet(answers: tuple[HttpExchange, ...], outcome: str) -> None:
    assert outcomes(ISSUED, *answers) == [outcome]


def test_caddy_renews_over_443_as_well() -> None:
    caddy = answer(404, endpoint=str(ADDRESS), purpose="tls-http", headers=(("server", "Caddy"),))
    assert outcomes(ISSUED, REFUSED, caddy) == ["another-way"]


@pytest.mark.parametrize(
    ("chain", "needed"),
    [
        (ISSUED, True),
        (sent(HALF), False),
        (sent(OVERDUE), True),
        (sent(ENDED, verify_code=10), True),
        (sent(OVERDUE.model_copy(update={"names": ("*.xn--loquence-90a.com",)})), False),
    ],
)
def test_port_80_counts_where_a_renewal_comes_over_it(chain: TlsChain, needed: bool) -> None:
    assert may_need_port_80(chain, NOW) is needed
    assert outcomes(chain, REFUSED) == (["blocked"] if needed else ["not-needed"])


def test_an_address_that_no_authority_reaches_needs_none() -> None:
    assert outcomes(ISSUED, REFUSED, address="10.0.0.1") == ["not-needed"]


def test_an_address_that_was_replaced_is_not_the_one_that_an_authority_asks() -> None:
    assert outcomes(ISSUED, REFUSED, replaced=(443,)) == ["replaced"]
    assert outcomes(ISSUED, REFUSED, replaced=(443, 80)) == ["replaced"]
    assert outcomes(ISSUED, REFUSED, replaced=(8443,)) == ["blocked"]


def test_a_question_that_nobody_asked_is_no_pass() -> None:
    assert outcomes(ISSUED) == []
    assert outcomes() == ["not-shown"]
    plain = parse("http://api.éloquence.com", "api")
    seen = Seen(Target("t"), Asked(frozenset({"tls"})), NOW, ())
    assert [verdict.outcome for verdict in renewal(plain, seen)] == ["none"]
