"""What several addresses of one name show, beside one another."""

from __future__ import annotations

from typing import Any

import pytest

from eloquence_ops.checks.tls_addresses import addresses
from eloquence_ops.endpoints import parse
from eloquence_ops.findings import Family
from eloquence_ops.observations import AddressAnswer, AnyObservation, TlsChain, TlsHandshake
from eloquence_ops.observations.transport import TlsOutcome
from tests.checks.sent_chains import ADDRESS, DAY, NOW, leaf, seen, sent, shaken, verdicts

FIRST, LEAF = "203.0.113.10", leaf()


def first(outcome: TlsOutcome = "ok", **different: Any) -> tuple[TlsHandshake, TlsChain]:
    one = leaf(**different)
    return shaken(outcome, one), sent(one, verify_code=0 if outcome == "ok" else 10)


def another(address: str, outcome: str = "ok", **different: Any) -> AddressAnswer:
    fields: dict[str, Any] = {
        "endpoint": str(ADDRESS),
        "family": Family.IPV6 if ":" in address else Family.IPV4,
        "address": address,
        "outcome": outcome,
        "sha256": LEAF.sha256,
        "not_before": LEAF.not_before,
        "not_after": LEAF.not_after,
    }
    return AddressAnswer(**(fields | different))


UNREACHED: dict[str, Any] = {"sha256": "", "not_before": None, "not_after": None}
OVERDUE: dict[str, Any] = {
    "sha256": "77",
    "not_before": NOW - 85 * DAY,
    "not_after": NOW + 5 * DAY,
}


@pytest.mark.parametrize(
    ("observations", "outcome"),
    [
        (first(), "one"),
        ((*first(), another("203.0.113.11")), "ok"),
        ((*first(), another("2001:db8::10"), another("2001:db8::11")), "ok"),
        ((*first(), another("203.0.113.11", sha256="77")), "differ"),
        ((*first(), another("203.0.113.11", "expired")), "some-fail"),
        ((*first(), another("203.0.113.11", "untrusted", **UNREACHED)), "some-fail"),
        ((*first("expired"), another("203.0.113.11")), "some-fail"),
        ((*first("expired"), another("203.0.113.11", "expired")), "not-shown"),
        ((*first(), another("203.0.113.11", **OVERDUE)), "behind"),
        # All of them: that is no matter of one machine.
        ((*first(**OVERDUE), another("203.0.113.11", **OVERDUE)), "ok"),
        ((*first(), another("203.0.113.11", "no-connection", **UNREACHED)), "not-all-reached"),
        (
            (*first(), another("::1", "no-connection", detail="no-route-here", **UNREACHED)),
            "one",
        ),
    ],
)
def test_one_good_address_makes_another_a_fault(
    observations: tuple[AnyObservation, ...], outcome: str
) -> None:
    assert [verdict.outcome for verdict in verdicts(addresses, *observations)] == [outcome]


def test_the_address_that_is_behind_is_named() -> None:
    (verdict,) = verdicts(addresses, *first(), another("203.0.113.11", "expired"))
    assert verdict.evidence == {
        "addresses": ("203.0.113.11",),
        "outcome": "expired",
        "good": (FIRST,),
    }
    (verdict,) = verdicts(addresses, *first(), another("203.0.113.11", **OVERDUE))
    assert verdict.evidence == {
        "addresses": ("203.0.113.11",),
        "not_after": "2026-03-06",
        "newest": "2026-05-20",
    }


def test_without_tls_and_without_a_handshake_nothing_is_compared() -> None:
    plain = parse("http://api.éloquence.com", "api")
    assert [verdict.outcome for verdict in addresses(plain, seen())] == ["none"]
    assert verdicts(addresses) == []
