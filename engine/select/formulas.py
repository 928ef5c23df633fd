"""What a formula comes to over what its inputs can be (SEMANTICS 6)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from fractions import Fraction
from math import ceil, floor, inf

from engine import terms as m
from engine.select.found import Found
from engine.terms.calendar import earliest
from engine.terms.formula import Expression, Input, Number

Bound = Fraction | float
"""An end of an interval: exact, or without end."""

Range = tuple[Bound, Bound]


def from_formula(
    fact: m.Fact, derive: m.Formula, find: Callable[[str], Found], facts: Mapping[str, m.Fact]
) -> Found:
    """`find`: what gives the reading of a fact."""
    inputs = {name: find(name) for name in m.derived_from(fact)}
    lacking = next((one.reading for one in inputs.values() if one.reading.low is None), None)
    worked: Range | None = None
    reason: m.Reason | None = None
    if lacking is not None:
        reason = lacking.reason
    elif derive.within is not None and not _together(derive.within, inputs, find, facts):
        reason = "not_together"
    else:
        ranges = {name: _range(facts[name], one.reading) for name, one in inputs.items()}
        worked = _worked(derive.expression, ranges)
        reason = None if worked is not None else "no_divisor"
    low = high = None
    if worked is not None:
        low, high = _end(worked[0], -m.UNBOUNDED, floor), _end(worked[1], m.UNBOUNDED, ceil)
        if low != high:
            reasons = (one.reading.reason for one in inputs.values())
            reason = next((why for why in reasons if why is not None), "imprecise")
    reading = m.Reading(fact.name, low, high, reason, None, reason if low is None else "no_limit")
    return Found(
        reading,
        tuple(one for found in inputs.values() for one in found.statements),
        tuple(one for found in inputs.values() for one in found.entries),
        min((one.until for one in inputs.values() if one.until is not None), default=None),
        min((one.starts for one in inputs.values() if one.starts is not None), default=None),
        tuple(inputs),
        around=tuple(one for found in inputs.values() for one in found.around),
    )


def _range(fact: m.Fact, reading: m.Reading) -> Range:
    assert reading.low is not None and reading.high is not None
    if fact.type == "choice":
        points = Fraction(dict(fact.points)[fact.choices[reading.low].code], m.MILLION)
        return points, points
    low = -inf if reading.low <= -m.UNBOUNDED else Fraction(reading.low, m.MILLION)
    high = inf if reading.high >= m.UNBOUNDED else Fraction(reading.high, m.MILLION)
    return low, high


def _end(bound: Bound, open_end: int, whole: Callable[[Fraction], int]) -> int:
    if isinstance(bound, float):
        return open_end
    return max(-m.UNBOUNDED, min(m.UNBOUNDED, whole(bound * m.MILLION)))


def _worked(part: Expression, ranges: Mapping[str, Range]) -> Range | None:
    """The interval of an expression; None where something may be divided by zero."""
    if isinstance(part, Number):
        return part.value, part.value
    if isinstance(part, Input):
        return ranges[part.fact]
    left, right = _worked(part.left, ranges), _worked(part.right, ranges)
    if left is None or right is None:
        return None
    right = _product(right, (part.times, part.times))
    if part.operation == "+":
        return left[0] + right[0], left[1] + right[1]
    if part.operation == "-":
        return left[0] - right[1], left[1] - right[0]
    if part.operation == "*":
        return _product(left, right)
    if part.operation == "min":
        return min(left[0], right[0]), min(left[1], right[1])
    if part.operation == "max":
        return max(left[0], right[0]), max(left[1], right[1])
    if right[0] <= 0 <= right[1]:
        return None
    return _product(left, (_over(right[1]), _over(right[0])))


def _over(bound: Bound) -> Bound:
    return Fraction(0) if isinstance(bound, float) else 1 / bound


def _product(left: Range, right: Range) -> Range:
    """By the signs of the ends, so that no end without end meets a zero."""
    ends = [_times(a, b) for a in left for b in right]
    return min(ends), max(ends)


def _times(a: Bound, b: Bound) -> Bound:
    return Fraction(0) if a == 0 or b == 0 else a * b


def _together(
    within: m.Duration,
    names: Iterable[str],
    find: Callable[[str], Found],
    facts: Mapping[str, m.Fact],
) -> bool:
    """Whether all days of what changes lie so near each other that the length has not passed."""
    days: list[date] = []
    todo = [*names]
    while todo:
        fact = facts[todo.pop()]
        todo += m.derived_from(fact)
        if fact.derive is not None or fact.changes == "never":
            continue
        for one in find(fact.name).statements:
            if one.first is None or one.last is None:
                return False
            days += [one.first, one.last]
    last = earliest(min(days), within) if days else None
    return last is None or max(days) <= last
