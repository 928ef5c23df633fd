"""What formulas come to, from docs/SEMANTICS.md alone (6)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from fractions import Fraction

from engine import terms as m
from engine.reference.entries import reading_of
from engine.reference.measures import later
from engine.terms.formula import Expression, Input, Number

End = Fraction | None
"""An end of an interval; None is open."""

Ends = tuple[End, End]


class _MayBeZero(Exception):
    """A divisor that may be zero."""


def formula(
    fact: m.Fact,
    derive: m.Formula,
    facts: Mapping[str, m.Fact],
    read: Callable[[str], m.Reading],
    stated: Callable[[str], Iterable[m.Statement]],
    as_of: date,
) -> m.Reading:
    """The formula over its inputs' readings, with their days if those must lie together."""
    inputs = {name: read(name) for name in m.derived_from(fact)}
    for one in inputs.values():
        if one.low is None:
            return reading_of(fact, one.reason)
    if derive.within is not None:
        days = [day for name in inputs for day in _days(name, facts, stated, as_of)]
        if None in days:
            return reading_of(fact, "not_together")
        known = sorted(day for day in days if day is not None)
        if known and known[-1] > later(known[0], derive.within)[0]:
            return reading_of(fact, "not_together")
    try:
        low, high = _ends(derive.expression, inputs, facts)
    except _MayBeZero:
        return reading_of(fact, "no_divisor")
    least = -m.UNBOUNDED if low is None else max(-m.UNBOUNDED, _down(low))
    most = m.UNBOUNDED if high is None else min(m.UNBOUNDED, -_down(-high))
    why = [one.reason for one in inputs.values() if one.reason]
    return reading_of(fact, why[0] if why else "imprecise", least, most)


def _down(exact: Fraction) -> int:
    return exact.numerator * m.MILLION // exact.denominator


def _days(
    name: str,
    facts: Mapping[str, m.Fact],
    stated: Callable[[str], Iterable[m.Statement]],
    as_of: date,
) -> Iterable[int | None]:
    """The first and last days of the statements that an input rests on; None for an unknown one."""
    fact = facts[name]
    if fact.derive is not None:
        for other in m.derived_from(fact):
            yield from _days(other, facts, stated, as_of)
        return
    if fact.changes == "never":
        return
    reached = [
        s for s in stated(name)
        if not s.voided and s.value is not None and (s.first is None or s.first <= as_of)
    ]  # fmt: skip
    newest = max((s.first for s in reached if s.first is not None), default=None)
    for said in reached:
        if newest is None or said.last is None or said.last >= newest:
            for day in (said.first, said.last):
                yield None if day is None else day.toordinal()


def _ends(part: Expression, inputs: Mapping[str, m.Reading], facts: Mapping[str, m.Fact]) -> Ends:
    if isinstance(part, Number):
        return part.value, part.value
    if isinstance(part, Input):
        return _points(facts[part.fact], inputs[part.fact])
    a, b = _ends(part.left, inputs, facts)
    c, d = _scaled(_ends(part.right, inputs, facts), part.times)
    if part.operation == "-":
        c, d = _negative((c, d))
    if part.operation in ("+", "-"):
        return _added(a, c), _added(b, d)
    if part.operation == "min":
        known = [end for end in (b, d) if end is not None]
        return (None if a is None or c is None else min(a, c)), min(known, default=None)
    if part.operation == "max":
        known = [end for end in (a, c) if end is not None]
        return max(known, default=None), (None if b is None or d is None else max(b, d))
    if part.operation == "/":
        if (c is None or c <= 0) and (d is None or d >= 0):
            raise _MayBeZero
        c, d = (Fraction(0) if d is None else 1 / d), (Fraction(0) if c is None else 1 / c)
    return _multiplied((a, b), (c, d))


def _points(fact: m.Fact, reading: m.Reading) -> Ends:
    assert reading.low is not None and reading.high is not None
    if fact.type == "choice":
        number = Fraction(fact.points[reading.low][1], m.MILLION)
        return number, number
    low = None if reading.low == -m.UNBOUNDED else Fraction(reading.low, m.MILLION)
    return low, None if reading.high == m.UNBOUNDED else Fraction(reading.high, m.MILLION)


def _negative(ends: Ends) -> Ends:
    low, high = ends
    return (None if high is None else -high, None if low is None else -low)


def _scaled(ends: Ends, times: Fraction) -> Ends:
    low, high = ends
    return (None if low is None else low * times, None if high is None else high * times)


def _added(a: End, b: End) -> End:
    return None if a is None or b is None else a + b


def _multiplied(left: Ends, right: Ends) -> Ends:
    """The ends of all products: those of the corners, where an open end counts by its sign."""
    corners: list[tuple[int, Fraction]] = []  # how far without end, and the number
    for x, x_sign in ((left[0], -1), (left[1], 1)):
        for y, y_sign in ((right[0], -1), (right[1], 1)):
            if x is not None and y is not None:
                corners.append((0, x * y))
            elif 0 in (x, y):
                corners.append((0, Fraction(0)))
            else:
                sign = (x_sign if x is None else (x > 0) - (x < 0)) * (
                    y_sign if y is None else (y > 0) - (y < 0)
                )
                corners.append((sign, Fraction(0)))
    least, most = min(corners), max(corners)
    return (None if least[0] else least[1]), (None if most[0] else most[1])
