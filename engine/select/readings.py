"""From recorded statements and entries to readings, as of a date (SEMANTICS 3 to 6).

This is the first of two derivations: the fired rules look at these readings, and
`engine.reference.evaluator` derives them again in its own way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from math import ceil, floor
from typing import Literal

from engine.terms import (
    MILLION,
    NEVER,
    PAST,
    UNBOUNDED,
    Amount,
    CompletedYears,
    Count,
    Days,
    DaysBetween,
    EarliestOf,
    Entries,
    Entry,
    Exists,
    Fact,
    Field,
    LatestOf,
    Protocol,
    Reading,
    Reason,
    RecordList,
    Statement,
    Subject,
    UlnRatio,
    Where,
)
from engine.terms.agents import Use, Values, as_recorded, contradicted
from engine.terms.calendar import completed_years, days_in_months, earliest, of_year
from engine.terms.units import conversion, months_each


@dataclass(frozen=True, slots=True)
class Found:
    """A reading and where it comes from.

    `statements` are the ones the reading rests on (those kept, when the reading is unknown),
    `passed` those that are passed over, each with why. `entries`: the record entries that
    together give its ends, none of them to spare (SEMANTICS 5), with the confirmation of the
    list where it `rests` on that; `around`: these, and others that leave it open. `until`: the
    last day on which it may be relied on, as its value or its list goes stale. `starts`: the
    first day after the as-of date on which something recorded begins to count. `from_facts`:
    the facts it was derived from.
    """

    reading: Reading
    statements: tuple[Statement, ...] = ()
    entries: tuple[Entry, ...] = ()
    until: date | None = None
    starts: date | None = None
    from_facts: tuple[str, ...] = ()
    passed: tuple[tuple[Statement, PassedOver], ...] = ()
    rests: bool = False
    around: tuple[Entry, ...] = ()


PassedOver = Literal["older", "voided", "not_yet"]
"""Why a statement is passed over: another is newer, it is marked wrong, or it is of a day
after the as-of date."""


def find_readings(protocol: Protocol, subject: Subject, as_of: date) -> dict[str, Found]:
    """What every fact of the dictionary (text aside) comes to on the as-of date."""
    found: dict[str, Found] = {}
    matched = _Matches(protocol, subject)

    def find(name: str) -> Found:
        if name in found:
            return found[name]
        fact = protocol.facts[name]
        derive = fact.derive
        if derive is None:
            result = _recorded(fact, subject.facts.get(name, ()), as_of)
        elif isinstance(derive, CompletedYears):
            result = _completed_years(name, derive.since, find(derive.since), as_of)
        elif isinstance(derive, DaysBetween):
            result = _days_between(name, derive, find(derive.start), find(derive.end))
        else:
            record = protocol.records[derive.records]
            sure, maybe = matched(derive.records, derive.where)
            listed = subject.records.get(derive.records)
            result = _from_list(name, derive, record, listed, sure, maybe, as_of)
        found[name] = result
        return result

    return {name: find(name) for name, fact in protocol.facts.items() if fact.type != "text"}


# --- recorded facts -------------------------------------------------------------------


def _recorded(fact: Fact, statements: tuple[Statement, ...], as_of: date) -> Found:
    if len(statements) == 1 and not statements[0].voided:
        first = statements[0].first
        if first is None or first <= as_of:  # by far the most
            return _from_chosen(fact, statements, first, None, as_of)
    counted = [s for s in statements if not s.voided]
    if not counted:
        return _with_passed(_unknown(fact, "not_recorded", statements), statements, (), as_of)
    reached = [s for s in counted if s.first is None or s.first <= as_of]
    starts = None
    if len(reached) < len(counted):
        starts = min(
            _begins(s.first, as_of) for s in counted if s.first is not None and s.first > as_of
        )
        if not reached:
            found = _unknown(fact, "not_yet", tuple(counted), None, starts)
            return _with_passed(found, statements, (), as_of)
    newest = max((s.first for s in reached if s.first is not None), default=None)
    chosen = tuple(reached)
    if len(reached) > 1:
        chosen = tuple(s for s in reached if _could_decide(fact, s, newest))
    found = _from_chosen(fact, chosen, newest, starts, as_of)
    if len(reached) < len(counted) and found.reading.low is not None:
        slips = tuple(s for s in counted if _slip(fact, s, found, newest, as_of))
        if slips:
            found = _unknown(fact, "undated", (*chosen, *slips), found.until, starts)
            chosen = (*chosen, *slips)
    return _with_passed(found, statements, chosen, as_of)


def _begins(first: date, as_of: date) -> date:
    """The first day after the as-of date on which a statement of a later day, `first`, may
    begin to count, or begin or cease to be a possible slip for the current year."""
    if first.year == as_of.year:
        return first
    slip = of_year(first, as_of.year)
    return slip if slip > as_of else date(as_of.year + 1, 1, 1)


def _could_decide(fact: Fact, statement: Statement, newest: date | None) -> bool:
    """Whether no other statement is provably newer; what never changes has no age."""
    if fact.changes == "never" and statement.unknown is None:
        return True
    return newest is None or statement.last is None or statement.last >= newest


def _from_chosen(
    fact: Fact,
    chosen: tuple[Statement, ...],
    newest: date | None,
    starts: date | None,
    as_of: date,
) -> Found:
    """The reading of statements of which each could be the one that counts.

    `newest`: the greatest of the first days that they, or any other, can be of.
    """
    values = [s for s in chosen if s.unknown is None]
    if not values:
        said = {s.unknown for s in chosen}
        return _unknown(fact, "pending" if "pending" in said else "not_done", chosen, None, starts)
    until = None
    if fact.valid_for is not None:
        if newest is None:
            return _unknown(fact, "undated", chosen, None, starts)
        until = earliest(newest, fact.valid_for)
        if until is not None and as_of > until:
            return _unknown(fact, "out_of_date", chosen, until, starts)
    ends = [_interval(fact, s, as_of) for s in values]
    if len(chosen) == 1:
        found: _Ends = (*ends[0], None)
    elif fact.changes == "never":
        found = _shared(chosen, ends)
    else:
        found = _newest_of(fact, chosen, newest, as_of)
    low, high, why = found
    if low is None or high is None:
        return _unknown(fact, why or "conflicting", chosen, until, starts)
    if fact.attested_by and not all(s.by for s in values):
        return _unknown(fact, "not_attested", chosen, until, starts)
    reason: Reason | None = None if low == high else why or "imprecise"
    ratio, why_not = _ratios(fact, values, newest, (low, high), as_of)
    reading = Reading(fact.name, low, high, reason, ratio, why_not)
    return Found(reading, tuple(values), (), until, starts)


_Ends = tuple[int | None, int | None, Reason | None]
"""The ends of a reading, or None and None; and what set them apart, or kept them open."""


def _shared(chosen: tuple[Statement, ...], ends: list[tuple[int, int]]) -> _Ends:
    """What all values have in common, of a fact that never changes."""
    low, high = max(low for low, _ in ends), min(high for _, high in ends)
    if len(ends) < len(chosen) or low > high:
        return None, None, "conflicting"
    return low, high, None


def _newest_of(
    fact: Fact, chosen: tuple[Statement, ...], newest: date | None, as_of: date
) -> _Ends:
    """What statements come to of which those of the day `newest` decide, and any of the
    others could be newer."""
    same_day = [s for s in chosen if s.on == newest]
    stated = {_stated(fact, s, as_of) for s in same_day}
    if len(stated) > 1:
        return None, None, "conflicting"
    every = {_stated(fact, s, as_of) for s in chosen}
    if None in every:
        pending = any(s.unknown == "pending" for s in chosen)
        return None, None, "pending" if pending else "undated"
    known = [ends for ends in every if ends is not None]
    if len(known) == 1:
        return *known[0], None
    exact = fact.type == "date" and all(low == high and low > PAST for low, high in known)
    if fact.type != "quantity" and not exact:
        return None, None, "undated"
    return min(low for low, _ in known), max(high for _, high in known), "undated"


def _stated(fact: Fact, statement: Statement, as_of: date) -> tuple[int, int] | None:
    """The interval of a statement; None where it says that the value is unknown."""
    return None if statement.unknown is not None else _interval(fact, statement, as_of)


def _slip(fact: Fact, statement: Statement, found: Found, newest: date | None, as_of: date) -> bool:
    """Whether a statement of a later year may be of this year, newer than what decides, and
    says something else."""
    first, last = statement.first, statement.last
    if first is None or last is None or first.year <= as_of.year:
        return False
    start, end = of_year(first, as_of.year), of_year(last, as_of.year)
    if start > as_of or (newest is not None and end < newest):
        return False
    if statement.unknown is not None:
        return True
    ends = _interval(fact, statement, as_of)
    reading = found.reading
    if fact.type != "quantity":
        return ends != (reading.low, reading.high)
    ratio, _ = _ratio(fact, [statement], *ends)
    return ends != (reading.low, reading.high) or ratio != reading.times_uln


def _with_passed(
    found: Found, statements: tuple[Statement, ...], chosen: tuple[Statement, ...], as_of: date
) -> Found:
    """What was found, with the statements that were passed over and why."""
    passed: list[tuple[Statement, PassedOver]] = []
    for one in statements:
        if one.voided:
            passed.append((one, "voided"))
        elif not any(one is other for other in chosen):
            later = one.first is not None and one.first > as_of
            passed.append((one, "not_yet" if later else "older"))
    return replace(found, passed=tuple(passed)) if passed else found


def _unknown(
    fact: Fact,
    reason: Reason,
    statements: tuple[Statement, ...],
    until: date | None = None,
    starts: date | None = None,
) -> Found:
    uln_reason = reason if fact.type == "quantity" else None
    reading = Reading(fact.name, None, None, reason, None, uln_reason)
    return Found(reading, statements, (), until, starts)


def _interval(fact: Fact, statement: Statement, as_of: date) -> tuple[int, int]:
    value = statement.value
    if isinstance(value, bool):
        return (int(value), int(value))
    if isinstance(value, Days):
        last = min(value.last, as_of) if value.first <= as_of else value.last
        return (value.first.toordinal(), last.toordinal())
    if isinstance(value, Amount):
        return _quantity(fact, value)
    if value == "never" and fact.type == "date":
        return (NEVER, NEVER)
    number = fact.code_number(str(value))
    return (number, number)


def _quantity(fact: Fact | Field, amount: Amount) -> tuple[int, int]:
    low, high, low_step, high_step = ends_of(amount, fact)
    return _censored(amount.sign, low, high, low_step, high_step, fact.range_u)


def ends_of(amount: Amount, of: Fact | Field) -> tuple[int, int, int, int]:
    """What a number, its sign aside, comes to in the declared unit: the least, the most, and
    for each the millionth that `<` and `>` take off or add, where it came out exactly."""
    if amount.unit == of.unit:
        return amount.amount_u, amount.amount_u, 1, 1
    months = months_each(amount.unit, of.unit)
    if months:
        count = Fraction(amount.amount_u * months, MILLION)
        per_day, _ = conversion("d", of.unit, None)
        least = days_in_months(floor(count))[0] * per_day * MILLION
        most = days_in_months(ceil(count))[1] * per_day * MILLION
        return floor(least), ceil(most), int(least.denominator == 1), int(most.denominator == 1)
    factor, offset = conversion(amount.unit, of.unit, of.molar_mass)
    converted = Fraction(amount.amount_u) * factor + offset * MILLION
    step = int(converted.denominator == 1)
    return round(converted), round(converted), step, step


def _censored(
    sign: str, low: int, high: int, low_step: int, high_step: int, range_u: tuple[int, int] | None
) -> tuple[int, int]:
    bottom, top = range_u if range_u is not None else (-UNBOUNDED, UNBOUNDED)
    if not sign:
        return (low, high)
    if sign[0] == "<":
        return (bottom, high if sign == "<=" else high - high_step)
    return (low if sign == ">=" else low + low_step, top)


def _ratio(
    fact: Fact, values: list[Statement], low: int, high: int
) -> tuple[UlnRatio | None, Reason | None]:
    """The value over its upper limit of normal, exactly, or why there is none."""
    if fact.uln_u is None and not any(s.uln_u for s in values):
        return None, "no_limit"
    ratios = set()
    for statement in values:
        amount = statement.value
        assert isinstance(amount, Amount)
        if statement.uln_u is not None:
            ratios.add(_own_ratio(fact, amount, statement.uln_u, (low, high)))
        elif fact.uln_u is not None and not statement.no_limit:
            ratios.add(_over((low, high), Fraction(fact.uln_u)))
    if not ratios:
        return None, "no_limit"
    if len(ratios) > 1:
        return None, "conflicting"
    return ratios.pop(), None


def _ratios(
    fact: Fact,
    values: list[Statement],
    newest: date | None,
    ends: tuple[int, int],
    as_of: date,
) -> tuple[UlnRatio | None, Reason | None]:
    """The ratio to the limit of normal of all values that could count (`_newest_of`)."""
    if fact.type != "quantity":
        return None, None
    same_day = [s for s in values if s.on == newest]
    if fact.changes == "never" or len(same_day) == len(values):
        return _ratio(fact, values, *ends)
    each = [_ratio(fact, [s], *_interval(fact, s, as_of)) for s in values if s not in same_day]
    if same_day:
        each.append(_ratio(fact, same_day, *_interval(fact, same_day[0], as_of)))
    if any(why == "conflicting" for _, why in each):
        return None, "conflicting"
    alike = len({_interval(fact, s, as_of) for s in values}) == 1
    known = {ratio for ratio, _ in each if ratio is not None}
    if not known or (len(known) < len({ratio for ratio, _ in each}) and not alike):
        return None, "no_limit"
    if len(known) == 1:
        return known.pop(), None
    low, high = [r.low for r in known], [r.high for r in known]
    least = None if None in low else min(end for end in low if end is not None)
    most = None if None in high else max(end for end in high if end is not None)
    return UlnRatio(least, most), "undated"


def _own_ratio(fact: Fact, amount: Amount, uln_u: int, ends: tuple[int, int]) -> UlnRatio:
    """The ratio to a limit that stands beside the result, in the result's unit."""
    if amount.unit == fact.unit:
        return _over(ends, Fraction(uln_u))
    factor, offset = conversion(amount.unit, fact.unit, fact.molar_mass)
    even = offset == 0 and not months_each(amount.unit, fact.unit)
    if even and (amount.amount_u * factor).denominator == 1:
        return _over(ends, uln_u * factor)
    own = (amount.amount_u, amount.amount_u, 1, 1)
    return _over(_censored(amount.sign, *own, None), Fraction(uln_u))


