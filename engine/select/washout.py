"""Whether what a list's entries leave behind is washed out by a day (SEMANTICS 6)."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from math import ceil

from engine import terms as m
from engine.select.amounts import quantity_of
from engine.select.found import Found
from engine.select.lists import relied_until
from engine.select.matching import turns_on
from engine.terms.calendar import earliest, latest
from engine.terms.units import conversion

_EVER = 10**9
"""A day beyond the calendar."""

_Days = tuple[int, int]


def washed_out(
    name: str,
    derive: m.WashedOut,
    record: m.RecordList,
    listed: m.Entries | None,
    entries: tuple[list[m.Entry], list[m.Entry]],
    anchor: Found | None,
    as_of: date,
) -> Found:
    """The reading of a washout, of the entries that match and those that may."""
    sure, maybe = entries
    by, usable = _anchor_days(anchor, as_of)
    told = [_is_out(entry, derive, record, by, as_of) for entry in (*sure, *maybe)]
    turning = [_turn(entry, derive, record, as_of) for entry in (*sure, *maybe)]
    turning.append(turns_on(derive.where, listed.entries if listed is not None else (), as_of))
    if anchor is not None:
        turning.append(anchor.starts)
    if listed is not None and listed.complete_on is not None and listed.complete_on > as_of:
        turning.append(listed.complete_on)
    starts = min((day for day in turning if day is not None and day > as_of), default=None)
    until = anchor.until if anchor is not None else None
    statements = anchor.statements if anchor is not None else ()
    lapse = relied_until(record, listed, derive.where, as_of)
    closed = lapse is not None
    around = tuple(e for e, out in zip((*sure, *maybe), told, strict=True) if out is not True)
    beside = (derive.before,) if derive.before else ()
    failing = [entry for entry, out in zip(sure, told, strict=False) if out is False]
    if failing:
        reading = m.Reading(name, 0, 0, None)
        return Found(reading, statements, (failing[0],), until, starts, beside, around=around)
    lasting = (until, None if lapse == date.max else lapse)
    both = min((day for day in lasting if day is not None), default=None)
    if closed and all(told):
        every = (*sure, *maybe)
        reading = m.Reading(name, 1, 1, None)
        return Found(reading, statements, every, both, starts, beside, rests=True, around=around)
    why: m.Reason = "history_not_confirmed"
    if closed:
        why = "imprecise" if usable else "no_anchor"
    reading = m.Reading(name, None, None, why)
    return Found(reading, statements, (), both, starts, beside, around=around)


def _anchor_days(anchor: Found | None, as_of: date) -> tuple[_Days, bool]:
    """The days by which it must be over, and whether they are known at all."""
    if anchor is None:
        return (as_of.toordinal(), as_of.toordinal()), True
    low, high = anchor.reading.low, anchor.reading.high
    if low is None or high is None or low == m.NEVER:
        return (-_EVER, _EVER), False
    return (
        -_EVER if low == m.PAST else low,
        _EVER if anchor.reading.ahead == "under_way" else high,
    ), True


def _is_out(
    entry: m.Entry, derive: m.WashedOut, record: m.RecordList, by: _Days, as_of: date
) -> bool | None:
    """Whether an entry is washed out on every day that it must be; None where that is open."""
    ended = _ended(entry, derive.field, as_of)
    told = [_over(ended, _length(entry, one, record), by) for one in derive.lengths]
    settles = not derive.longest
    if settles in told:
        return settles
    return None if None in told else not settles


_Length = tuple[m.Duration | int, m.Duration | int]


def _over(ended: _Days, length: _Length, by: _Days) -> bool | None:
    """Whether a length of time after a day is over by another, for all that they can be."""
    if _after(ended[1], length[1], last=True) <= by[0]:
        return True
    return None if _after(ended[0], length[0], last=False) <= by[1] else False


def _after(number: int, length: m.Duration | int, *, last: bool) -> int:
    """The day so long after a day, the late or the early one."""
    if abs(number) >= _EVER:
        return number
    if isinstance(length, int):
        return min(number + length, _EVER)
    day = (latest if last else earliest)(date.fromordinal(number), length)
    return _EVER if day is None else day.toordinal()


def _ended(entry: m.Entry, field: str, as_of: date) -> _Days:
    """The days on which an entry can have ended; what is open may be under way for ever."""
    value = entry.values.get(field)
    if value == "ongoing":
        return as_of.toordinal(), _EVER
    if isinstance(value, m.Days) and value.first <= as_of:
        return value.first.toordinal(), min(value.last, as_of).toordinal()
    return -_EVER, _EVER


def _length(entry: m.Entry, one: m.Duration | m.FieldTimes, record: m.RecordList) -> _Length:
    """A length of time after an entry, the least and the most: a duration, or whole days."""
    if isinstance(one, m.Duration):
        return one, one
    field = record.fields[one.field]
    value = entry.values.get(one.field)
    if isinstance(value, m.Amount):
        low, high = quantity_of(field, value)
    else:
        low, high = field.range_u or (0, m.UNBOUNDED)
    factor = conversion(field.unit, "d", None)[0] * Fraction(one.times_u, m.MILLION**2)
    least = 0 if low <= 0 else ceil(low * factor)
    return least, _EVER if high >= m.UNBOUNDED else max(least, ceil(high * factor))


def _turn(entry: m.Entry, derive: m.WashedOut, record: m.RecordList, as_of: date) -> date | None:
    """The first later day on which an entry may come to be otherwise, or sooner."""
    value = entry.values.get(derive.field)
    days: list[int] = []
    if isinstance(value, m.Days):
        days = [value.first.toordinal()]
        if value.first <= as_of < value.last:
            days.append(as_of.toordinal() + 1)
    elif value == "ongoing":
        days = [as_of.toordinal() + 1]
    if not derive.before and isinstance(value, m.Days) and value.first <= as_of:
        for one in derive.lengths:
            least, most = _length(entry, one, record)
            first, last = _ended(entry, derive.field, as_of)
            days += [_after(first, least, last=False), _after(last, most, last=True)]
    later = [day for day in days if as_of.toordinal() < day <= date.max.toordinal()]
    return date.fromordinal(min(later)) if later else None
