"""Where a test turns: on its own fact's days, or on those of the dates that it is counted from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import assert_never

from engine import terms as m


@dataclass(frozen=True, slots=True)
class Turns:
    """Where a test turns as days pass: so long after a date, on fixed days, and at so many days
    between two dates. The whole numbers are those at and beside a limit."""

    lengths: tuple[m.Duration, ...] = ()
    days: tuple[date, ...] = ()
    spans: tuple[int, ...] = ()


def turns(test: m.Leaf, fact: m.Fact, limits: Iterable[int]) -> Turns:
    """Where a test on a fact turns. `limits`: where it cuts a quantity, in millionths."""
    if isinstance(test, m.AgoTest):
        return Turns(lengths=(test.duration,))
    if isinstance(test, m.DayTest):
        return Turns(days=(test.day,))
    if isinstance(test, m.LimitTest | m.BetweenTest):
        whole = [limit // m.MILLION for limit in limits]
        if isinstance(fact.derive, m.CompletedYears):
            years = sorted({limit + more for limit in whole for more in (0, 1)})
            return Turns(lengths=tuple(m.Duration(0, 12 * n) for n in years))
        if isinstance(fact.derive, m.DaysBetween):
            return Turns(spans=tuple(limit + n for limit in whole for n in (-1, 0, 1, 2)))
        return Turns()
    if isinstance(test, m.BooleanTest | m.ChoiceTest | m.UlnTest | m.EverTest | m.Todo):
        return Turns()
    if isinstance(test, m.AnchorTest | m.LastingTest | m.FactLimitTest):
        raise AssertionError("taken as free (engine.regions.free)")
    assert_never(test)
