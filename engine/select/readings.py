"""From recorded statements and entries to readings, as of a date (SEMANTICS 3 to 6).

This is the first of two derivations: the fired rules look at these readings, and
`engine.reference.evaluator` derives them again in its own way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

from engine import terms as m
from engine.select.amounts import interval_of, ratio_of, ratios_of
from engine.select.completed import completed
from engine.select.formulas import from_formula
from engine.select.found import Found, PassedOver, unknown_reading
from engine.select.lists import from_list
from engine.select.matching import Matches
from engine.select.of_values import from_values, looked_at
from engine.select.several import from_several
from engine.select.tables import from_table
from engine.select.washout import washed_out
from engine.terms.calendar import completed_years, earliest, of_year


def find_readings(protocol: m.Protocol, subject: m.Subject, as_of: date) -> dict[str, Found]:
    """What every fact of the dictionary (text aside) comes to on the as-of date."""
    found: dict[str, Found] = {}
    matched = Matches(protocol, subject, as_of)

    def find(name: str) -> Found:
        if name in found:
            return found[name]
        fact = protocol.facts[name]
        derive = fact.derive
        if derive is None:
            result = _ahead(fact, recorded_reading(fact, subject.facts.get(name, ()), as_of), as_of)
        elif isinstance(derive, m.CompletedYears):
            result = _completed_years(name, derive.since, find(derive.since), as_of)
        elif isinstance(derive, m.Completed):
            until = find(derive.on) if derive.on else None
            result = completed(name, derive, find(derive.since), until, as_of)
        elif isinstance(derive, m.OfValues):
            source = protocol.facts[derive.fact]
            result = from_values(fact, derive, source, find(derive.fact), subject, as_of)
        elif isinstance(derive, m.DaysBetween):
            result = _days_between(name, derive, find(derive.start), find(derive.end))
        elif isinstance(derive, m.Formula):
            result = from_formula(fact, derive, find, protocol.facts)
        elif isinstance(derive, m.ByTable):
            result = from_table(name, derive, [find(one) for one in derive.by])
        elif isinstance(derive, m.WashedOut):
            record, listed = protocol.records[derive.records], subject.records.get(derive.records)
            both = matched(derive.records, derive.where)
            by = find(derive.before) if derive.before else None
            result = washed_out(name, derive, record, listed, both, by, as_of)
        else:
            record = protocol.records[derive.records]
            sure, maybe = matched(derive.records, derive.where)
            listed = subject.records.get(derive.records)
            if isinstance(derive, m.Distinct | m.OfSeveral | m.Stable):
                result = from_several(name, derive, record, listed, sure, maybe, as_of)
            else:
                result = from_list(name, derive, record, listed, sure, maybe, as_of)
        found[name] = result
        return result

    whole = {name: find(name) for name, fact in protocol.facts.items() if fact.type != "text"}
    return looked_at(protocol, whole)


# --- recorded facts -------------------------------------------------------------------


def recorded_reading(fact: m.Fact, statements: tuple[m.Statement, ...], as_of: date) -> Found:
    if len(statements) == 1 and not statements[0].voided:
        first = statements[0].first
        if first is None or first <= as_of:  # by far the most
            return _from_chosen(fact, statements, first, None, as_of)
    counted = [s for s in statements if not s.voided]
    if not counted:
        return _with_passed(
            unknown_reading(fact, "not_recorded", statements), statements, (), as_of
        )
    reached = [s for s in counted if s.first is None or s.first <= as_of]
    starts = None
    if len(reached) < len(counted):
        starts = min(
            _begins(s.first, as_of) for s in counted if s.first is not None and s.first > as_of
        )
        if not reached:
            found = unknown_reading(fact, "not_yet", tuple(counted), None, starts)
            return _with_passed(found, statements, (), as_of)
    newest = max((s.first for s in reached if s.first is not None), default=None)
    chosen = tuple(reached)
    if len(reached) > 1:
        chosen = tuple(s for s in reached if _could_decide(fact, s, newest))
    found = _from_chosen(fact, chosen, newest, starts, as_of)
    if len(reached) < len(counted) and found.reading.low is not None:
        slips = tuple(s for s in counted if _slip(fact, s, found, newest, as_of))
        if slips:
            found = unknown_reading(fact, "undated", (*chosen, *slips), found.until, starts)
            chosen = (*chosen, *slips)
    return _with_passed(found, statements, chosen, as_of)


def _begins(first: date, as_of: date) -> date:
    """The first day after the as-of date on which a statement of a later day, `first`, may
    begin to count, or begin or cease to be a possible slip for the current year."""
    if first.year == as_of.year:
        return first
    slip = of_year(first, as_of.year)
    return slip if slip > as_of else date(as_of.year + 1, 1, 1)


def _could_decide(fact: m.Fact, statement: m.Statement, newest: date | None) -> bool:
    """Whether no other statement is provably newer; what never changes has no age."""
    if fact.changes == "never" and statement.unknown is None:
        return True
    return newest is None or statement.last is None or statement.last >= newest


def _from_chosen(
    fact: m.Fact,
    chosen: tuple[m.Statement, ...],
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
        return unknown_reading(
            fact, "pending" if "pending" in said else "not_done", chosen, None, starts
        )
    until = None
    if fact.valid_for is not None:
        if newest is None:
            return unknown_reading(fact, "undated", chosen, None, starts)
        until = earliest(newest, fact.valid_for)
        if until is not None and as_of > until:
            return unknown_reading(fact, "out_of_date", chosen, until, starts)
    ends = [interval_of(fact, s, as_of) for s in values]
    if len(chosen) == 1:
        found: _Ends = (*ends[0], None)
    elif fact.changes == "never":
        found = _shared(chosen, ends)
    else:
        found = _newest_of(fact, chosen, newest, as_of)
    low, high, why = found
    if low is None or high is None:
        return unknown_reading(fact, why or "conflicting", chosen, until, starts)
    if fact.attested_by and not all(s.by for s in values):
        return unknown_reading(fact, "not_attested", chosen, until, starts)
    reason: m.Reason | None = None if low == high else why or "imprecise"
    ratio, why_not = ratios_of(fact, values, newest, (low, high), as_of)
    reading = m.Reading(fact.name, low, high, reason, ratio, why_not)
    return Found(reading, tuple(values), (), until, starts)


_Ends = tuple[int | None, int | None, m.Reason | None]
"""The ends of a reading, or None and None; and what set them apart, or kept them open."""


def _shared(chosen: tuple[m.Statement, ...], ends: list[tuple[int, int]]) -> _Ends:
    """What all values have in common, of a fact that never changes."""
    low, high = max(low for low, _ in ends), min(high for _, high in ends)
    if len(ends) < len(chosen) or low > high:
        return None, None, "conflicting"
    return low, high, None


def _newest_of(
    fact: m.Fact, chosen: tuple[m.Statement, ...], newest: date | None, as_of: date
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
    exact = fact.type == "date" and all(low == high and low > m.PAST for low, high in known)
    if fact.type != "quantity" and not exact:
        return None, None, "undated"
    return min(low for low, _ in known), max(high for _, high in known), "undated"


def _stated(fact: m.Fact, statement: m.Statement, as_of: date) -> tuple[int, int] | None:
    """The interval of a statement; None where it says that the value is unknown."""
    return None if statement.unknown is not None else interval_of(fact, statement, as_of)


def _slip(
    fact: m.Fact, statement: m.Statement, found: Found, newest: date | None, as_of: date
) -> bool:
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
    ends = interval_of(fact, statement, as_of)
    reading = found.reading
    if fact.type != "quantity":
        return ends != (reading.low, reading.high)
    ratio, _ = ratio_of(fact, [statement], *ends)
    return ends != (reading.low, reading.high) or ratio != reading.times_uln


def _with_passed(
    found: Found, statements: tuple[m.Statement, ...], chosen: tuple[m.Statement, ...], as_of: date
) -> Found:
    """What was found, with the statements that were passed over and why."""
    passed: list[tuple[m.Statement, PassedOver]] = []
    for one in statements:
        if one.voided:
            passed.append((one, "voided"))
        elif not any(one is other for other in chosen):
            later = one.first is not None and one.first > as_of
            passed.append((one, "not_yet" if later else "older"))
    return replace(found, passed=tuple(passed)) if passed else found


# --- what gives the ends of a recorded fact ---------------------------------------------

_MOST_TRIED = 40
"""The most statements of one fact of which it is tried whether each is needed."""


def cited_statements(fact: m.Fact, found: Found, as_of: date) -> tuple[m.Statement, ...]:
    """The statements that a reading needs: it is another, or unknown, without any of them."""
    reading, kept = found.reading, list(found.statements)
    if reading.low is None or len(kept) < 2:
        return found.statements
    ends = {(interval_of(fact, s, as_of), s.uln_u, s.first, s.last): s for s in reversed(kept)}
    kept = [one for one in kept if any(one is s for s in ends.values())]
    for one in reversed(kept) if len(kept) <= _MOST_TRIED else ():
        others = [other for other in kept if other is not one]
        tried = recorded_reading(fact, tuple(others), as_of).reading
        mine = (reading.low, reading.high, reading.times_uln)
        if (tried.low, tried.high, tried.times_uln) == mine:
            kept = others
    return tuple(kept)


# --- derived from other facts ---------------------------------------------------------


def _completed_years(name: str, since: str, source: Found, as_of: date) -> Found:
    reading = source.reading
    low, high = reading.low, reading.high
    result: m.Reading
    if low is None or high is None:
        result = m.Reading(name, None, None, reading.reason, None, reading.reason)
    elif low == m.NEVER:
        result = m.Reading(name, None, None, "no_date", None, "no_date")
    else:
        least = completed_years(date.fromordinal(high), as_of)[0] * m.MILLION
        most = m.UNBOUNDED
        if low != m.PAST:
            most = completed_years(date.fromordinal(low), as_of)[1] * m.MILLION
        reason = None if least == most else reading.reason or "calendar"
        result = m.Reading(name, least, most, reason, None, "no_limit")
    return replace(source, reading=result, from_facts=(since,))


def _ahead(fact: m.Fact, found: Found, as_of: date) -> Found:
    """Whether a date lies ahead of the as-of date, and may not come about."""
    high = found.reading.high
    if fact.type != "date" or fact.planned or high is None or high <= as_of.toordinal():
        return found
    older = [one for one, why in found.passed if why == "older"]
    planned = not older and all(
        isinstance(s.value, m.Days) and s.value.first > as_of for s in found.statements
    )
    ahead: m.Ahead = "planned" if planned else "unsure"
    return replace(found, reading=replace(found.reading, ahead=ahead))


def _days_between(name: str, derive: m.DaysBetween, start: Found, end: Found) -> Found:
    a, b = start.reading, end.reading
    until = min((u for u in (start.until, end.until) if u is not None), default=None)
    starts = min((u for u in (start.starts, end.starts) if u is not None), default=None)
    reason: m.Reason | None
    if a.low is None or a.high is None or b.low is None or b.high is None:
        reason = a.reason if a.low is None else b.reason
        reading = m.Reading(name, None, None, reason, None, reason)
    elif m.NEVER in (a.low, b.low):
        reading = m.Reading(name, None, None, "no_date", None, "no_date")
    else:
        going = "under_way" in (a.ahead, b.ahead)
        low, high = (b.low - a.high) * m.MILLION, (b.high - a.low) * m.MILLION
        if b.low == m.PAST or a.ahead == "under_way":
            low = -m.UNBOUNDED
        if a.low == m.PAST or b.ahead == "under_way":
            high = m.UNBOUNDED
        reason = None if low == high else a.reason or b.reason or ("imprecise" if going else None)
        reading = m.Reading(name, low, high, reason, None, "no_limit")
    statements = (*start.statements, *end.statements)
    entries = (*start.entries, *end.entries)
    around = (*start.around, *end.around)
    return Found(
        reading, statements, entries, until, starts, (derive.start, derive.end), around=around
    )


def readings_only(found: Mapping[str, Found]) -> dict[str, m.Reading]:
    """The readings without their provenance."""
    return {name: one.reading for name, one in found.items()}
