"""Slips with one test: a limit, a boundary, a unit or a window that an author mistakes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Literal, assert_never

from engine import terms as m
from engine.record.wording import counted
from engine.terms.units import UnitError, conversion
from engine.workbench.confused import CONFUSED

Kind = Literal[
    "limit",
    "boundary",
    "unit",
    "window",
    "group",
    "negation",
    "dropped-condition",
    "dropped-criterion",
    "unknown-as-met",
    "kind",
    "reference-date",
    "record-field",
]

SWAPPED: Mapping[m.QuantityOp, m.QuantityOp] = {
    "at_least": "above",
    "above": "at_least",
    "at_most": "below",
    "below": "at_most",
}
SWAPPED_ULN: Mapping[m.UlnOp, m.UlnOp] = {
    "at_least_uln": "above_uln",
    "above_uln": "at_least_uln",
    "at_most_uln": "below_uln",
    "below_uln": "at_most_uln",
}
SWAPPED_AGO: Mapping[m.AgoOp, m.AgoOp] = {
    "at_least_ago": "more_than_ago",
    "more_than_ago": "at_least_ago",
    "within_last": "less_than_ago",
    "less_than_ago": "within_last",
}
"""The boundary word that is easily taken for another."""

WITHOUT_ULN: Mapping[m.UlnOp, m.QuantityOp] = {
    "at_least_uln": "at_least",
    "above_uln": "above",
    "at_most_uln": "at_most",
    "below_uln": "below",
}

MOST_UNITS = 2
"""How many of them a limit is read in."""

_NOTE = re.compile(r"\{(?![0-9])[^}]*\}")
_PREFIXES = ("k", "", "m", "u", "n", "p", "f")


def slips(
    protocol: m.Protocol, leaf: m.Test, fact: m.Fact, tested: frozenset[str]
) -> Iterator[tuple[Kind, m.Condition]]:
    """A test as it is mistaken. `tested`: the facts that the pack tests."""
    yield "negation", m.Not(leaf, leaf.place)
    if isinstance(leaf, m.LimitTest):
        step = _step(fact, leaf.limit_u)
        for limit in (leaf.limit_u + step, leaf.limit_u - step):
            yield "limit", replace(leaf, limit_u=limit)
        yield "boundary", replace(leaf, op=SWAPPED[leaf.op])
        for (limit,) in _in_other_units(fact, leaf.limit_u):
            yield "unit", replace(leaf, limit_u=limit)
    elif isinstance(leaf, m.BetweenTest):
        for end in ("low_u", "high_u"):
            limit = getattr(leaf, end)
            step = _step(fact, limit)
            for moved in (limit + step, limit - step):
                changed = replace(leaf, **{end: moved})
                if changed.low_u <= changed.high_u:
                    yield "limit", changed
        low = m.LimitTest(leaf.fact, "above", leaf.low_u, leaf.place)
        high = m.LimitTest(leaf.fact, "at_most", leaf.high_u, leaf.place)
        yield "boundary", m.All((low, high), leaf.place)
        low = replace(low, op="at_least")
        high = replace(high, op="below")
        yield "boundary", m.All((low, high), leaf.place)
        for low_u, high_u in _in_other_units(fact, leaf.low_u, leaf.high_u):
            yield "unit", replace(leaf, low_u=low_u, high_u=high_u)
    elif isinstance(leaf, m.UlnTest):
        step = m.MILLION // 10
        for times in (leaf.times_u + step, leaf.times_u - step):
            if times > 0:
                yield "limit", replace(leaf, times_u=times)
        yield "boundary", replace(leaf, op=SWAPPED_ULN[leaf.op])
        # The number read in the fact's own unit, not as a multiple of a limit.
        plain = WITHOUT_ULN[leaf.op]
        yield "unit", m.LimitTest(leaf.fact, plain, leaf.times_u, leaf.place)
    elif isinstance(leaf, m.AgoTest):
        for moved_by in (1, -1):
            moved = _moved(leaf.duration, moved_by)
            if moved is not None and (leaf.op != "less_than_ago" or moved.days or moved.months):
                yield "window", replace(leaf, duration=moved)
        if leaf.duration.days or leaf.duration.months:
            yield "boundary", replace(leaf, op=SWAPPED_AGO[leaf.op])
        other_unit = _other_unit(leaf.duration)
        if other_unit is not None:
            yield "unit", replace(leaf, duration=other_unit)
        dates = [f for f in protocol.facts.values() if f.type == "date"]
        asked = [f.name for f in dates if f.name in tested]
        # One that no criterion asks about is taken where there is no other.
        known = asked if len(asked) > 1 else [f.name for f in dates]
        if len(known) > 1:
            other = known[(known.index(leaf.fact) + 1) % len(known)]
            yield "reference-date", replace(leaf, fact=other)
    elif isinstance(leaf, m.DayTest):
        for days in (1, -1):
            yield "window", replace(leaf, day=date.fromordinal(leaf.day.toordinal() + days))
    elif isinstance(leaf, m.ChoiceTest):
        for code in leaf.codes if len(leaf.codes) > 1 else ():
            codes = tuple(c for c in leaf.codes if c != code)
            yield "dropped-condition", replace(leaf, codes=codes)
    elif not isinstance(leaf, m.BooleanTest | m.EverTest):
        assert_never(leaf)


def _step(fact: m.Fact, limit: int) -> int:
    """One step of a limit: the fact's resolution, a whole unit where it is counted in
    whole ones, else the last decimal place that the limit is written with."""
    if isinstance(fact.derive, m.CompletedYears | m.DaysBetween | m.Count):
        return m.MILLION
    if fact.resolution_u:
        return fact.resolution_u
    step = m.MILLION
    while step > 1 and limit % step:
        step //= 10
    return step


def _whole(fact: m.Fact, limit: int) -> bool:
    counted = isinstance(fact.derive, m.CompletedYears | m.DaysBetween | m.Count)
    return not counted or limit % m.MILLION == 0


def _in_other_units(fact: m.Fact, *limits: int) -> list[tuple[int, ...]]:
    """What limits come to if they were meant in a unit that is easily confused with the fact's,
    or where they cannot be so, if they were turned into that unit and the fact's is kept."""
    found: list[tuple[int, ...]] = []
    for both_ways in _conversions(fact.unit, fact.molar_mass):
        for factor, offset in both_ways:
            moved = tuple(round(limit * factor + offset * m.MILLION) for limit in limits)
            if (
                moved not in (limits, *found)
                and all(abs(one) <= m.LARGEST and _whole(fact, one) for one in moved)
                # What rounds to nothing is no limit that anybody would write.
                and all(one or not before for one, before in zip(moved, limits, strict=True))
            ):
                found.append(moved)
                break
        if len(found) == MOST_UNITS:
            break
    return found


