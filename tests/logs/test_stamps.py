"""Moments are read as written, and set in time where they leave something out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eloquence_ops.logs.entry import Stamp
from eloquence_ops.logs.stamps import epoch, iso, leading, month_and_day, resolve, resolve_in

HOUR = 3600
PARIS = ZoneInfo("Europe/Paris")


def at(text: str) -> float:
    return datetime.fromisoformat(text).astimezone(UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "stamp", "rest"),
    [
        ("2026-11-30T19:37:47.123456789Z x", Stamp(70667.123456789, 2026, 11, 30, 0), " x"),
        ("2026-11-30 19:37:47,5-03:30", Stamp(70667.5, 2026, 11, 30, -12600), ""),
        ("2026/11/30 19:37:47 UTC", Stamp(70667.0, 2026, 11, 30, 0), ""),
        ("2026-11-30 19:37:47 +0100 x", Stamp(70667.0, 2026, 11, 30, 3600), " x"),
        ("2026-11-30 19:37:47 +1 x", Stamp(70667.0, 2026, 11, 30), " +1 x"),
        ("23:59:60.5", Stamp(86400.5), ""),
        ("2026-02-29 00:00:00", None, ""),
        ("0000-01-01 00:00:00", None, ""),
        ("24:00:00", None, ""),
        ("00:60:00", None, ""),
        ("00:00:61", None, ""),
        ("19:37:471", None, ""),
        ("2026-11-30", None, ""),
    ],
)
def test_a_moment_is_read_as_it_is_written(text: str, stamp: Stamp | None, rest: str) -> None:
    found = leading(text)
    assert (found and (found[0], text[found[1] :])) == (stamp and (stamp, rest))


def test_a_moment_alone_is_nothing_but_that() -> None:
    assert iso("2026-11-30T19:37:47Z") == Stamp(70667.0, 2026, 11, 30, 0)
    assert iso("2026-11-30T19:37:47Z x") is None


@pytest.mark.parametrize("seconds", [-1.0, 253402300800.0, float("nan"), float("inf"), -1e300])
def test_a_moment_beyond_the_calendar_is_none(seconds: float) -> None:
    assert epoch(seconds) is None


@pytest.mark.parametrize(
    ("stamp", "near", "east_s", "moment"),
    [
        # all is said
        (Stamp(70667.0, 2026, 11, 30, 0), "2026-12-05T00:00:00Z", HOUR, "2026-11-30T19:37:47Z"),
        (Stamp(70667.0, 2026, 11, 30, HOUR), "2026-12-05T00:00:00Z", 0, "2026-11-30T18:37:47Z"),
        # no zone
        (Stamp(70667.0, 2026, 11, 30), "2026-12-05T00:00:00Z", -HOUR, "2026-11-30T20:37:47Z"),
        # no year, over a new year both ways, and in the zone's own year
        (Stamp(86399.0, None, 12, 31), "2027-01-01T00:00:05Z", 0, "2026-12-31T23:59:59Z"),
        (Stamp(1.0, None, 1, 1), "2026-12-31T23:59:59Z", 0, "2027-01-01T00:00:01Z"),
        (Stamp(1.0, None, 1, 1), "2026-12-31T23:00:00Z", HOUR, "2026-12-31T23:00:01Z"),
        (Stamp(0.0, None, 2, 29), "2028-03-01T00:00:00Z", 0, "2028-02-29T00:00:00Z"),
        # no date, over midnight both ways, in a zone
        (Stamp(86399.0), "2026-12-01T00:00:05Z", 0, "2026-11-30T23:59:59Z"),
        (Stamp(1.0), "2026-11-30T23:59:59Z", 0, "2026-12-01T00:00:01Z"),
        (Stamp(70667.0), "2026-11-30T18:37:00Z", HOUR, "2026-11-30T18:37:47Z"),
        (Stamp(70667.0), "2026-11-30T10:00:00Z", 0, "2026-11-30T19:37:47Z"),
    ],
)
def test_what_is_left_out_is_the_nearest(stamp: Stamp, near: str, east_s: int, moment: str) -> None:
    assert resolve(stamp, at(near), east_s) == at(moment)


@pytest.mark.parametrize(
    ("stamp", "near", "moment"),
    [
        (Stamp(12 * HOUR, 2026, 7, 1), "2026-11-30T00:00:00Z", "2026-07-01T10:00:00Z"),
        (Stamp(12 * HOUR, 2026, 12, 1), "2026-07-01T00:00:00Z", "2026-12-01T11:00:00Z"),
        (Stamp(12 * HOUR), "2026-07-01T09:00:00Z", "2026-07-01T10:00:00Z"),
        # 02:30 comes twice on 25 October, at 00:30 and 01:30 UTC
        (Stamp(2.5 * HOUR, 2026, 10, 25), "2026-10-25T00:31:00Z", "2026-10-25T00:30:00Z"),
        (Stamp(2.5 * HOUR, 2026, 10, 25), "2026-10-25T01:31:00Z", "2026-10-25T01:30:00Z"),
        (Stamp(2.5 * HOUR), "2026-10-25T01:31:00Z", "2026-10-25T01:30:00Z"),
        # the offset of that noon, not the nearer moment by the offset of the day before
        (Stamp(12 * HOUR, 2026, 10, 25), "2026-10-25T09:00:00Z", "2026-10-25T11:00:00Z"),
        (Stamp(12 * HOUR, 2026, 7, 1, 0), "2026-11-30T00:00:00Z", "2026-07-01T12:00:00Z"),
    ],
)
def test_local_time_follows_the_zone_over_the_year(stamp: Stamp, near: str, moment: str) -> None:
    assert resolve_in(stamp, at(near), PARIS) == at(moment)


def test_an_hour_that_is_skipped_is_still_a_moment_of_that_night() -> None:
    moment = resolve_in(Stamp(2.5 * HOUR, 2026, 3, 29), at("2026-03-29T01:00:00Z"), PARIS)
    assert abs(moment - at("2026-03-29T01:00:00Z")) <= HOUR


@given(
    st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1)),
    st.timedeltas(timedelta(hours=-11), timedelta(hours=11)),
    st.sampled_from([0, HOUR, -5 * HOUR, 19800]),
    st.sampled_from(["date", "time"]),
)
def test_a_moment_comes_back_whatever_its_line_left_out(
    moment: datetime, drift: timedelta, east_s: int, kept: str
) -> None:
    local = moment + timedelta(seconds=east_s)
    of_day_s = (local - datetime(local.year, local.month, local.day)).total_seconds()
    stamp = Stamp(of_day_s, None, local.month, local.day) if kept == "date" else Stamp(of_day_s)
    expected = moment.replace(tzinfo=UTC).timestamp()
    near = expected + drift.total_seconds()
    assert resolve(stamp, near, east_s) == pytest.approx(expected, abs=1e-3)


NUMBERS = st.integers(-5, 10_000) | st.none()


@given(
    st.builds(
        Stamp,
        st.floats(0, 86_401),
        NUMBERS,
        st.none() | st.integers(1, 12),
        st.none() | st.integers(1, 31),
        st.none() | st.integers(-90_000, 90_000),
    ),
    st.floats(-1e12, 1e12),
)
def test_no_stamp_breaks_it(stamp: Stamp, near: float) -> None:
    assert isinstance(resolve(stamp, near, 0), float)
    assert isinstance(resolve_in(stamp, near, PARIS), float)


def test_29_february_is_no_day_of_another_year() -> None:
    assert month_and_day("02-30", "00:00:00") is None
    assert month_and_day("02-29", "00:00:00") == Stamp(0.0, None, 2, 29)
