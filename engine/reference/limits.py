"""Limits that are facts or stand in tables, from docs/SEMANTICS.md alone (6, 7)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from math import inf
from operator import ge, gt, le, lt

from engine import terms as m
from engine.terms.units import conversion


def table_limit(name: str, table: m.ByTable, selectors: Sequence[m.Reading]) -> m.Reading:
    """The limit of each row that a subject may be in, least and greatest (6)."""
    possible = list(table.rows)
    for number, selector in enumerate(selectors):
        if selector.low is not None and selector.high is not None:
            here = (selector.low, selector.high)
            possible = [row for row in possible if _meet(row.spans[number], here)]
    told: m.Reason | None = None
    for number, selector in reversed(list(enumerate(selectors))):
        settled = selector.low is not None and selector.low == selector.high
        if not settled and len({row.spans[number] for row in possible}) > 1:
            told = selector.reason
    known = sorted(row.limit_u for row in possible if row.limit_u is not None)
    if not known:
        return m.Reading(name, None, None, "no_limit", None, "no_limit")
    if len(known) != len(possible):
        reason = told or "no_limit"
        return m.Reading(name, None, None, reason, None, reason)
    least, most = known[0], known[-1]
    return m.Reading(name, least, most, None if least == most else told, None, "no_limit")


def _meet(spans: tuple[tuple[int, int], ...], ends: tuple[int, int]) -> bool:
    return any(max(first, ends[0]) <= min(last, ends[1]) for first, last in spans)


def held_against(
    test: m.FactLimitTest, value: m.Reading, other: m.Reading, units: tuple[m.Fact, m.Fact]
) -> m.Truth:
    """Does the test hold for all pairs of a value and a limit, or for none (7)?"""
    if value.low is None or value.high is None or other.low is None or other.high is None:
        return "unknown"
    of, by = units
    each = conversion(by.unit, of.unit, of.molar_mass)[0] * Fraction(test.times_u, m.MILLION)
    holds = [
        _COMPARE[test.op](_turned(value_end, Fraction(1)), _turned(limit_end, each))
        for value_end, limit_end in ((value.low, other.high), (value.high, other.low))
    ]
    return "true" if all(holds) else "unknown" if any(holds) else "false"


_COMPARE: dict[str, Callable[[float, float], bool]]
_COMPARE = {"at_least": ge, "above": gt, "at_most": le, "below": lt}


def _turned(end: int, each: Fraction) -> float:
    """An end of an interval in the other unit, rounded once; one that is open is beyond all."""
    if abs(end) == m.UNBOUNDED:
        return inf if end > 0 else -inf
    return round(end * each)  # whole, and compared with infinities
