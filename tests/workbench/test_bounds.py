"""Tests as bounds, and ordered lists held against going through them age by age."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine import terms as m
from engine.reference import evaluator as reference
from engine.regions.bounds import (
    FROM_BELOW,
    OPPOSITE,
    Bound,
    bounds,
    ladders,
    opposite,
    shared_value,
)
from engine.workbench.analysis import findings
from tests import build
from tests.generators import LONG

AS_OF = date(2026, 3, 31)
YEAR = m.MILLION
FACTS = {
    "n": build.fact("n", "quantity", resolution_u=YEAR),
    "d": build.fact("d", "date"),
    "born": build.fact("born", "date", changes="never"),
    "age": build.fact("age", "quantity", unit="a", derive=m.CompletedYears("born")),
    "sex": build.fact("sex", "choice", choices=build.choices("female", "male"), changes="never"),
    "x": build.fact("x", "quantity", valid_for=m.Duration(14, 0)),
    "y": build.fact("y", "quantity", valid_for=m.Duration(14, 0)),
}


def truth(test: m.Condition, readings: dict[str, m.Reading]) -> m.Truth:
    pack = build.pack(list(FACTS.values()), [build.criterion("I01", test)])
    return reference.truths(pack, readings, AS_OF)["I01"]


def at(name: str, point: int) -> dict[str, m.Reading]:
    return {name: m.Reading(name, point, point, None)}


LENGTHS = [m.Duration(0, 0), m.Duration(30, 0), m.Duration(0, 1), m.Duration(0, 12)]
AGO: list[m.AgoOp] = ["at_least_ago", "more_than_ago", "within_last", "less_than_ago"]
LIMIT: list[m.QuantityOp] = ["at_least", "above", "at_most", "below"]
DAY: list[m.DayOp] = ["on_or_after", "on_or_before"]


@given(
    st.builds(m.AgoTest, st.just("d"), st.sampled_from(AGO), st.sampled_from(LENGTHS))
    | st.builds(m.DayTest, st.just("d"), st.sampled_from(DAY), st.dates(date(2025, 1, 1), AS_OF)),
    st.integers(0, 800),
)
def test_a_date_is_on_one_side_of_a_bound(bound: Bound, ago: int) -> None:
    day = (AS_OF - timedelta(days=ago)).toordinal()
    said = [truth(one, at("d", day)) for one in (bound, opposite(bound))]
    assert sorted(said) == ["false", "true"]
    later = truth(bound, at("d", AS_OF.toordinal()))
    if bound.op in FROM_BELOW and said[0] == "true":
        assert later == "true"  # what is bounded from below alone goes on for ever


@given(
    st.builds(m.LimitTest, st.just("n"), st.sampled_from(LIMIT), st.integers(0, 5)),
    st.integers(-1, 6),
)
def test_a_number_is_on_one_side_of_a_bound(bound: Bound, value: int) -> None:
    said = [truth(one, at("n", value)) for one in (bound, opposite(bound))]
    assert sorted(said) == ["false", "true"]
    assert opposite(opposite(bound)) == bound


def test_every_operator_has_a_side_and_an_opposite() -> None:
    ops = {*AGO, *LIMIT, *(f"{op}_uln" for op in LIMIT)}
    assert OPPOSITE.keys() == ops
    assert all((op in FROM_BELOW) != (OPPOSITE[op] in FROM_BELOW) for op in ops)


def test_what_is_no_band_has_no_bounds() -> None:
    low, high = m.LimitTest("n", "at_least", 2), m.LimitTest("n", "at_most", 4)
    between = m.BetweenTest("n", 2, 4)
    assert bounds(between) == bounds(m.All((low, high))) == (low, high)
    assert bounds(m.Not(low)) == (m.LimitTest("n", "below", 2),)
    assert bounds(m.Not(between)) is None and bounds(m.Any((low, high))) is None
    assert bounds(m.All((low, m.LimitTest("x", "at_most", 4)))) is None


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        (("at_least", 5), ("at_most", 5), True),
        (("at_least", 5), ("below", 5), False),
        (("above", 4), ("at_most", 5), True),  # whole numbers: 5
        (("above", 4), ("below", 6), True),
        (("above", 4), ("below", 5), False),
        (("at_least", 5), ("at_most", 6), False),
        (("at_least", 5), ("at_least", 5), False),
    ],
)
def test_limits_that_meet_in_one_value(
    one: tuple[m.QuantityOp, int], other: tuple[m.QuantityOp, int], shared: bool
) -> None:
    a, b = (m.LimitTest("n", op, limit * m.MILLION) for op, limit in (one, other))
    found = shared_value(a, False, b, False, FACTS)
    assert (found is not None) == shared
    assert (shared_value(b, False, a, False, FACTS) is not None) == shared
    assert (shared_value(opposite(a), True, b, False, FACTS) is not None) == shared
    values = [v for v in range(10) if found and truth(found, at("n", v * m.MILLION)) == "true"]
    assert values == ([5] if shared else [])


# --- ordered lists ----------------------------------------------------------------------


@dataclass(frozen=True)
class Drawn:
    """A step: whole years from `low` to `high` (None: open), for one sex or both."""

    low: int | None
    high: int | None
    sex: str
    asked: str

    def holds(self, age: int, sex: str) -> bool:
        inside = (self.low is None or age >= self.low) and (self.high is None or age <= self.high)
        return inside and self.sex in ("", sex)

    def condition(self, form: int) -> m.Condition:
        parts: list[m.Condition] = []
        if self.low is not None:
            ops: list[m.Condition] = [
                m.LimitTest("age", "at_least", self.low * YEAR),
                m.LimitTest("age", "above", (self.low - 1) * YEAR),
                m.Not(m.LimitTest("age", "below", self.low * YEAR)),
            ]
            parts.append(ops[form % 3])
        if self.high is not None:
            ops = [
                m.LimitTest("age", "at_most", self.high * YEAR),
                m.LimitTest("age", "below", (self.high + 1) * YEAR),
                m.Not(m.LimitTest("age", "above", self.high * YEAR)),
            ]
            parts.append(ops[form // 3 % 3])
        if self.low is not None and self.high is not None and form % 2:
            parts = [m.BetweenTest("age", self.low * YEAR, self.high * YEAR)]
        if self.sex:
            parts.append(m.ChoiceTest("sex", (self.sex,)))
        parts.append(m.LimitTest(self.asked, "above", (form + 1) * m.MILLION))
        return m.All(tuple(parts))


ENDS = st.integers(1, 9)


@st.composite
def steps(draw: st.DrawFn) -> Drawn:
    low, high = draw(st.none() | ENDS), draw(st.none() | ENDS)
    assume(low is not None or high is not None)
    assume(low is None or high is None or low <= high)
    return Drawn(low, high, draw(st.sampled_from(["", "", "female", "male"])), "x")


@settings(max_examples=600 if LONG else 40, deadline=None)
@given(st.lists(steps(), min_size=2, max_size=4, unique=True), st.data())
def test_a_table_s_gaps_and_overlaps_are_those_found_age_by_age(
    drawn: list[Drawn], data: st.DataObject
) -> None:
    forms = [data.draw(st.integers(0, 17)) for _ in drawn]
    whole = m.Any(tuple(one.condition(form) for one, form in zip(drawn, forms, strict=True)))
    pack = build.pack(list(FACTS.values()), [build.criterion("E01", whole, "exclusion")])
    found = [one for one in findings(pack) if one.code in ("gap", "step-overlap")]
    ages, sexes = range(12), ("female", "male")
    taken = {
        one: frozenset((a, s) for a in ages for s in sexes if one.holds(a, s)) for one in drawn
    }
    bands = {one: frozenset(a for a in ages if one.holds(a, one.sex or "male")) for one in drawn}
    pairs = [
        (a, b)
        for a in drawn
        for b in drawn
        if bands[a] != bands[b] and "" in (a.sex, b.sex, "" if a.sex == b.sex else "-")
    ]
    if len(set(bands.values())) < 2 or any(bands[a] < bands[b] for a, b in pairs):
        assert not found  # a step inside another: no list in order
        return
    overlap = any(taken[a] & taken[b] for a, b in pairs)
    assert any(one.code == "step-overlap" for one in found) == overlap
    everything = frozenset().union(*taken.values())
    between = {
        (age, sex)
        for age in ages
        for sex in sexes
        if any(a.high is not None and a.sex in ("", sex) and age > a.high for a in drawn)
        and any(b.low is not None and b.sex in ("", sex) and age < b.low for b in drawn)
    }
    for_all = any(
        {one.sex for one in drawn if bands[one] == band} >= {"female", "male"}
        or any(one.sex == "" for one in drawn if bands[one] == band)
        for band in bands.values()
    )
    if for_all:
        between |= {(a, s) for band in bands.values() for a in band for s in sexes}
    gap = between - everything
    assert any(one.code == "gap" for one in found) == bool(gap)
    for one in found:
        assert one.witness is not None


def test_a_list_that_a_part_bounds_in_another_way_is_left_alone() -> None:
    band = m.LimitTest("age", "below", 6 * YEAR)
    rest = m.LimitTest("x", "above", m.MILLION)
    odd = m.Any((m.LimitTest("age", "below", 2 * YEAR), m.LimitTest("age", "above", 9 * YEAR)))
    after = m.All((m.LimitTest("age", "above", 6 * YEAR), rest))
    parts = (m.All((band, rest)), after)

    def lists(*more: m.Condition) -> list[str]:
        return [one.fact.name for one in ladders(m.Any((*parts, *more)), {}, FACTS)]

    assert "age" in lists() and "age" not in lists(m.All((odd, rest)))
