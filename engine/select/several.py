"""What several entries of a record list come to: the highest, a mean, the last (SEMANTICS 5)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from engine import terms as m
from engine.select.amounts import quantity_of
from engine.select.found import Found
from engine.select.lists import list_starts, relied_until
from engine.select.matching import day_after, days_of
from engine.select.stable import stays
from engine.terms.agents import as_recorded, folded
from engine.terms.calendar import earliest, latest

Ends = tuple[int, int]
Worked = tuple[int | None, int | None, m.Reason | None]
"""The ends of a reading, or None and None and why it is unknown."""

_FEWEST_OF = 40
"""The most entries of which it is tried whether each is needed."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One of several values: its ends (None: not recorded), and the days that it may be of."""

    value: Ends | None
    days: Ends = (0, 0)


def worked_out(
    way: m.Way,
    least: int,
    sure: Sequence[Measured],
    maybe: Sequence[Measured],
    missing: Ends,
    why_open: m.Reason | None,
) -> Worked:
    """What values come to: those that count, and those that may.

    `missing`: what a value that is not recorded could be. `why_open`: why there may be others
    that are not recorded at all; None if there are none.
    """
    if sum(one.value is not None for one in sure) < least:
        return None, None, "too_few"
    if not sure:
        return None, None, why_open or "no_entry"
    values = [one.value or missing for one in sure]
    others = [one.value or missing for one in maybe]
    if way == "highest":
        high = max(high for _, high in (*values, *others))
        return max(low for low, _ in values), m.UNBOUNDED if why_open else high, None
    if way == "lowest":
        low = min(low for low, _ in (*values, *others))
        return -m.UNBOUNDED if why_open else low, min(high for _, high in values), None
    if why_open:
        return None, None, why_open
    if way == "mean":
        low = _least_mean([low for low, _ in values], [low for low, _ in others])
        return low, -_least_mean([-high for _, high in values], [-high for _, high in others]), None
    newest = max(one.days[0] for one in sure)
    oldest = min(one.days[1] for one in sure)
    could = [
        one.value
        for one in (*sure, *maybe)
        if (one.days[1] >= newest if way == "last" else one.days[0] <= oldest)
    ]
    known = [value for value in could if value is not None]
    if len(known) < len(could):
        return None, None, "imprecise"
    return min(low for low, _ in known), max(high for _, high in known), None


def _least_mean(values: list[int], others: list[int]) -> int:
    """The least mean of some values, each of the others with them or not, rounded down."""
    if -m.UNBOUNDED in (*values, *others):
        return -m.UNBOUNDED
    if m.UNBOUNDED in values:
        return m.UNBOUNDED
    total, count = sum(values), len(values)
    for other in sorted(others):
        if other * count >= total:
            break
        total, count = total + other, count + 1
    return total // count


def measured(
    derive: m.OfSeveral, field: m.Field, entries: Sequence[m.Entry], as_of: date
) -> list[Measured]:
    found = []
    for entry in entries:
        value = entry.values.get(field.name)
        ends = quantity_of(field, value) if isinstance(value, m.Amount) else None
        found.append(Measured(ends, _days(entry, derive.by, as_of) if derive.by else (0, 0)))
    return found


def _days(entry: m.Entry, by: str, as_of: date) -> Ends:
    """The days that an entry may be of; any day up to the as-of date, where its date is open."""
    days = days_of(entry.values.get(by), as_of)
    if days is None:
        return m.PAST, as_of.toordinal()
    return days[0].toordinal(), days[1].toordinal()


# --- how many different values ----------------------------------------------------------


def different(
    field: m.Field,
    record: m.RecordList,
    sure: Sequence[m.Entry],
    maybe: Sequence[m.Entry],
    as_of: date,
) -> Ends:
    """The fewest and the most different values that entries have in a field."""
    known: set[str | bool | int] = set()
    texts: set[str] = set()
    vague: list[Ends] = []
    lacking = len(maybe)
    for entry in sure:
        value = entry.values.get(field.name)
        ends: Ends | None = None
        if field.type == "date" and value != "ongoing":
            days = days_of(value, as_of)
            ends = (days[0].toordinal(), days[1].toordinal()) if days else None
        elif isinstance(value, m.Amount):
            ends = quantity_of(field, value)
        elif field.name == record.known_by and entry.exact and len(entry.known) == 1:
            known.add(entry.known[0])
            continue
        elif isinstance(value, str) and field.type == "text":
            texts.add(folded(value))
            continue
        elif isinstance(value, str | bool) and value != "ongoing":
            known.add(value)
            continue
        if ends is None:
            lacking += 1
        elif ends[0] == ends[1]:
            known.add(ends[0])
        else:
            vague.append(ends)
    most = len(known) + len(texts) + len(vague) + lacking
    if vague:
        return _apart([*vague, *((n, n) for n in known if isinstance(n, int))]), most
    return max(len(known), min(len(texts), 1)), most


