"""What the same server shows to others is noted, and never complained of."""

from __future__ import annotations

from typing import Any

import pytest

from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.checks.registry import REGISTRY
from eloquence_ops.checks.tls_elsewhere import families, nameless
from eloquence_ops.endpoints import parse
from eloquence_ops.findings import Family, Status
from eloquence_ops.observations import NamelessAnswer
from tests.checks.sent_chains import ADDRESS, DAY, MIDDLE, NOW, judged, leaf, seen, sent

IPV6 = {"family": Family.IPV6, "address": "2001:db8::10"}


def answer(**different: Any) -> NamelessAnswer:
    fields: dict[str, Any] = {
        "endpoint": str(ADDRESS),
        "family": Family.IPV4,
        "address": "203.0.113.10",
        "sha256": leaf().sha256,
    }
    return NamelessAnswer(**(fields | different))


@pytest.mark.parametrize(
    ("shown", "outcome"),
    [
        (answer(), "ok"),
        (answer(sha256="00", names=("default.test",)), "other"),
        (answer(sha256="", detail="TLSV1_UNRECOGNIZED_NAME"), "refused"),
    ],
)
def test_the_answer_without_a_name(shown: NamelessAnswer, outcome: str) -> None:
    assert judged(nameless, sent(), shown)[0] == outcome


@pytest.mark.parametrize("address", ["https://203.0.113.10", "http://api.éloquence.com"])
def test_where_no_name_is_said_there_is_nothing_to_compare(address: str) -> None:
    assert [v.outcome for v in nameless(parse(address, "api"), seen())] == ["none"]


def test_two_families() -> None:
    assert judged(families, sent())[0] == "one"
    assert judged(families, sent(), sent(**IPV6))[0] == "ok"
    renewed = leaf(not_after=NOW + 30 * DAY, sha256="00")
    assert judged(families, sent(), sent(renewed, MIDDLE, **IPV6)) == (
        "differ",
        {"ipv4": "2026-05-20", "ipv6": "2026-03-31"},
    )


@pytest.mark.parametrize("check", ["tls.nameless", "tls.families", "tls.strictly"])
def test_a_note_is_no_verdict(check: str) -> None:
    for outcome in REGISTRY[check].outcomes:
        assert catalogue().status(f"{check}.{outcome}") in (Status.PASS, Status.SKIPPED)
