"""Logs and OCSP: what is demanded, and what is a note."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from eloquence_ops.checks.tls_vouching import staple, timestamps
from eloquence_ops.endpoints import parse
from eloquence_ops.findings import Family
from eloquence_ops.observations import AnyObservation, StapleAnswer, TlsChain
from eloquence_ops.observations.certificates import Anchor, StapleStatus
from tests.checks.sent_chains import ADDRESS, DAY, NOW, leaf, seen, sent, verdicts

DEMANDING = sent(leaf(must_staple=True))


def answer(
    status: StapleStatus = "", until: datetime | None = None, *, is_known: bool = True
) -> StapleAnswer:
    return StapleAnswer(
        endpoint=str(ADDRESS),
        family=Family.IPV4,
        address="203.0.113.10",
        is_known=is_known,
        status=status,
        next_update=until,
    )


@pytest.mark.parametrize(
    ("observations", "outcomes"),
    [
        ((sent(),), ["not-asked-for"]),
        ((DEMANDING, answer()), ["missing"]),
        ((DEMANDING, answer("good", NOW + DAY)), ["ok"]),
        ((DEMANDING, answer("good")), ["ok"]),
        ((DEMANDING, answer("good", NOW - DAY)), ["unfit"]),
        ((DEMANDING, answer("revoked", NOW + DAY)), ["unfit"]),
        ((DEMANDING, answer("unreadable")), ["unfit"]),
        # Nobody knows: not a pass.
        ((DEMANDING, answer(is_known=False)), []),
        ((DEMANDING,), []),
        # Only the server's own certificate has a say.
        ((sent(leaf(), leaf(must_staple=True)),), ["not-asked-for"]),
        ((), ["not-shown"]),
    ],
)
def test_a_staple_is_missed_only_where_the_certificate_demands_it(
    observations: tuple[AnyObservation, ...], outcomes: list[str]
) -> None:
    assert [verdict.outcome for verdict in verdicts(staple, *observations)] == outcomes


def test_one_that_is_over_is_called_that() -> None:
    (verdict,) = verdicts(staple, DEMANDING, answer("good", NOW - DAY))
    assert verdict.evidence["status"] == "expired"


@pytest.mark.parametrize(
    ("chain", "outcome"),
    [
        (sent(leaf(scts=3)), "ok"),
        (sent(leaf(scts=0)), "none-in-it"),
        (sent(leaf(scts=0), anchor=Anchor(subject="CN=Lab", sha256="00", given=True)), "private"),
        (sent(leaf(scts=0), anchor=Anchor(subject="CN=Company", sha256="00")), "private"),
        (sent(leaf(scts=0), verify_code=20), "not-trusted"),
    ],
)
def test_logs_are_asked_for_of_public_authorities_only(chain: TlsChain, outcome: str) -> None:
    assert [verdict.outcome for verdict in verdicts(timestamps, chain)] == [outcome]


@pytest.mark.parametrize("judge", [staple, timestamps])
def test_without_tls_nothing_is_judged(judge: Any) -> None:
    plain = parse("http://api.éloquence.com", "api")
    assert [verdict.outcome for verdict in judge(plain, seen())] == ["none"]