def _apart(intervals: list[Ends]) -> int:
    """The most intervals of which no two have a point in common."""
    count, reached = 0, None
    for low, high in sorted(intervals, key=lambda ends: ends[1]):
        if reached is None or low > reached:
            count, reached = count + 1, high
    return count


# --- of a record list -------------------------------------------------------------------


def from_several(
    name: str,
    derive: m.Distinct | m.OfSeveral | m.Stable,
    record: m.RecordList,
    listed: m.Entries | None,
    sure: list[m.Entry],
    maybe: list[m.Entry],
    as_of: date,
) -> Found:
    until = relied_until(record, listed, derive.where, as_of)
    closed = until is not None
    whole = _worked(derive, record, sure, maybe, closed, as_of)
    rests = closed and whole[:2] != _worked(derive, record, sure, maybe, False, as_of)[:2]

    def ends(entries: Sequence[m.Entry]) -> object:
        kept = {id(entry) for entry in entries}
        counted, others = ([e for e in some if id(e) in kept] for some in (sure, maybe))
        return _worked(derive, record, counted, others, rests, as_of)[:2]

    low, high, why = whole
    reason = why
    if low is not None and low != high:
        reason = "imprecise" if closed else "history_not_confirmed"
    uln_reason: m.Reason | None = why if low is None else "no_limit"
    if isinstance(derive, m.Stable):
        uln_reason = None
    reading = m.Reading(name, low, high, reason, None, uln_reason)
    every = (*sure, *maybe)
    starts = _starts(derive, record, listed, as_of)
    return Found(
        reading,
        (),
        tuple(as_recorded(fewest(every, ends))),
        None if until == date.max else until,
        starts,
        rests=rests,
        around=tuple(as_recorded(every)),
    )


def _worked(
    derive: m.Distinct | m.OfSeveral | m.Stable,
    record: m.RecordList,
    sure: list[m.Entry],
    maybe: list[m.Entry],
    closed: bool,
    as_of: date,
) -> Worked:
    why_open: m.Reason | None = None if closed else "history_not_confirmed"
    if isinstance(derive, m.Stable):
        same = stays(derive, record, sure, maybe, closed, as_of)
        if same is None:
            return None, None, why_open or ("imprecise" if sure else "no_entry")
        return int(same), int(same), None
    field = record.fields[derive.field]
    if isinstance(derive, m.Distinct):
        low, high = different(field, record, sure, maybe, as_of)
        return low * m.MILLION, high * m.MILLION if closed else m.UNBOUNDED, None
    counted, others = (measured(derive, field, some, as_of) for some in (sure, maybe))
    missing = field.range_u or (-m.UNBOUNDED, m.UNBOUNDED)
    return worked_out(derive.way, derive.least, counted, others, missing, why_open)


def _starts(
    derive: m.Distinct | m.OfSeveral | m.Stable,
    record: m.RecordList,
    listed: m.Entries | None,
    as_of: date,
) -> date | None:
    """The first later day on which something listed begins to count, or ceases to."""
    entries = listed.entries if listed is not None else ()
    days = [list_starts(derive, listed, (), as_of)]
    dated = [name for name in m.fields_read(derive) if record.fields[name].type == "date"]
    lasting = derive.lasting if isinstance(derive, m.Stable) else None
    for value in (entry.values.get(name) for entry in entries for name in dated):
        if isinstance(value, m.Days):
            days += [value.first, value.last, day_after(value.last)]
            for end in (value.first, value.last) if lasting is not None else ():
                ends = [add(end, lasting) for add in (earliest, latest) if lasting is not None]
                days += [*ends, *map(day_after, ends)]
    return min((day for day in days if day is not None and day > as_of), default=None)


# --- what gives the ends ----------------------------------------------------------------


def fewest(
    entries: Sequence[m.Entry], ends: Callable[[Sequence[m.Entry]], object]
) -> tuple[m.Entry, ...]:
    """Entries that give the same ends as all of them, and no fewer do; the first of equals."""
    wanted, kept = ends(entries), list(entries)
    places = dict.fromkeys(entry.entry for entry in reversed(entries))
    for place in places if len(places) <= _FEWEST_OF else ():
        others = [entry for entry in kept if entry.entry != place]
        if ends(others) == wanted:
            kept = others
    return tuple(kept)
