"""Lengths of time, intervals and ratios, from docs/SEMANTICS.md alone (2, 3, 4)."""

from __future__ import annotations

from calendar import monthrange
from datetime import date
from fractions import Fraction
from functools import cache
from math import ceil, floor

from engine import terms as m
from engine.terms.units import conversion, months_each, stated_in

Exact = int | Fraction
Interval = tuple[int, int]


def later(day: int, duration: m.Duration) -> Interval:
    """The day number `duration` after `day`, the early and the late one (2).

    They differ where the month lacks the day: its last, and the next month's 1st.
    """
    if not duration.months:
        return (day + duration.days, day + duration.days)
    start = date.fromordinal(day)
    years, month = divmod(start.month - 1 + duration.months, 12)
    # The calendar repeats every 400 years (146,097 days), so `date` never overflows.
    cycles, year = divmod(start.year + years - 1, 400)
    length = monthrange(year + 1, month + 1)[1]
    first = date(year + 1, month + 1, 1).toordinal() + cycles * 146_097 + duration.days
    return (first + min(start.day, length) - 1, first + min(start.day, length + 1) - 1)


def completed_years(day: int, today: int) -> Interval:
    """The greatest whole number n with day + 12 n months not after today (2).

    With the late and with the early day: the fewest and the most years.
    """
    years = date.fromordinal(today).year - date.fromordinal(day).year
    early, late = later(day, m.Duration(0, 12 * years))
    return (years - (late > today), years - (early > today))


def completed_months(day: int, today: int) -> Interval:
    """The greatest whole number n with day + n months not after today (2)."""
    start, end = date.fromordinal(day), date.fromordinal(today)
    months = 12 * (end.year - start.year) + end.month - start.month
    early, late = later(day, m.Duration(0, months))
    return (months - (late > today), months - (early > today))


COMPLETED = {
    "a": completed_years,
    "mo": completed_months,
    "wk": lambda day, today: ((today - day) // 7, (today - day) // 7),
}
"""By unit, how many whole ones lie between two days."""


def ends_of(bound: int, sign: m.Sign, limits: Interval | None, step: int) -> Interval:
    """The interval that `sign bound` stands for; `limits` close its open end (3)."""
    bottom, top = limits or (-m.UNBOUNDED, m.UNBOUNDED)
    low = bottom if sign in ("<", "<=") else bound + step if sign == ">" else bound
    return (low, top if sign in (">", ">=") else bound - step if sign == "<" else bound)


@cache
def month_days(count: int) -> Interval:
    """The fewest and the most days of `count` months, each from the 1st of a month (3)."""
    firsts = [date(2000 + n // 12, n % 12 + 1, 1).toordinal() for n in range(4_800)]
    spans = [later(first, m.Duration(0, count))[0] - first for first in firsts]
    return (min(spans), max(spans))


def interval(of: m.Fact | m.Field, value: m.Recorded, today: int) -> Interval:
    """What a recorded value of the fact or field `of` could be, on its axis (2, 3, 4)."""
    if isinstance(value, m.Days):
        first, last = value.first.toordinal(), value.last.toordinal()
        whole = first > today or (isinstance(of, m.Fact) and of.planned)
        return (first, last if whole else min(last, today))
    if isinstance(value, m.Amount):
        exact: Exact = value.amount_u
        if each := months_each(value.unit, of.unit):
            months = Fraction(exact * each, m.MILLION)
            day = conversion("d", of.unit, None)[0] * m.MILLION
            least, most = month_days(floor(months))[0] * day, month_days(ceil(months))[1] * day
            low, _ = ends_of(floor(least), value.sign, of.range_u, int(least.denominator == 1))
            _, high = ends_of(ceil(most), value.sign, of.range_u, int(most.denominator == 1))
            return (low, high)
        if value.unit != of.unit:
            factor, offset = conversion(value.unit, of.unit, of.molar_mass, of.also_in)
            exact = exact * factor + offset * m.MILLION
            if stated_in(value.unit, of.also_in):
                step = int(exact.denominator == 1)
                low, _ = ends_of(floor(exact), value.sign, of.range_u, step)
                return (low, ends_of(ceil(exact), value.sign, of.range_u, step)[1])
        # `round` is half to even; only an exact bound is moved by a millionth.
        return ends_of(round(exact), value.sign, of.range_u, int(exact.denominator == 1))
    if isinstance(value, str):
        point = m.NEVER if of.type == "date" else [c.code for c in of.choices].index(value)
        return (point, point)
    return (int(value), int(value))


def ratio_of(fact: m.Fact, said: m.Statement, interval: Interval) -> m.UlnRatio | None:
    """The value of one statement divided by its limit of normal; None where it has none (4)."""
    limit: Exact | None = None if said.no_limit else fact.uln_u
    low, high = interval
    if said.uln_u is not None and isinstance(said.value, m.Amount):
        factor, offset = conversion(said.value.unit, fact.unit, fact.molar_mass, fact.also_in)
        bound = said.value.amount_u * factor + offset * m.MILLION
        even = offset == 0 and not months_each(said.value.unit, fact.unit)
        if bound.denominator == 1 and even:
            limit = said.uln_u * factor
        else:
            limit = said.uln_u
            low, high = ends_of(said.value.amount_u, said.value.sign, None, 1)
    if limit is None:
        return None
    ends = (None if abs(end) == m.UNBOUNDED else Fraction(end, limit) for end in (low, high))
    return m.UlnRatio(*ends)
