"""What counts as new when the API is looked at again after a deploy."""

from __future__ import annotations

import pytest

from eloquence_ops.deploy.public import failures
from eloquence_ops.findings import Finding, Status, Subject, Vantage

AREAS = frozenset({"api"})


def finding(
    status: str, check: str = "api.identity", subject: str = "https://a", outcome: str = "x"
) -> Finding:
    return Finding(f"{check}.{outcome}", Status(status), Vantage.HERE, Subject(subject))


@pytest.mark.parametrize(
    ("before", "after", "new", "old"),
    [
        ("pass", "pass", 0, 0),
        ("pass", "fail", 1, 0),
        ("warn", "fail", 1, 0),
        ("masked", "fail", 1, 0),
        (None, "fail", 1, 0),
        ("fail", "fail", 0, 1),
        ("fail", "pass", 0, 0),
        ("pass", "warn", 0, 0),
        # Unknown is never a pass, and no news where it was not one before.
        ("pass", "unknown", 1, 0),
        ("warn", "unknown", 1, 0),
        ("unknown", "unknown", 0, 0),
        ("fail", "unknown", 0, 0),
        # Hidden by another check, which is counted itself; a defect of ours blames nobody.
        ("pass", "masked", 0, 0),
        ("pass", "error", 0, 0),
    ],
)
def test_only_what_went_before_is_new(before: str | None, after: str, new: int, old: int) -> None:
    was = [finding(before, outcome="y")] if before else []
    found = failures(was, [finding(after)], AREAS)
    assert (len(found[0]), len(found[1])) == (new, old)


def test_other_areas_and_other_subjects_do_not_count() -> None:
    assert failures([], [finding("fail", "dns.resolves")], AREAS) == ((), ())
    elsewhere = finding("fail", subject="https://b")
    assert failures([finding("fail")], [elsewhere], AREAS) == ((elsewhere,), ())
