"""Calendar arithmetic (SEMANTICS 2), on a grid where months are linear.

Number every day as if each month had 31: `grid(d) = 31 * (12 * year + month) + day`. Then
"date + n months <= as-of", with a missing day rolling to the 1st of the next month, is just
`grid(as_of) - grid(date) >= 31 * n`: the grid point of a missing day lies after every real
day of its month and before the next month's first. So a rule can compare one integer with
a constant, whatever the as-of date. "date + n months < as-of" is the same question asked of
the day before the as-of date.
"""

from __future__ import annotations

from datetime import date, timedelta

from engine.model import Duration

MONTH = 31
YEAR = 12 * MONTH


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
