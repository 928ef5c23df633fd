"""Whole months, weeks and years from one date to another (SEMANTICS 6)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from engine import terms as m
from engine.select.found import Found
from engine.terms.calendar import MONTH, YEAR, grid, grid_end


def completed(
    name: str, derive: m.Completed, since: Found, until: Found | None, as_of: date
) -> Found:
    """The whole units completed from a date to the as-of date, or to another date."""
    today = as_of.toordinal()
    start = since.reading if until is not None else replace(since.reading, ahead="")
    end = until.reading if until is not None else m.Reading("", today, today, None)
    both = (since, *((until,) if until is not None else ()))
    if start.low is None or start.high is None or end.low is None or end.high is None:
        why = start.reason if start.low is None else end.reason
        reading = m.Reading(name, None, None, why, None, why)
    elif m.NEVER in (start.low, end.low):
        reading = m.Reading(name, None, None, "no_date", None, "no_date")
    else:
        low, high = -m.UNBOUNDED, m.UNBOUNDED
        if end.low != m.PAST and start.ahead != "under_way":
            low = _whole(derive.unit, start.high, end.low)[0] * m.MILLION
        if start.low != m.PAST and end.ahead != "under_way":
            high = _whole(derive.unit, start.low, end.high)[1] * m.MILLION
        going = "under_way" in (start.ahead, end.ahead)
        reason = start.reason or end.reason or ("imprecise" if going else "calendar")
        reading = m.Reading(name, low, high, None if low == high else reason, None, "no_limit")
    return Found(
        reading,
        tuple(s for one in both for s in one.statements),
        tuple(e for one in both for e in one.entries),
        min((one.until for one in both if one.until is not None), default=None),
        min((one.starts for one in both if one.starts is not None), default=None),
        (derive.since, *((derive.on,) if derive.on else ())),
        around=tuple(e for one in both for e in one.around),
    )


def _whole(unit: str, first: int, last: int) -> tuple[int, int]:
    """The fewest and the most whole units from one day to another."""
    if unit == "wk":
        return (last - first) // 7, (last - first) // 7
    size = YEAR if unit == "a" else MONTH
    day, since = date.fromordinal(last), grid(date.fromordinal(first))
    return (grid(day) - since) // size, (grid_end(day) - since) // size
