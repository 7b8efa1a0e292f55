"""Every fault of the lab is named; every pair is named, tied as stated, or counted as masked."""

from __future__ import annotations

import asyncio
from itertools import combinations

import pytest

from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.errors import UsageError
from eloquence_ops.findings import Status
from eloquence_ops.lab.expectation import how, unexpected
from eloquence_ops.lab.faults import Fault, all_faults, combined
from tests.lab.faulty import diagnosed

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
    assert "POST" not in {getattr(entry, "method", "") for entry in result.seen.observations}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_fault_is_named_or_its_tie_is_stated(fault: Fault) -> None:
    result = asyncio.run(diagnosed((fault,)))
    assert how(fault, result, catalogue()) in ("named", "tied")
    assert unexpected((fault,), result) == set()
    assert result.diagnosis.unexplained == ()
    assert [found.id for found in result.findings if found.status is Status.ERROR] == []


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_stated_tie_is_a_real_one(fault: Fault) -> None:
    """What a fault is tied with is stated too, each with the probe that would tell them apart."""
    result = asyncio.run(diagnosed((fault,)))
    stated = {
        other.cause.id for cause in result.diagnosis.causes for other in cause.alternatives
    } | {cause.cause.id for cause in result.diagnosis.causes}
    assert set(fault.ties) <= stated
    for cause in result.diagnosis.causes:
        assert (cause.confidence == "possible") == bool(cause.alternatives)
        for other in cause.alternatives:
            assert other.cause.next_probe.run


def pairs() -> list[tuple[Fault, Fault]]:
    """Those that can exist together."""
    found = []
    for one, other in combinations(FAULTS.values(), 2):
        try:
            combined((one, other))
        except UsageError:
            continue
        found.append((one, other))
    return found


def test_every_pair_is_named_tied_or_masked_and_nothing_else_is() -> None:
    async def all_of_them() -> list[str]:
        room = asyncio.Semaphore(8)

        async def one(pair: tuple[Fault, Fault]) -> str | None:
            async with room:
                result = await diagnosed(pair)
            names = [fault.id for fault in pair]
            told = [how(fault, result, catalogue()) for fault in pair]
            wrong = unexpected(pair, result)
            loose = [found.id for found in result.diagnosis.unexplained]
            if "missed" in told or wrong or loose:
                return f"{names}: {told}, unexpected {wrong}, unexplained {loose}"
            return None

        answers = await asyncio.gather(*(one(pair) for pair in pairs()))
        return [answer for answer in answers if answer]

    assert asyncio.run(all_of_them()) == []


def test_the_slice_is_there() -> None:
    assert set(SLICE) <= set(FAULTS)
