"""What counts as hidden behind another fault: only what that fault's own failure hides."""

from __future__ import annotations

import asyncio
from itertools import permutations

import pytest

from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.errors import UsageError
from eloquence_ops.lab.expectation import how
from eloquence_ops.lab.faults import all_faults, combined
from eloquence_ops.run.examine import Result
from tests.lab.faulty import diagnosed

FAULTS = all_faults()


@pytest.fixture(scope="module")
def result() -> Result:
    """The API is stopped: its key and its tokens are hidden by that."""
    return asyncio.run(diagnosed((FAULTS["api-not-running"],)))


@pytest.mark.parametrize("hidden", ["api-key-rejected", "token-wrong-secret", "api-body-refused"])
def test_what_the_other_fault_fails_hides_a_fault(hidden: str, result: Result) -> None:
    other = FAULTS["api-not-running"]
    assert how(FAULTS[hidden], result, catalogue(), others=(other,)) == "masked"


@pytest.mark.parametrize("hidden", ["api-key-rejected", "token-wrong-secret", "api-body-refused"])
def test_a_fault_is_not_hidden_by_what_another_one_would_fail_elsewhere(
    hidden: str, result: Result
) -> None:
    """The checks are masked all the same, but by none of these two."""
    other = FAULTS["livekit-redirects"]
    assert how(FAULTS[hidden], result, catalogue(), others=(other,)) == "missed"
    assert how(FAULTS[hidden], result, catalogue()) == "missed"


def test_what_could_not_be_told_hides_too_where_the_other_fault_is_on_that_host() -> None:
    """A resolver that refuses a bogus zone gives no address: that is unknown, and no failure."""
    both = (FAULTS["dns-dnssec-bogus"], FAULTS["livekit-redirects"])
    found = asyncio.run(diagnosed(both))
    assert how(both[0], found, catalogue(), others=both[1:]) == "named"
    assert how(both[1], found, catalogue(), others=both[:1]) == "masked"


@pytest.mark.parametrize("hiding", ["cert-expired", "cert-not-yet-valid"])
def test_what_takes_away_the_sign_of_another_fault_is_not_made_with_it(hiding: str) -> None:
    for pair in permutations((FAULTS["api-wrong-base-url"], FAULTS[hiding])):
        with pytest.raises(UsageError):
            combined(pair)


def test_a_certificate_that_ends_soon_leaves_a_wrong_port_to_see() -> None:
    both = (FAULTS["api-wrong-base-url"], FAULTS["cert-expiring"])
    found = asyncio.run(diagnosed(both))
    assert [how(fault, found, catalogue()) for fault in both] == ["named", "named"]


def test_every_fault_that_is_left_out_beside_another_exists() -> None:
    assert {name for fault in FAULTS.values() for name in fault.not_with} <= set(FAULTS)


def test_two_redirects_at_once_are_both_named() -> None:
    both = (FAULTS["api-method-rewritten"], FAULTS["livekit-redirects"])
    found = asyncio.run(diagnosed(both))
    assert [how(fault, found, catalogue()) for fault in both] == ["named", "named"]
