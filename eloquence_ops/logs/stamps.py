"""The moments that lines write: read, and set in time where they leave something out."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final

from eloquence_ops.logs.entry import Stamp

_DAY_S: Final = 86_400
_EPOCH: Final = date(1970, 1, 1).toordinal()
_LAST_S: Final = (date.max.toordinal() - _EPOCH) * _DAY_S
_MONTHS: Final = {
    "JanFebMarAprMayJunJulAugSepOctNovDec"[place : place + 3]: place // 3 + 1
    for place in range(0, 36, 3)
}

_DATE: Final = r"[0-9]{4}[-/][0-9]{2}[-/][0-9]{2}"
_TIME: Final = r"[0-9]{2}:[0-9]{2}:[0-9]{2}"
_ZONE: Final = r"Z|[+-][0-9]{2}:?[0-9]{2}|UTC\b|GMT\b"
_LEADING: Final = re.compile(
    rf"((?:{_DATE}[T ])?{_TIME})([.,][0-9]{{1,9}})?(?: ?({_ZONE}))?(?![0-9A-Za-z])"
)
_HALF_A_DAY_S: Final = _DAY_S / 2


# -- Reading ------------------------------------------------------------------------------------


def leading(text: str, start: int = 0) -> tuple[Stamp, int] | None:
    """The moment that stands at `start`, and where it ends: ISO 8601 and its relatives (`/` in the
    date, a comma before the fraction, no zone), or a time of day alone."""
    found = _LEADING.match(text, start)
    if found is None:
        return None
    second, fraction, zone = found.groups()
    moment = _second(second)
    if moment is None:
        return None
    of_day_s, year, month, day = moment
    if fraction is not None:
        of_day_s += float(f"0.{fraction[1:]}")
    return Stamp(of_day_s, year, month, day, east_of(zone)), found.end()


def iso(text: str) -> Stamp | None:
    """A moment and nothing else (`2026-11-30T19:37:47.123Z`)."""
    found = leading(text)
    return found[0] if found is not None and found[1] == len(text) else None


def month_and_day(day: str, time: str, east_s: int | None = None) -> Stamp | None:
    """`11-30` and `19:37:47.123`."""
    numbers = _numbers_of_day(f"2000-{day}")  # a leap year
    of_day_s = _of_day(time)
    if numbers is None or of_day_s is None:
        return None
    return Stamp(of_day_s, None, numbers[1], numbers[2], east_s)


def common_log(day: str, time: str, zone: str = "") -> Stamp | None:
    """`30/Nov/2026`, `19:58:03` and `+0000`, as access logs have them."""
    numbers = _numbers_of_common_day(day)
    of_day_s = _of_day(time)
    if numbers is None or of_day_s is None:
        return None
    return Stamp(of_day_s, *numbers, east_of(zone or None))


def named_month_and_day(month: str, day: str, time: str) -> Stamp | None:
    """`Nov`, `30` and `19:37:47`, as syslog had them."""
    return month_and_day(f"{_MONTHS.get(month, 0):02}-{day:0>2}", time)


@lru_cache(maxsize=64)
def east_of(zone: str | None) -> int | None:
    """`+0200`, `-03:30`, `Z`, `UTC` in seconds; None where no zone is written."""
    if zone is None:
        return None
    if zone[0] not in "+-":
        return 0
    seconds = int(zone[1:3]) * 3600 + int(zone[-2:]) * 60
    return -seconds if zone[0] == "-" else seconds


def epoch(seconds: float) -> Stamp | None:
    """A moment in seconds since 1970, up to the year 9999."""
    if not 0 <= seconds < _LAST_S:  # NaN is not either
        return None
    day, of_day_s = divmod(seconds, _DAY_S)
    return Stamp(of_day_s, *_numbers_of_ordinal(_EPOCH + int(day)), 0)


@lru_cache(maxsize=256)  # a busy log has many lines of one second
def _second(text: str) -> tuple[float, int | None, int | None, int | None] | None:
    """`2026-11-30 19:37:47` or `19:37:47`: of the day, year, month, day."""
    of_day_s = _of_day(text[-8:])
    numbers = _numbers_of_day(text[:10]) if len(text) > 8 else (None, None, None)
    return None if of_day_s is None or numbers is None else (of_day_s, *numbers)


@lru_cache(maxsize=64)
def _numbers_of_day(day: str) -> tuple[int, int, int] | None:
    try:
        found = date(int(day[:4]), int(day[5:7]), int(day[8:10]))
    except ValueError:
        return None
    return found.year, found.month, found.day


@lru_cache(maxsize=64)
def _numbers_of_common_day(day: str) -> tuple[int, int, int] | None:
    """`30/Nov/2026`"""
    return _numbers_of_day(f"{day[7:]}-{_MONTHS.get(day[3:6], 0):02}-{day[:2]}")


@lru_cache(maxsize=64)
def _numbers_of_ordinal(ordinal: int) -> tuple[int, int, int]:
    found = date.fromordinal(ordinal)
    return found.year, found.month, found.day


def _of_day(time: str) -> float | None:
    minutes_s = _minutes(time[:5])
    second = float(time[6:].replace(",", "."))
    return None if minutes_s is None or second >= 61 else minutes_s + second


@lru_cache(maxsize=1500)
def _minutes(time: str) -> int | None:
    hour, minute = int(time[:2]), int(time[3:])
    return None if hour > 23 or minute > 59 else hour * 3600 + minute * 60


# -- Setting in time ----------------------------------------------------------------------------


def resolve(stamp: Stamp, near: float, east_s: int) -> float:
    """Seconds since 1970. What the stamp leaves out is chosen such that the moment is the nearest
    to `near` (also seconds since 1970): the year over a new year, the day over midnight.

    `east_s`: the zone of a stamp that names none.
    """
    zone_s = east_s if stamp.east_s is None else stamp.east_s
    of_day_s = stamp.of_day_s - zone_s
    if stamp.month is None or stamp.day is None:
        days, rest = divmod(near - of_day_s, _DAY_S)
        return (days + (rest > _HALF_A_DAY_S)) * _DAY_S + of_day_s
    if stamp.year is not None:
        return _day_start(stamp.year, stamp.month, stamp.day) + of_day_s
    year = _year_of(near + zone_s)
    return min(
        (
            _day_start(possible, stamp.month, stamp.day) + of_day_s
            for possible in (year - 1, year, year + 1)
        ),
        key=lambda moment: abs(moment - near),
    )


def resolve_in(stamp: Stamp, near: float, zone: tzinfo) -> float:
    """`resolve` for a stamp written in the local time of `zone`, whose offset changes in a year.
    Of an hour that comes twice, the one nearer to `near`."""
    if stamp.east_s is not None:
        return resolve(stamp, near, 0)
    as_if_utc = resolve(stamp, near, _east_of(near, zone))
    possible = {
        resolve(stamp, near, _east_of(as_if_utc + shift_s, zone)) for shift_s in (-_DAY_S, _DAY_S)
    }
    # In the hour that is skipped neither is right: then any of the two will do.
    right = {
        moment for moment in possible if resolve(stamp, near, _east_of(moment, zone)) == moment
    }
    return min(right or possible, key=lambda moment: abs(moment - near))


@lru_cache(maxsize=256)
def _day_start(year: int, month: int, day: int) -> float:
    """29 February is 1 March in the years that have none."""
    try:
        found = date(min(max(year, 1), 9999), month, day)
    except ValueError:
        found = date(min(max(year, 1), 9999), 3, 1)
    return float((found.toordinal() - _EPOCH) * _DAY_S)


def _year_of(moment: float) -> int:
    if not 0 <= moment < _LAST_S:
        return 1970
    return date.fromordinal(_EPOCH + int(moment // _DAY_S)).year


def _east_of(moment: float, zone: tzinfo) -> int:
    bounded = min(max(moment, 0.0), float(_LAST_S - 2 * _DAY_S))
    offset = datetime.fromtimestamp(bounded, zone).utcoffset() or timedelta()
    return int(offset.total_seconds())