def _over(ends: tuple[int, int], uln: Fraction) -> UlnRatio:
    low, high = ends
    return UlnRatio(
        None if low <= -UNBOUNDED else low / uln, None if high >= UNBOUNDED else high / uln
    )


# --- record lists ---------------------------------------------------------------------


class _Matches:
    """The entries that match and those that may, looked for once a record list and `where`."""

    def __init__(self, protocol: Protocol, subject: Subject) -> None:
        self.protocol, self.subject = protocol, subject
        self.known: dict[tuple[str, tuple[Where, ...]], tuple[list[Entry], list[Entry]]] = {}

    def __call__(self, records: str, where: tuple[Where, ...]) -> tuple[list[Entry], list[Entry]]:
        key = (records, where)
        if key not in self.known:
            sure: list[Entry] = []
            maybe: list[Entry] = []
            listed = self.subject.records.get(records)
            for entry in listed.entries if listed else ():
                fits = (
                    None if entry.voided else _match(entry, where, self.protocol.records[records])
                )
                if fits is not None:
                    (sure if fits else maybe).append(entry)
            self.known[key] = (sure, maybe)
        return self.known[key]


def _match(entry: Entry, where: tuple[Where, ...], record: RecordList) -> bool | None:
    """True: matches; False: may match; None: does not. What is known of its name counts too."""
    if not entry.known:
        return _fits(entry.values, where, record)
    text = str(entry.values.get(record.known_by, ""))
    uses = [(name, use) for name in entry.known for use in record.known[name].uses]
    agreeing = [pair for pair in uses if not any(contradicted(pair[1], entry.values))]
    if entry.exact:
        found = {
            _fits({**_filled(entry.values, use), record.known_by: (text, name)}, where, record)
            for name, use in agreeing
        }
        return found.pop() if len(found) == 1 else False
    stated = _fits(entry.values, where, record)
    if stated:
        return bool(agreeing)
    if stated is None and any(
        _fits({**entry.values, **use, record.known_by: (text, name)}, where, record) is not None
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


def _fits(values: Values, where: tuple[Where, ...], record: RecordList) -> bool | None:
    sure = True
    for asked in where:
        value = values.get(asked.field)
        if value is None:
            sure = False
            continue
        if isinstance(value, Amount):
            fits = _amount_fits(value, asked, record)
            if fits is None:
                sure = False
            elif not fits:
                return None
            continue
        has = value if isinstance(value, tuple) else (value,)
        if not any(one in asked.values for one in has):
            if "" not in has:
                return None
            sure = False
    return sure


def _amount_fits(value: Amount, asked: Where, record: RecordList) -> bool | None:
    """Whether a quantity equals one asked for; None where a censored one might."""
    low, high = _quantity(record.fields[asked.field], value)
    wanted = [v for v in asked.values if isinstance(v, int) and low <= v <= high]
    if low == high:
        return bool(wanted)
    return None if wanted else False


def confirmed(record: RecordList, listed: Entries | None, as_of: date) -> bool:
    """Whether the list may be relied on as complete on the as-of date."""
    if listed is None or listed.doubt is not None:
        return False
    if listed.complete_on is None or listed.complete_on > as_of:
        return False
    until = earliest(listed.complete_on, record.valid_for)
    return until is None or as_of <= until


def _from_list(
    name: str,
    derive: LatestOf | EarliestOf | Exists | Count,
    record: RecordList,
    listed: Entries | None,
    sure: list[Entry],
    maybe: list[Entry],
    as_of: date,
) -> Found:
    closed = confirmed(record, listed, as_of)
    until = None
    if closed and listed is not None and listed.complete_on is not None:
        until = earliest(listed.complete_on, record.valid_for)
    cause: Reason = "imprecise" if closed else "history_not_confirmed"
    starts = _list_starts(derive, record, listed, (*sure, *maybe), as_of)
    low: int | None
    high: int | None
    if isinstance(derive, Exists):
        if sure:
            # A matching entry proves it whatever else the list may lack.
            return Found(Reading(name, 1, 1, None), (), tuple(sure[:1]), around=tuple(sure[:1]))
        if maybe or not closed:
            cited = tuple(as_recorded(maybe[:1])) if closed else ()
            reading = Reading(name, None, None, cause)
            around = tuple(as_recorded(maybe))
            return Found(reading, (), cited, until, starts, rests=closed, around=around)
        return Found(Reading(name, 0, 0, None), (), (), until, starts, rests=True)
    if isinstance(derive, Count):
        low = len(sure) * MILLION
        high = low + len(maybe) * MILLION if closed else UNBOUNDED
        reason = None if low == high else cause
        reading = Reading(name, low, high, reason, None, "no_limit")
        every = tuple(as_recorded((*sure, *maybe)))
        cited = every if closed else tuple(as_recorded(sure))
        return Found(reading, (), cited, until, starts, rests=closed, around=every)
    today = as_of.toordinal()
    certain = [_entry_days(e, derive.field, as_of) for e in sure]
    possible = [_entry_days(e, derive.field, as_of) for e in maybe]
    work = _latest if isinstance(derive, LatestOf) else _earliest
    low, high = work(certain, possible, closed, today)
    reason = None if low == high else cause
    dated = [
        _Dated(entry, days, entry.values.get(derive.field) == "ongoing", one_of is sure)
        for one_of, found in ((sure, certain), (maybe, possible))
        for entry, days in zip(one_of, found, strict=True)
    ]
    rests = closed and (low, high) != work(certain, possible, False, today)
    cite = _latest_cited if isinstance(derive, LatestOf) else _earliest_cited
    cited = tuple(as_recorded(d.entry for d in cite(dated, (low, high), rests, today)))
    blank = [one.entry for one in dated if one.days is None or not one.sure]
    around = tuple(as_recorded((*cited, *blank)))
    reading = Reading(name, low, high, reason)
    return Found(reading, (), cited, until, starts, rests=rests, around=around)


def _list_starts(
    derive: LatestOf | EarliestOf | Exists | Count,
    record: RecordList,
    listed: Entries | None,
    entries: tuple[Entry, ...],
    as_of: date,
) -> date | None:
    """The first later day on which the confirmation or an entry's date begins to count."""
    days = [listed.complete_on] if listed is not None else []
    if isinstance(derive, LatestOf | EarliestOf):
        dates = (entry.values.get(derive.field) for entry in entries)
        days += [value.first for value in dates if isinstance(value, Days)]
    return min((day for day in days if day is not None and day > as_of), default=None)


_Interval = tuple[int, int]


def _entry_days(entry: Entry, field: str, as_of: date) -> _Interval | None:
    """The days an entry's date could be; None where the thing may still be under way."""
    value = entry.values.get(field)
    if value == "ongoing":
        return (as_of.toordinal(), as_of.toordinal())
    if not isinstance(value, Days) or value.first > as_of:
        return None
    return (value.first.toordinal(), min(value.last, as_of).toordinal())


def _latest(
    sure: list[_Interval | None], maybe: list[_Interval | None], closed: bool, today: int
) -> _Interval:
    dated = [days for days in sure if days is not None]
    low = max((first for first, _ in dated), default=NEVER)
    high = max((last for _, last in dated), default=NEVER)
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
        return (NEVER, today)
    if not sure:
        if not closed:
            return (NEVER, today)
        high = max((d[1] if d is not None else today for d in maybe), default=NEVER)
        return (NEVER, high)
    low = min(first for first, _ in dated)
    high = min(last for _, last in dated)
    if not closed or len(dated) < len(sure):
        low = PAST
    for days in maybe:
        low = min(low, days[0] if days is not None else PAST)
    return (low, high)


@dataclass(frozen=True, slots=True)
class _Dated:
    """An entry and the days that its date could be (None: open), whether it is under way, and
    whether it matches or only may."""

    entry: Entry
    days: _Interval | None
    under_way: bool
    sure: bool


def _latest_cited(listed: list[_Dated], ends: _Interval, closed: bool, today: int) -> list[_Dated]:
    """The entries that give both ends of a latest date; of equals one that is under way, else
    the first."""
    dated = [one for one in listed if one.sure and one.days is not None]
    cited = sorted(dated, key=lambda one: (one.days, one.under_way), reverse=True)[:1]
    reached = max((one.days[1] for one in cited if one.days is not None), default=NEVER)
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
    return [best, next(o for o in listed if (o.days[0] if o.days else PAST) == ends[0])]


# --- what gives the ends of a recorded fact ---------------------------------------------

_MOST_TRIED = 40
"""The most statements of one fact of which it is tried whether each is needed."""


def cited_statements(fact: Fact, found: Found, as_of: date) -> tuple[Statement, ...]:
    """The statements that a reading needs: it is another, or unknown, without any of them."""
    reading, kept = found.reading, list(found.statements)
    if reading.low is None or len(kept) < 2:
        return found.statements
    ends = {(_interval(fact, s, as_of), s.uln_u, s.first, s.last): s for s in reversed(kept)}
    kept = [one for one in kept if any(one is s for s in ends.values())]
    for one in reversed(kept) if len(kept) <= _MOST_TRIED else ():
        others = [other for other in kept if other is not one]
        tried = _recorded(fact, tuple(others), as_of).reading
        mine = (reading.low, reading.high, reading.times_uln)
        if (tried.low, tried.high, tried.times_uln) == mine:
            kept = others
    return tuple(kept)


# --- derived from other facts ---------------------------------------------------------


def _completed_years(name: str, since: str, source: Found, as_of: date) -> Found:
    reading = source.reading
    low, high = reading.low, reading.high
    result: Reading
    if low is None or high is None:
        result = Reading(name, None, None, reading.reason, None, reading.reason)
    elif low == NEVER:
        result = Reading(name, None, None, "no_date", None, "no_date")
    else:
        least = completed_years(date.fromordinal(high), as_of)[0] * MILLION
        most = UNBOUNDED
        if low != PAST:
            most = completed_years(date.fromordinal(low), as_of)[1] * MILLION
        reason = None if least == most else reading.reason or "calendar"
        result = Reading(name, least, most, reason, None, "no_limit")
    return replace(source, reading=result, from_facts=(since,))


def _days_between(name: str, derive: DaysBetween, start: Found, end: Found) -> Found:
    a, b = start.reading, end.reading
    until = min((u for u in (start.until, end.until) if u is not None), default=None)
    starts = min((u for u in (start.starts, end.starts) if u is not None), default=None)
    reason: Reason | None
    if a.low is None or a.high is None or b.low is None or b.high is None:
        reason = a.reason if a.low is None else b.reason
        reading = Reading(name, None, None, reason, None, reason)
    elif NEVER in (a.low, b.low):
        reading = Reading(name, None, None, "no_date", None, "no_date")
    else:
        low = -UNBOUNDED if b.low == PAST else (b.low - a.high) * MILLION
        high = UNBOUNDED if a.low == PAST else (b.high - a.low) * MILLION
        reason = None if low == high else a.reason or b.reason
        reading = Reading(name, low, high, reason, None, "no_limit")
    statements = (*start.statements, *end.statements)
    entries = (*start.entries, *end.entries)
    around = (*start.around, *end.around)
    return Found(
        reading, statements, entries, until, starts, (derive.start, derive.end), around=around
    )


def readings_only(found: Mapping[str, Found]) -> dict[str, Reading]:
    """The readings without their provenance."""
    return {name: one.reading for name, one in found.items()}
