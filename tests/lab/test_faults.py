"""Every fault of the lab is named; every pair is named, tied as stated, or counted as masked."""

from __future__ import annotations

import asyncio
from functools import cache
from pathlib import Path

import pytest

from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.findings import Status
from eloquence_ops.lab.expectation import how, unexpected
from eloquence_ops.lab.faults import Fault, all_faults
from eloquence_ops.observations import HttpExchange
from eloquence_ops.run.examine import Result
from tests.lab.faulty import diagnosed
from tests.lab.pairs import drawn, marks, outcomes, possible_pairs, table, written

FAULTS = all_faults()
SLICE = (
    "api-not-running",
    "api-legacy-deployed",
    "api-key-rejected",
    "session-url-unreachable",
    "proxy-wrong-upstream",
    "livekit-not-running",
    "own-network",
)


def test_a_healthy_lab_has_no_fail_and_no_warning() -> None:
    result = asyncio.run(diagnosed(()))
    assert [found.id for found in result.findings if found.status.is_problem] == []
    assert result.verdict == "healthy"
    assert {found.status for found in result.findings} <= {Status.PASS, Status.SKIPPED}


def test_read_only_opens_no_session_and_is_healthy_too() -> None:
    result = asyncio.run(diagnosed((), read_only=True))
    assert result.verdict == "healthy"
    assert result.seen.session is None
    posts = [entry for entry in result.seen.every(HttpExchange) if entry.method != "GET"]
    assert [(entry.purpose, entry.status) for entry in posts if entry.method == "POST"] == [
        ("key-proof-open", 422)
    ]
    assert "DELETE" not in {entry.method for entry in posts}


def test_read_only_proves_the_key() -> None:
    found = {f.id for f in asyncio.run(diagnosed((), read_only=True)).findings}
    assert {"api.key.ok", "api.session.read-only"} <= found
    wrong = asyncio.run(diagnosed((FAULTS["api-key-rejected"],), read_only=True))
    assert [cause.cause.id for cause in wrong.diagnosis.causes] == ["api-key-rejected"]


@cache
def alone(fault_id: str) -> Result:
    """What doctor made of one fault: each is made once for all that is asked of it."""
    return asyncio.run(diagnosed((FAULTS[fault_id],)))


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_fault_is_named_or_its_tie_is_stated(fault: Fault) -> None:
    result = alone(fault.id)
    assert how(fault, result, catalogue()) in ("named", "tied")
    assert unexpected((fault,), result) == set()
    assert result.diagnosis.unexplained == ()
    assert [found.id for found in result.findings if found.status is Status.ERROR] == []


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_stated_tie_is_a_real_one(fault: Fault) -> None:
    """What a fault is tied with is stated too, each with the probe that would tell them apart."""
    result = alone(fault.id)
    stated = {
        other.cause.id for cause in result.diagnosis.causes for other in cause.alternatives
    } | {cause.cause.id for cause in result.diagnosis.causes}
    assert set(fault.ties) <= stated
    for cause in result.diagnosis.causes:
        assert (cause.confidence == "possible") == bool(cause.alternatives)
        for other in cause.alternatives:
            assert other.cause.next_probe.run


PAGE = Path(__file__).resolve().parents[2] / "docs" / "pairs.md"


def test_a_sixth_of_the_pairs_is_named_tied_or_masked_and_nothing_else_is() -> None:
    found = outcomes(drawn())
    assert len(found) > 300
    assert [outcome for outcome in found if not outcome.is_right] == []
    page = written(PAGE.read_text("utf-8"))
    wrong = {pair: mark for pair, mark in marks(found).items() if page[pair] != mark}
    assert wrong == {}, "docs/pairs.md is out of date: python -m tests.lab.pairs"


def test_the_page_knows_exactly_the_pairs_that_can_exist_together() -> None:
    page = written(PAGE.read_text("utf-8"))
    pairs = {(one.id, other.id) for one, other in possible_pairs()}
    assert {pair for pair, mark in page.items() if mark not in ("", "·")} == pairs | {
        (other, one) for one, other in pairs
    }


def test_each_pair_is_in_one_sixth() -> None:
    """Whose turn it is changes with the runbook, and with nothing else."""
    sixths = [drawn(turn) for turn in range(6)]
    assert sorted(pair for sixth in sixths for pair in sixth) == sorted(drawn(every=1))
    assert drawn() in sixths


@pytest.mark.soak
def test_every_pair_is_named_tied_or_masked_and_nothing_else_is() -> None:
    found = outcomes(drawn(every=1))
    assert [outcome for outcome in found if not outcome.is_right] == []
    assert table(found) == PAGE.read_text("utf-8")


def test_the_slice_is_there() -> None:
    assert set(SLICE) <= set(FAULTS)
