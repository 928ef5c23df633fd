"""Calendar arithmetic (SEMANTICS 2), on a grid where months are linear.

Where the later month has no such day, date + n months is one of two days: the last of that
month (`earliest`) or the 1st of the next (`latest`). Which of them is meant is never chosen;
what they disagree about is unknown.

Number every day as if each month had 31: `grid(d) = 31 * (12 * year + month) + day`. Then
"the latest date + n months <= as-of" is just `grid(as_of) - grid(date) >= 31 * n`: the grid
point of a missing day lies after every real day of its month and before the next month's
first. So a rule can compare one integer with a constant, whatever the as-of date. For the
earliest, the last day of a month stands for all its grid points: `grid_end(as_of)` takes the
place of `grid(as_of)`. "date + n months < as-of" is the same question asked of the day before,
and `grid_end` of the day before is `grid` of the day, less one.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from functools import lru_cache
from itertools import accumulate

from engine.terms import Duration

MONTH = 31
YEAR = 12 * MONTH
CYCLE = 4_800
"""Months after which the calendar repeats."""


def grid(day: date) -> int:
    """The day's number on the 31-day grid."""
    return MONTH * (12 * day.year + day.month) + day.day


def grid_end(day: date) -> int:
    """The last grid point that the day stands for: past the end of a month, its last day."""
    last = day.day == monthrange(day.year, day.month)[1]
    return grid(day) + (MONTH - day.day if last else 0)


def completed_years(since: date, as_of: date) -> tuple[int, int]:
    """The greatest n with `since` + n years <= as-of, by the latest and the earliest such day.

    Negative for a later date.
    """
    return (grid(as_of) - grid(since)) // YEAR, (grid_end(as_of) - grid(since)) // YEAR


def earliest(day: date, duration: Duration) -> date | None:
    """`day` + a duration; the last of the month that lacks the day.

    None beyond the calendar (after year 9999).
    """
    return _add(day, duration, 0)


def latest(day: date, duration: Duration) -> date | None:
    """`day` + a duration; the 1st of the month after the one that lacks the day.

    None beyond the calendar (after year 9999).
    """
    return _add(day, duration, 1)


def back(as_of: date, duration: Duration, *, early: bool, strict: bool = False) -> date | None:
    """The latest day from which a duration has passed by `as_of` (strict: by the day before).

    By the earliest or by the latest day that it may be up on; a negative one lies ahead. None
    beyond the calendar.
    """
    try:
        as_of -= timedelta(days=duration.days + strict)
    except OverflowError:
        return None
    if not duration.months:
        return as_of
    number = (grid_end if early else grid)(as_of) - MONTH * duration.months
    months, day = divmod(number - 1, MONTH)
    year, month = divmod(months - 1, 12)
    if not date.min.year <= year <= date.max.year:
        return None
    return date(year, month + 1, min(day + 1, monthrange(year, month + 1)[1]))


def _add(day: date, duration: Duration, more: int) -> date | None:
    days = duration.days
    if duration.months:
        year, month = divmod(12 * day.year + day.month - 1 + duration.months, 12)
        if not date.min.year <= year <= date.max.year:
            return None
        longest = monthrange(year, month + 1)[1]
        days += more if day.day > longest else 0
        day = date(year, month + 1, min(day.day, longest))
    try:
        return day + timedelta(days=days)
    except OverflowError:
        return None


def of_year(day: date, year: int) -> date:
    """The same day of another year; the 28th of February where that has no 29th."""
    if (day.month, day.day) == (2, 29):
        return date(year, 3, 1) - timedelta(days=1)
    return day.replace(year=year)


@lru_cache(maxsize=1)
def _month_starts() -> tuple[int, ...]:
    """Where each month begins, in days, over two cycles of the calendar."""
    lengths = [monthrange(2000 + month // 12, month % 12 + 1)[1] for month in range(CYCLE)] * 2
    return tuple(accumulate(lengths, initial=0))


@lru_cache(maxsize=1024)
def days_in_months(count: int) -> tuple[int, int]:
    """The fewest and the most days that so many months on end can have."""
    starts = _month_starts()
    cycles, rest = divmod(count, CYCLE)
    spans = [starts[first + rest] - starts[first] for first in range(CYCLE)]
    return cycles * starts[CYCLE] + min(spans), cycles * starts[CYCLE] + max(spans)
