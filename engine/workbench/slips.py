"""The mistakes that an author could make in one condition."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from typing import Literal, assert_never

from engine import terms as m
from engine.compile.leaves import LENGTHS
from engine.record.wording import counted
from engine.workbench.confused import in_other_units, is_counted
from engine.workbench.wording import brief, in_full

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
    "at_least": "above", "above": "at_least", "at_most": "below", "below": "at_most",
}  # fmt: skip
SWAPPED_ULN: Mapping[m.UlnOp, m.UlnOp] = {
    "at_least_uln": "above_uln", "above_uln": "at_least_uln",
    "at_most_uln": "below_uln", "below_uln": "at_most_uln",
}  # fmt: skip
SWAPPED_AGO: Mapping[m.AgoOp, m.AgoOp] = {
    "at_least_ago": "more_than_ago", "more_than_ago": "at_least_ago",
    "within_last": "less_than_ago", "less_than_ago": "within_last",
}  # fmt: skip
"""The boundary word that is easily taken for another."""

SWAPPED_ANCHOR: Mapping[m.AnchorOp, m.AnchorOp] = {
    "at_least": "more_than", "more_than": "at_least",
    "within": "less_than", "less_than": "within",
}  # fmt: skip

WITHOUT_ULN: Mapping[m.UlnOp, m.QuantityOp] = {
    "at_least_uln": "at_least", "above_uln": "above",
    "at_most_uln": "at_most", "below_uln": "below",
}  # fmt: skip

Slips = Iterator[tuple[Kind, m.Condition]]


def slips(
    protocol: m.Protocol, condition: m.Condition, asked: frozenset[str]
) -> Iterator[tuple[Kind, str, m.Condition]]:
    """One condition with one mistake in it, in words. `asked`: the facts that the pack tests."""
    if isinstance(condition, m.All | m.Any):
        if len(condition.children) > 1:
            word, other = ("all", "any") if isinstance(condition, m.All) else ("any", "all")
            group = m.Any if word == "all" else m.All
            taken = group(condition.children, condition.place)
            yield "group", f"`{word}` read as `{other}`", taken
    elif isinstance(condition, m.AtLeast):
        for count in (condition.count - 1, condition.count + 1):
            if 1 <= count <= len(condition.children):
                words = f"`at_least: {condition.count}` read as `at_least: {count}`"
                yield "limit", words, replace(condition, count=count)
    elif isinstance(condition, m.Not):
        yield "negation", "without its `not`", condition.child
    elif not isinstance(condition, m.Defined | m.Todo):
        before = brief(condition, protocol)
        for kind, leaf in _in_test(protocol, condition, asked):
            yield kind, f"`{before}` read as `{in_full(leaf, protocol)}`", leaf


def _in_test(protocol: m.Protocol, leaf: m.Test, asked: frozenset[str]) -> Slips:
    fact = protocol.facts[leaf.fact]
    yield "negation", m.Not(leaf, leaf.place)
    if isinstance(leaf, m.LimitTest):
        step = _step(fact, leaf.limit_u)
        for limit in (leaf.limit_u + step, leaf.limit_u - step):
            yield "limit", replace(leaf, limit_u=limit)
        yield "boundary", replace(leaf, op=SWAPPED[leaf.op])
        for (limit,) in in_other_units(fact, leaf.limit_u):
            yield "unit", replace(leaf, limit_u=limit)
    elif isinstance(leaf, m.BetweenTest):
        yield from _between(fact, leaf)
    elif isinstance(leaf, m.UlnTest):
        step = m.MILLION // 10
        for times in (leaf.times_u + step, leaf.times_u - step):
            if times > 0:
                yield "limit", replace(leaf, times_u=times)
        yield "boundary", replace(leaf, op=SWAPPED_ULN[leaf.op])
        # The number read in the fact's own unit, not as a multiple of a limit.
        yield "unit", m.LimitTest(leaf.fact, WITHOUT_ULN[leaf.op], leaf.times_u, leaf.place)
    elif isinstance(leaf, m.FactLimitTest):
        yield "boundary", replace(leaf, op=SWAPPED[leaf.op])
    elif isinstance(leaf, m.AgoTest):
        yield from _ago(protocol, leaf, asked)
    elif isinstance(leaf, m.DayTest):
        for days in (1, -1):
            yield "window", replace(leaf, day=date.fromordinal(leaf.day.toordinal() + days))
    elif isinstance(leaf, m.ChoiceTest):
        for code in leaf.codes if len(leaf.codes) > 1 else ():
            codes = tuple(c for c in leaf.codes if c != code)
            yield "dropped-condition", replace(leaf, codes=codes)
    elif isinstance(leaf, m.AnchorTest):
        yield from _anchor(leaf)
    elif isinstance(leaf, m.LastingTest):
        for moved in (_moved(leaf.duration, by) for by in (1, -1)):
            if moved is not None:
                yield "window", replace(leaf, duration=moved)
        yield "boundary", m.AgoTest(leaf.fact, "at_least_ago", leaf.duration, leaf.place)
    elif not isinstance(leaf, m.BooleanTest | m.EverTest):
        assert_never(leaf)


def _between(fact: m.Fact, leaf: m.BetweenTest) -> Slips:
    step = _step(fact, leaf.low_u)
    moved = [replace(leaf, low_u=low) for low in (leaf.low_u + step, leaf.low_u - step)]
    step = _step(fact, leaf.high_u)
    moved += [replace(leaf, high_u=high) for high in (leaf.high_u + step, leaf.high_u - step)]
    yield from (("limit", one) for one in moved if one.low_u <= one.high_u)
    low = m.LimitTest(leaf.fact, "above", leaf.low_u, leaf.place)
    high = m.LimitTest(leaf.fact, "at_most", leaf.high_u, leaf.place)
    yield "boundary", m.All((low, high), leaf.place)
    yield "boundary", m.All((replace(low, op="at_least"), replace(high, op="below")), leaf.place)
    for low_u, high_u in in_other_units(fact, leaf.low_u, leaf.high_u):
        yield "unit", replace(leaf, low_u=low_u, high_u=high_u)


def _ago(protocol: m.Protocol, leaf: m.AgoTest, tested: frozenset[str]) -> Slips:
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


def _anchor(leaf: m.AnchorTest) -> Slips:
    if leaf.duration is not None:
        for moved in (_moved(leaf.duration, by) for by in (1, -1)):
            if moved is not None:
                yield "window", replace(leaf, duration=moved)
        yield "boundary", replace(leaf, op=SWAPPED_ANCHOR[leaf.op])
        other_unit = _other_unit(leaf.duration)
        if other_unit is not None:
            yield "unit", replace(leaf, duration=other_unit)
        if leaf.side == "before":
            # The day of screening taken for the day that the words name.
            ago: m.AgoOp = next(ago for ago, op in LENGTHS.items() if op == leaf.op)
            yield "reference-date", m.AgoTest(leaf.fact, ago, leaf.duration, leaf.place)
    side: m.Side = "after" if leaf.side == "before" else "before"
    yield "reference-date", replace(leaf, side=side)


def _step(fact: m.Fact, limit: int) -> int:
    """One step of a limit: the fact's resolution, a whole unit where it is counted in
    whole ones, else the last decimal place that the limit is written with."""
    if is_counted(fact):
        return m.MILLION
    if fact.resolution_u:
        return fact.resolution_u
    step = m.MILLION
    while step > 1 and limit % step:
        step //= 10
    return step


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
