"""Which entries of a record list match, and which may (SEMANTICS 5)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from engine import terms as m
from engine.select.amounts import quantity_of
from engine.terms.agents import Use, Values, contradicted
from engine.terms.calendar import earliest, latest


class Matches:
    """The entries that match and those that may, looked for once a record list and `where`."""

    def __init__(self, protocol: m.Protocol, subject: m.Subject, as_of: date) -> None:
        self.protocol, self.subject, self.as_of = protocol, subject, as_of
        self.known: dict[tuple[str, tuple[m.Clause, ...]], tuple[list[m.Entry], list[m.Entry]]]
        self.known = {}

    def __call__(
        self, records: str, where: tuple[m.Clause, ...]
    ) -> tuple[list[m.Entry], list[m.Entry]]:
        key = (records, where)
        if key not in self.known:
            sure: list[m.Entry] = []
            maybe: list[m.Entry] = []
            listed = self.subject.records.get(records)
            record = self.protocol.records[records]
            for entry in listed.entries if listed else ():
                fits = None if entry.voided else _match(entry, where, record, self.as_of)
                if fits is not None:
                    (sure if fits else maybe).append(entry)
            self.known[key] = (sure, maybe)
        return self.known[key]


def _match(
    entry: m.Entry, where: tuple[m.Clause, ...], record: m.RecordList, as_of: date
) -> bool | None:
    """True: matches; False: may match; None: does not. What is known of its name counts too."""
    if not entry.known:
        return _fits(entry.values, where, record, as_of)
    text = str(entry.values.get(record.known_by, ""))
    uses = [(name, use) for name in entry.known for use in record.known[name].uses]
    agreeing = [pair for pair in uses if not any(contradicted(pair[1], entry.values))]
    if entry.exact:
        found = {
            _fits(
                {**_filled(entry.values, use), record.known_by: (text, name)}, where, record, as_of
            )
            for name, use in agreeing
        }
        return found.pop() if len(found) == 1 else False
    stated = _fits(entry.values, where, record, as_of)
    if stated:
        return bool(agreeing)
    if stated is None and any(
        _fits({**entry.values, **use, record.known_by: (text, name)}, where, record, as_of)
        is not None
        for name, use in uses
    ):
        return False
    return stated


def _filled(values: Values, use: Use) -> Values:
    """What is stated, with the blank fields of a use, and those of its codes that are not."""
    whole = dict(values)
    for field, codes in use.items():
        stated = values.get(field, ())
        if isinstance(stated, tuple):
            whole[field] = (*stated, *codes)
    return whole


def _fits(
    values: Values, where: Iterable[m.Clause], record: m.RecordList, as_of: date
) -> bool | None:
    """True: every clause fits; None: one does not; else False."""
    sure = True
    for clause in where:
        if isinstance(clause, m.Either):
            found = [_fits(values, way, record, as_of) for way in clause.ways]
            fits = True if True in found else False if False in found else None
        elif isinstance(clause, m.Where):
            fits = _equals(values, clause, record)
        else:
            fits = _passes(values.get(clause.fact), clause, record.fields[clause.fact], as_of)
        if fits is None:
            return None
        sure = sure and fits
    return sure


def open_fields(
    values: Values, where: Iterable[m.Clause], record: m.RecordList, as_of: date
) -> Iterator[str]:
    """The fields of an entry that leave open whether it matches."""
    for clause in where:
        if _fits(values, (clause,), record, as_of) is False:
            if isinstance(clause, m.Either):
                for way in clause.ways:
                    yield from open_fields(values, way, record, as_of)
            else:
                yield clause.field if isinstance(clause, m.Where) else clause.fact


def _equals(values: Values, asked: m.Where, record: m.RecordList) -> bool | None:
    value = values.get(asked.field)
    if value is None:
        return False
    if isinstance(value, m.Amount):
        low, high = quantity_of(record.fields[asked.field], value)
        wanted = [v for v in asked.values if isinstance(v, int) and low <= v <= high]
        return None if not wanted else low == high
    has = value if isinstance(value, tuple) else (value,)
    if any(one in asked.values for one in has):
        return True
    return False if "" in has else None


def _passes(
    value: m.Recorded | tuple[str, ...] | None, test: m.Test, field: m.Field, as_of: date
) -> bool | None:
    """Whether what a field holds passes a test, for all that it could be or for some of it."""
    surely = possibly = False
    if isinstance(value, m.Amount):
        low, high = quantity_of(field, value)
        surely, possibly = _amount_passes(low, high, test, field)
    elif field.type == "date":
        days = days_of(value, as_of)
        if days is None or (isinstance(test, m.EverTest) and value == "ongoing"):
            return False
        surely, possibly = _days_pass(*days, test, as_of)
    else:
        assert value is None
        return False
    return True if surely else False if possibly else None


def _amount_passes(low: int, high: int, test: m.Test, field: m.Field) -> tuple[bool, bool]:
    """Whether all of an interval passes a test on a quantity, and whether some of it does."""
    if isinstance(test, m.BetweenTest):
        inside = test.low_u <= low and high <= test.high_u
        return inside, low <= test.high_u and test.low_u <= high
    if isinstance(test, m.LimitTest):
        limit, scale = test.limit_u, 1
    else:
        assert isinstance(test, m.UlnTest) and field.uln_u is not None
        limit, scale = test.times_u * field.uln_u, m.MILLION
    op = test.op.removesuffix("_uln")
    # An open end is beyond every limit.
    least = low * scale if low > -m.UNBOUNDED else min(low * scale, limit - 1)
    most = high * scale if high < m.UNBOUNDED else max(high * scale, limit + 1)
    ends = (least, most)
    if op == "at_least":
        held = [end >= limit for end in ends]
    elif op == "above":
        held = [end > limit for end in ends]
    elif op == "at_most":
        held = [end <= limit for end in ends]
    else:
        held = [end < limit for end in ends]
    return all(held), any(held)


def days_of(value: m.Recorded | tuple[str, ...] | None, as_of: date) -> tuple[date, date] | None:
    """The days that a date of an entry could be; None where it is open."""
    if value == "ongoing":
        return as_of, as_of
    if not isinstance(value, m.Days) or value.first > as_of:
        return None
    return value.first, min(value.last, as_of)


def _days_pass(first: date, last: date, test: m.Test, as_of: date) -> tuple[bool, bool]:
    """Whether all of some days, none of them after the as-of date, pass a test, and any."""
    if isinstance(test, m.EverTest):
        return test.expected, test.expected
    if isinstance(test, m.DayTest):
        if test.op == "on_or_after":
            return first >= test.day, last >= test.day
        return last <= test.day, first <= test.day
    assert isinstance(test, m.AgoTest)
    soonest, late = earliest(first, test.duration), latest(last, test.duration)
    if test.op == "at_least_ago":
        return late is not None and late <= as_of, soonest is not None and soonest <= as_of
    if test.op == "more_than_ago":
        return late is not None and late < as_of, soonest is not None and soonest < as_of
    if test.op == "within_last":
        return soonest is None or soonest >= as_of, late is None or late >= as_of
    return soonest is None or soonest > as_of, late is None or late > as_of


# --- as time goes on --------------------------------------------------------------------


def turns_on(where: Iterable[m.Clause], entries: Iterable[m.Entry], as_of: date) -> date | None:
    """The first later day on which an entry may begin or cease to match."""
    tests = [test for test in m.tests_in(where) if isinstance(test, _DATED)]
    days: set[date | None] = set()
    for entry in entries if tests else ():
        for test in tests:
            value = entry.values.get(test.fact)
            if isinstance(value, m.Days):
                days.add(value.first)
                if isinstance(test, m.AgoTest):
                    after = test.op in ("more_than_ago", "within_last")
                    for end in (value.first, value.last):
                        for add in (earliest, latest):
                            day = add(end, test.duration)
                            days.add(day_after(day) if after else day)
            if isinstance(test, m.DayTest):
                days.add(day_after(test.day) if test.op == "on_or_before" else test.day)
    return min((day for day in days if day is not None and day > as_of), default=None)


_DATED = (m.AgoTest, m.DayTest, m.EverTest)


def day_after(day: date | None) -> date | None:
    """The day after one; itself at the end of the calendar."""
    return day if day is None or day == date.max else day + timedelta(days=1)


def covered_until(where: Iterable[m.Clause], complete_on: date) -> date:
    """The last day on which nothing matches that is of `complete_on` or a later day.

    What could match until then was listed when the list was confirmed, however long ago that
    is. The first day of the calendar where there is no such day.
    """
    return max((_covers(clause, complete_on) for clause in where), default=date.min)


def _covers(clause: m.Clause, complete_on: date) -> date:
    if isinstance(clause, m.Either):
        return min(covered_until(way, complete_on) for way in clause.ways)
    if isinstance(clause, m.DayTest):
        return date.max if clause.op == "on_or_before" and clause.day < complete_on else date.min
    if isinstance(clause, m.AgoTest) and clause.op in ("at_least_ago", "more_than_ago"):
        begins = earliest(complete_on, clause.duration)
        if begins is None or clause.op == "more_than_ago":
            return begins or date.max
        return begins - timedelta(days=1)
    return date.min
