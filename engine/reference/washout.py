"""Whether entries of a list are washed out by a day, from docs/SEMANTICS.md alone (6)."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import ceil, inf

from engine import terms as m
from engine.reference.entries import is_confirmed, matches
from engine.reference.measures import interval, later
from engine.terms.units import conversion

Ends = tuple[float, float]


def washed(
    fact: m.Fact,
    derive: m.WashedOut,
    records: m.RecordList,
    recorded: m.Entries,
    by: m.Reading | None,
    today: int,
) -> m.Reading:
    """Is each entry that matches out, and each that may match? None may be missing, too."""
    confirmed = is_confirmed(derive.where, records, recorded, today)
    days: Ends = (today, today)
    known = True
    if by is not None:
        known = by.low is not None and by.high is not None and by.low != m.NEVER
        days = (-inf, inf)
        if by.low is not None and by.high is not None and known:
            low = -inf if by.low == m.PAST else by.low
            days = (low, inf if by.ahead == "under_way" else by.high)
    told: list[m.Truth] = []
    for entry in recorded.entries:
        fits = "false" if entry.voided else matches(entry, derive.where, records, today)
        if fits == "false":
            continue
        out = _out(entry, derive, records, days, today)
        if fits == "true" and out == "false":
            return m.Reading(fact.name, 0, 0, None)
        told.append("unknown" if out == "false" else out)
    if confirmed and "unknown" not in told:
        return m.Reading(fact.name, 1, 1, None)
    reason: m.Reason = "imprecise" if known else "no_anchor"
    return m.Reading(fact.name, None, None, reason if confirmed else "history_not_confirmed")


def _out(
    entry: m.Entry, derive: m.WashedOut, records: m.RecordList, by: Ends, today: int
) -> m.Truth:
    """Is the longest of the lengths over on every day, or the shortest; on no day?"""
    ended: Ends = (-inf, inf)
    value = entry.values.get(derive.field)
    if value == "ongoing":
        ended = (today, inf)
    elif isinstance(value, m.Days) and value.first.toordinal() <= today:
        ended = interval(records.fields[derive.field], value, today)
    lengths = [_length(entry, one, records) for one in derive.lengths]
    pick = max if derive.longest else min
    soonest = pick(least(ended[0]) for least, _ in lengths)
    latest = pick(most(ended[1]) for _, most in lengths)
    return "true" if latest <= by[0] else "false" if soonest > by[1] else "unknown"


After = Callable[[float], float]
"""From a day to the day so long after it."""


def _length(
    entry: m.Entry, one: m.Duration | m.FieldTimes, records: m.RecordList
) -> tuple[After, After]:
    if isinstance(one, m.Duration):
        length = one

        def after(late: int) -> After:
            return lambda day: day if abs(day) == inf else later(int(day), length)[late]

        return after(0), after(1)
    field = records.fields[one.field]
    value = entry.values.get(one.field)
    low, high = field.range_u or (0, m.UNBOUNDED)
    if isinstance(value, m.Amount):
        low, high = interval(field, value, 0)
    each = conversion(field.unit, "d", None)[0] * Fraction(one.times_u, m.MILLION * m.MILLION)
    least = ceil(max(low, 0) * each)
    most = inf if high == m.UNBOUNDED else ceil(max(high, 0) * each)
    return (lambda day: day + least), (lambda day: day + most if day > -inf else day)