@cache
def _conversions(
    unit: str, molar_mass: Decimal | None
) -> tuple[tuple[tuple[Fraction, Fraction], ...], ...]:
    """For units easily confused with a fact's: how a number of theirs, and a number meant for
    them, is turned into the fact's."""
    found = []
    for other in CONFUSED.get(unit) or CONFUSED.get(_NOTE.sub("", unit)) or _thousandfold(unit):
        try:
            both = (conversion(other, unit, molar_mass), conversion(unit, other, molar_mass))
        except UnitError:
            continue
        found.append(both)
    return tuple(found)


def _thousandfold(unit: str) -> Iterator[str]:
    """What a unit that is not listed may be confused with: it with the next metric prefix.
    Some of these are no units."""
    if unit[:1] in _PREFIXES and (unit[1:2].isalpha() or unit[1:2] == "["):
        at = _PREFIXES.index(unit[0])
        near = (*_PREFIXES[max(at - 1, 0) : at], *_PREFIXES[at + 1 : at + 2])
        yield from (prefix + unit[1:] for prefix in near)
    if unit[:1].isalpha() or unit[:1] == "[":
        yield from (prefix + unit for prefix in "mk")


def _moved(duration: m.Duration, by: int) -> m.Duration | None:
    if duration.months:
        months = duration.months + by
        return m.Duration(0, months, counted(months, "month")) if months > 0 else None
    days = duration.days + by
    return m.Duration(days, 0, counted(days, "day")) if days >= 0 else None


def _other_unit(duration: m.Duration) -> m.Duration | None:
    """The same number of another unit: days for weeks, weeks for days, weeks for months."""
    if duration.months and duration.months % 12 == 0:
        years = duration.months // 12
        return m.Duration(0, years, counted(years, "month"))
    if duration.months:
        return m.Duration(7 * duration.months, 0, counted(duration.months, "week"))
    if duration.days and duration.days % 7 == 0 and duration.text.endswith(("week", "weeks")):
        days = duration.days // 7
        return m.Duration(days, 0, counted(days, "day"))
    if duration.days:
        return m.Duration(7 * duration.days, 0, counted(duration.days, "week"))
    return None
