"""What a record list comes to: matching entries, days, counts (SEMANTICS 5)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from engine import terms as m
from engine.select.found import Found
from engine.select.matching import covered_until, days_of, turns_on
from engine.terms.agents import as_recorded
from engine.terms.calendar import earliest


def relied_on(record: m.RecordList, listed: m.Entries | None, as_of: date) -> bool:
    """Whether the list may be relied on as complete on the as-of date."""
    return relied_until(record, listed, (), as_of) is not None


def relied_until(
    record: m.RecordList, listed: m.Entries | None, where: Iterable[m.Clause], as_of: date
) -> date | None:
    """The last day on which the list may be relied on for what matches; None: not today."""
    if listed is None or listed.doubt is not None:
        return None
    if listed.complete_on is None or listed.complete_on > as_of:
        return None
    until = earliest(listed.complete_on, record.valid_for) or date.max
    until = max(until, covered_until(where, listed.complete_on))
    return until if as_of <= until else None


def from_list(
    name: str,
    derive: m.ListDerivation,
    record: m.RecordList,
    listed: m.Entries | None,
    sure: list[m.Entry],
    maybe: list[m.Entry],
    as_of: date,
) -> Found:
    until = relied_until(record, listed, derive.where, as_of)
    closed = until is not None
    until = None if until == date.max else until
    cause: m.Reason = "imprecise" if closed else "history_not_confirmed"
    starts = list_starts(derive, listed, (*sure, *maybe), as_of)
    low: int | None
    high: int | None
    if isinstance(derive, m.Exists):
        if sure:
            # A matching entry proves it whatever else the list may lack.
            first = tuple(sure[:1])
            turns = turns_on(derive.where, listed.entries if listed else (), as_of)
            return Found(m.Reading(name, 1, 1, None), (), first, starts=turns, around=first)
        if maybe or not closed:
            cited = tuple(as_recorded(maybe[:1])) if closed else ()
            reading = m.Reading(name, None, None, cause)
            around = tuple(as_recorded(maybe))
            return Found(reading, (), cited, until, starts, rests=closed, around=around)
        return Found(m.Reading(name, 0, 0, None), (), (), until, starts, rests=True)
    if isinstance(derive, m.Count):
        low = len(sure) * m.MILLION
        high = low + len(maybe) * m.MILLION if closed else m.UNBOUNDED
        reason = None if low == high else cause
        reading = m.Reading(name, low, high, reason, None, "no_limit")
        every = tuple(as_recorded((*sure, *maybe)))
        cited = every if closed else tuple(as_recorded(sure))
        return Found(reading, (), cited, until, starts, rests=closed, around=every)
    today = as_of.toordinal()
    certain = [_entry_days(e, derive.field, as_of) for e in sure]
    possible = [_entry_days(e, derive.field, as_of) for e in maybe]
    work = _latest if isinstance(derive, m.LatestOf) else _earliest
    low, high = work(certain, possible, closed, today)
    reason = None if low == high else cause
    dated = [
        _Dated(entry, days, entry.values.get(derive.field) == "ongoing", one_of is sure)
        for one_of, found in ((sure, certain), (maybe, possible))
        for entry, days in zip(one_of, found, strict=True)
    ]
    rests = closed and (low, high) != work(certain, possible, False, today)
    cite = _latest_cited if isinstance(derive, m.LatestOf) else _earliest_cited
    cited = tuple(as_recorded(d.entry for d in cite(dated, (low, high), rests, today)))
    blank = [one.entry for one in dated if one.days is None or not one.sure]
    around = tuple(as_recorded((*cited, *blank)))
    going = [one.under_way or one.days is None for one in dated]
    ahead = not closed or any(going)
    if isinstance(derive, m.EarliestOf) and any(one.sure and one.days for one in dated):
        ahead = all(one.under_way for one in dated if one.sure and one.days)
    reading = m.Reading(name, low, high, reason, ahead="under_way" if ahead else "")
    return Found(reading, (), cited, until, starts, rests=rests, around=around)


def list_starts(
    derive: m.FromList, listed: m.Entries | None, entries: tuple[m.Entry, ...], as_of: date
) -> date | None:
    """The first later day on which the confirmation or an entry's date begins to count."""
    days = [listed.complete_on] if listed is not None else []
    if isinstance(derive, m.LatestOf | m.EarliestOf):
        dates = (entry.values.get(derive.field) for entry in entries)
        days += [value.first for value in dates if isinstance(value, m.Days)]
    if listed is not None:
        days.append(turns_on(derive.where, listed.entries, as_of))
    return min((day for day in days if day is not None and day > as_of), default=None)


_Interval = tuple[int, int]


def _entry_days(entry: m.Entry, field: str, as_of: date) -> _Interval | None:
    """The days an entry's date could be; None where the thing may still be under way."""
    days = days_of(entry.values.get(field), as_of)
    return days and (days[0].toordinal(), days[1].toordinal())


def _latest(
    sure: list[_Interval | None], maybe: list[_Interval | None], closed: bool, today: int
) -> _Interval:
    dated = [days for days in sure if days is not None]
    low = max((first for first, _ in dated), default=m.NEVER)
    high = max((last for _, last in dated), default=m.NEVER)
    if not closed or len(dated) < len(sure):
        high = today
    for days in maybe:
        high = max(high, days[1] if days is not None else today)
    return (low, high)


def _earliest(
    sure: list[_Interval | None], maybe: list[_Interval | None], closed: bool, today: int
) -> _Interval:
    dated = [days for days in sure if days is not None]
    if sure and not dated:
        return (m.NEVER, today)
    if not sure:
        if not closed:
            return (m.NEVER, today)
        high = max((d[1] if d is not None else today for d in maybe), default=m.NEVER)
        return (m.NEVER, high)
    low = min(first for first, _ in dated)
    high = min(last for _, last in dated)
    if not closed or len(dated) < len(sure):
        low = m.PAST
    for days in maybe:
        low = min(low, days[0] if days is not None else m.PAST)
    return (low, high)


@dataclass(frozen=True, slots=True)
class _Dated:
    """An entry and the days that its date could be (None: open), whether it is under way, and
    whether it matches or only may."""

    entry: m.Entry
    days: _Interval | None
    under_way: bool
    sure: bool


def _latest_cited(listed: list[_Dated], ends: _Interval, closed: bool, today: int) -> list[_Dated]:
    """The entries that give both ends of a latest date; of equals one that is under way, else
    the first."""
    dated = [one for one in listed if one.sure and one.days is not None]
    cited = sorted(dated, key=lambda one: (one.days, one.under_way), reverse=True)[:1]
    reached = max((one.days[1] for one in cited if one.days is not None), default=m.NEVER)
    if closed and ends[1] > reached:
        cited.append(next(o for o in listed if (o.days[1] if o.days else today) == ends[1]))
    return cited


def _earliest_cited(
    listed: list[_Dated], ends: _Interval, closed: bool, today: int
) -> list[_Dated]:
    """The entries that give both ends of an earliest date; of equals the first."""
    sure = [one for one in listed if one.sure]
    dated = [(one.days[1], one.days[0], one) for one in sure if one.days is not None]
    if not dated:
        # Not confirmed, or without any entry: nothing that is listed gives the ends.
        last = [one for one in listed if (one.days[1] if one.days else today) == ends[1]]
        return (sure or last)[:1] if closed else []
    _, low, best = min(dated, key=lambda found: found[:2])
    if not closed or low == ends[0]:
        return [best]
    return [best, next(o for o in listed if (o.days[0] if o.days else m.PAST) == ends[0])]
