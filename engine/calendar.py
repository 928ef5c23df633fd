"""Calendar arithmetic (SEMANTICS 2), on a grid where months are linear.

Number every day as if each month had 31: `grid(d) = 31 * (12 * year + month) + day`. Then
"date + n months <= as-of", with a missing day rolling to the 1st of the next month, is just
`grid(as_of) - grid(date) >= 31 * n`: the grid point of a missing day lies after every real
day of its month and before the next month's first. So a rule can compare one integer with
a constant, whatever the as-of date. "date + n months < as-of" is the same question asked of
the day before the as-of date.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from functools import lru_cache
from itertools import accumulate

from engine.model import Duration

MONTH = 31
YEAR = 12 * MONTH
CYCLE = 4_800
"""Months after which the calendar repeats."""


def grid(day: date) -> int:
    """The day's number on the 31-day grid."""
    return MONTH * (12 * day.year + day.month) + day.day


def completed_years(since: date, as_of: date) -> int:
    """The greatest n with `since` + n years <= as-of; negative for a later date."""
    return (grid(as_of) - grid(since)) // YEAR


def add(day: date, duration: Duration) -> date | None:
    """`day` + a duration; None where that lies beyond the calendar (after year 9999)."""
    if duration.months:
        year, month = divmod(12 * day.year + day.month - 1 + duration.months, 12)
        if year > date.max.year:
            return None
        try:
            day = date(year, month + 1, day.day)
        except ValueError:
            day = date(year, month + 2, 1)  # never December: it has 31 days
    try:
        return day + timedelta(days=duration.days)
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
