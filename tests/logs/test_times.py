"""Moments as people type them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from eloquence_ops.errors import UsageError
from eloquence_ops.logs.times import parse

PARIS = timezone(timedelta(hours=1))
NOW = datetime(2026, 11, 30, 0, 10, tzinfo=PARIS)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("10m", NOW - timedelta(minutes=10)),
        ("2h", NOW - timedelta(hours=2)),
        ("-1d", NOW - timedelta(days=1)),
        ("3 min ago", NOW - timedelta(minutes=3)),
        ("now", NOW),
        ("today", datetime(2026, 11, 30, tzinfo=PARIS)),
        ("yesterday", datetime(2026, 11, 29, tzinfo=PARIS)),
        ("00:05", datetime(2026, 11, 30, 0, 5, tzinfo=PARIS)),
        ("23:50", datetime(2026, 11, 29, 23, 50, tzinfo=PARIS)),
        ("23:50:01", datetime(2026, 11, 29, 23, 50, 1, tzinfo=PARIS)),
        ("2026-11-29 12:00", datetime(2026, 11, 29, 12, tzinfo=PARIS)),
        ("2026-11-29T12:00:00Z", datetime(2026, 11, 29, 13, tzinfo=PARIS)),
        ("@1764531467.5", datetime.fromtimestamp(1764531467.5, PARIS)),
    ],
)
def test_a_moment(typed: str, meant: datetime) -> None:
    assert parse(typed, NOW) == pytest.approx(meant.timestamp())


@pytest.mark.parametrize("typed", ["", "soon", "25:00", "10", "10x", "2026-13-01", "9" * 400, "\0"])
def test_what_is_no_moment_is_said(typed: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse(typed, NOW)
    assert refused.value.exit_code == 2
