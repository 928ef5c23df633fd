"""What the values of one recorded fact come to: the highest, a mean, the last (SEMANTICS 6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from engine import terms as m
from engine.select.amounts import quantity_of
from engine.select.found import Found
from engine.select.matching import day_after
from engine.select.several import Ends, Measured, Worked, worked_out
from engine.terms.calendar import earliest, latest

_FEWEST_OF = 40
"""The most statements of which it is tried whether each is needed."""
_OPEN: Ends = (-m.UNBOUNDED, m.UNBOUNDED)


@dataclass(frozen=True, slots=True)
class _Dated:
    """A statement that counts or may, and the days it may be of (first None: any before)."""

    statement: m.Statement
    first: date | None
    last: date
    sure: bool


def from_values(
    fact: m.Fact, derive: m.OfValues, source: m.Fact, own: Found, subject: m.Subject, as_of: date
) -> Found:
    """`own`: the ordinary reading of the fact whose values these are."""
    stated = subject.facts.get(source.name, ())
    dated = _within(stated, derive.within, as_of)
    low, high, why = _worked(derive, source, own, dated)
    reason = why
    if low is not None and low != high:
        reason = "imprecise" if own.reading.low is not None else own.reading.reason
    reading = m.Reading(fact.name, low, high, reason, None, why if low is None else "no_limit")
    days = [own.starts]
    for one in dated:
        days += [one.last, day_after(one.last)]
        for end in (one.first, one.last) if derive.within else ():
            if end is not None and derive.within is not None:
                days += [day_after(add(end, derive.within)) for add in (earliest, latest)]
    return Found(
        reading,
        tuple(one.statement for one in dated),
        (),
        own.until,
        min((day for day in days if day is not None and day > as_of), default=None),
        (source.name,),
    )


def _within(stated: Sequence[m.Statement], within: m.Duration | None, as_of: date) -> list[_Dated]:
    """The statements whose day lies within so long before the as-of date, or may."""
    found = []
    for one in stated:
        if one.voided or (one.first is not None and one.first > as_of):
            continue
        last = as_of if one.last is None else min(one.last, as_of)
        sure = True
        if within is not None:
            ends = latest(last, within)
            if ends is not None and ends < as_of:
                continue
            begins = None if one.first is None else earliest(one.first, within)
            sure = one.first is not None and (begins is None or begins >= as_of)
        found.append(_Dated(one, one.first, last, sure))
    return found


def _worked(derive: m.OfValues, source: m.Fact, own: Found, dated: Sequence[_Dated]) -> Worked:
    sure: list[Measured] = []
    maybe: list[Measured] = []
    told: set[tuple[object, ...]] = set()  # what is stated twice is one measurement
    for one in dated:
        said_of = one.statement
        value = said_of.value
        key = (value, said_of.on, said_of.within, said_of.not_after)
        if isinstance(value, m.Amount) and key not in told:
            told.add(key)
            first = m.PAST if one.first is None else one.first.toordinal()
            counted = Measured(quantity_of(source, value), (first, one.last.toordinal()))
            (sure if one.sure else maybe).append(counted)
    if len(sure) < derive.least:
        return None, None, "too_few"
    said = {one.statement.unknown for one in dated} - {None}
    if said:
        return None, None, "pending" if "pending" in said else "not_done"
    if source.attested_by and not all(one.statement.by for one in dated):
        return None, None, "not_attested"
    why_open = own.reading.reason if own.reading.low is None else None
    return worked_out(derive.way, 0, sure, maybe, _OPEN, why_open)


def cited_values(
    derive: m.OfValues, source: m.Fact, own: Found, found: Found, as_of: date
) -> tuple[m.Statement, ...]:
    """The statements that give the ends; the first of those that do so alike."""
    if found.reading.low is None:
        return found.statements
    kept = list(found.statements)
    for one in reversed(found.statements) if len(kept) <= _FEWEST_OF else ():
        others = [other for other in kept if other is not one]
        ends = _worked(derive, source, own, _within(others, derive.within, as_of))[:2]
        if ends == (found.reading.low, found.reading.high):
            kept = others
    return tuple(kept)


def looked_at(protocol: m.Protocol, found: Mapping[str, Found]) -> dict[str, Found]:
    """What was found, where an older statement that counts among several is not passed over."""
    result = dict(found)
    for name, one in found.items():
        derive = protocol.facts[name].derive
        if isinstance(derive, m.OfValues):
            source = result[derive.fact]
            passed = tuple(
                (said, why)
                for said, why in source.passed
                if not any(said is other for other in one.statements)
            )
            result[derive.fact] = replace(source, passed=passed)
    return result
