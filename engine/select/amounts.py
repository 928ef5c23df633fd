"""Recorded values as intervals, and their ratios to the upper limit of normal (SEMANTICS 3, 4)."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from math import ceil, floor

from engine import terms as m
from engine.terms.calendar import days_in_months
from engine.terms.units import conversion, months_each, stated_in


def interval_of(fact: m.Fact, statement: m.Statement, as_of: date) -> tuple[int, int]:
    value = statement.value
    if isinstance(value, bool):
        return (int(value), int(value))
    if isinstance(value, m.Days):
        whole = fact.planned or value.first > as_of
        last = value.last if whole else min(value.last, as_of)
        return (value.first.toordinal(), last.toordinal())
    if isinstance(value, m.Amount):
        return quantity_of(fact, value)
    if value == "never" and fact.type == "date":
        return (m.NEVER, m.NEVER)
    number = fact.code_number(str(value))
    return (number, number)


def quantity_of(fact: m.Fact | m.Field, amount: m.Amount) -> tuple[int, int]:
    low, high, low_step, high_step = ends_of(amount, fact)
    return _censored(amount.sign, low, high, low_step, high_step, fact.range_u)


def ends_of(amount: m.Amount, of: m.Fact | m.Field) -> tuple[int, int, int, int]:
    """What a number, its sign aside, comes to in the declared unit: the least, the most, and
    for each the millionth that `<` and `>` take off or add, where it came out exactly."""
    if amount.unit == of.unit:
        return amount.amount_u, amount.amount_u, 1, 1
    months = months_each(amount.unit, of.unit)
    if months:
        count = Fraction(amount.amount_u * months, m.MILLION)
        per_day, _ = conversion("d", of.unit, None)
        least = days_in_months(floor(count))[0] * per_day * m.MILLION
        most = days_in_months(ceil(count))[1] * per_day * m.MILLION
        return floor(least), ceil(most), int(least.denominator == 1), int(most.denominator == 1)
    factor, offset = conversion(amount.unit, of.unit, of.molar_mass, of.also_in)
    converted = Fraction(amount.amount_u) * factor + offset * m.MILLION
    step = int(converted.denominator == 1)
    if of.also_in and stated_in(amount.unit, of.also_in):
        return floor(converted), ceil(converted), step, step
    return round(converted), round(converted), step, step


def _censored(
    sign: str, low: int, high: int, low_step: int, high_step: int, range_u: tuple[int, int] | None
) -> tuple[int, int]:
    bottom, top = range_u if range_u is not None else (-m.UNBOUNDED, m.UNBOUNDED)
    if not sign:
        return (low, high)
    if sign[0] == "<":
        return (bottom, high if sign == "<=" else high - high_step)
    return (low if sign == ">=" else low + low_step, top)


def ratio_of(
    fact: m.Fact, values: list[m.Statement], low: int, high: int
) -> tuple[m.UlnRatio | None, m.Reason | None]:
    """The value over its upper limit of normal, exactly, or why there is none."""
    if fact.uln_u is None and not any(s.uln_u for s in values):
        return None, "no_limit"
    ratios = set()
    for statement in values:
        amount = statement.value
        assert isinstance(amount, m.Amount)
        if statement.uln_u is not None:
            ratios.add(_own_ratio(fact, amount, statement.uln_u, (low, high)))
        elif fact.uln_u is not None and not statement.no_limit:
            ratios.add(_over((low, high), Fraction(fact.uln_u)))
    if not ratios:
        return None, "no_limit"
    if len(ratios) > 1:
        return None, "conflicting"
    return ratios.pop(), None


def ratios_of(
    fact: m.Fact,
    values: list[m.Statement],
    newest: date | None,
    ends: tuple[int, int],
    as_of: date,
) -> tuple[m.UlnRatio | None, m.Reason | None]:
    """The ratio to the limit of normal of all values that could count (`_newest_of`)."""
    if fact.type != "quantity":
        return None, None
    same_day = [s for s in values if s.on == newest]
    if fact.changes == "never" or len(same_day) == len(values):
        return ratio_of(fact, values, *ends)
    each = [ratio_of(fact, [s], *interval_of(fact, s, as_of)) for s in values if s not in same_day]
    if same_day:
        each.append(ratio_of(fact, same_day, *interval_of(fact, same_day[0], as_of)))
    if any(why == "conflicting" for _, why in each):
        return None, "conflicting"
    alike = len({interval_of(fact, s, as_of) for s in values}) == 1
    known = {ratio for ratio, _ in each if ratio is not None}
    if not known or (len(known) < len({ratio for ratio, _ in each}) and not alike):
        return None, "no_limit"
    if len(known) == 1:
        return known.pop(), None
    low, high = [r.low for r in known], [r.high for r in known]
    least = None if None in low else min(end for end in low if end is not None)
    most = None if None in high else max(end for end in high if end is not None)
    return m.UlnRatio(least, most), "undated"


def _own_ratio(fact: m.Fact, amount: m.Amount, uln_u: int, ends: tuple[int, int]) -> m.UlnRatio:
    """The ratio to a limit that stands beside the result, in the result's unit."""
    if amount.unit == fact.unit:
        return _over(ends, Fraction(uln_u))
    factor, offset = conversion(amount.unit, fact.unit, fact.molar_mass, fact.also_in)
    even = offset == 0 and not months_each(amount.unit, fact.unit)
    if even and (amount.amount_u * factor).denominator == 1:
        return _over(ends, uln_u * factor)
    own = (amount.amount_u, amount.amount_u, 1, 1)
    return _over(_censored(amount.sign, *own, None), Fraction(uln_u))


def _over(ends: tuple[int, int], uln: Fraction) -> m.UlnRatio:
    low, high = ends
    return m.UlnRatio(
        None if low <= -m.UNBOUNDED else low / uln, None if high >= m.UNBOUNDED else high / uln
    )
