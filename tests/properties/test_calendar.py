"""Months end by two rules: where both agree the truth is theirs, else it is unknown."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from functools import cache

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine import terms as m
from engine.decide.decision import Screener
from engine.select.lists import relied_on
from engine.terms import calendar
from tests.build import criterion, entries, fact, pack, record_list, said, subject

AGO: tuple[m.AgoOp, ...] = ("at_least_ago", "more_than_ago", "within_last", "less_than_ago")
MONTHS = (1, 2, 6, 11, 12, 13, 48)
AGES = (0, 1, 2, 17, 18, 40)
LIMITS: tuple[m.QuantityOp, ...] = ("at_least", "above", "at_most", "below")

ANY_DAY = st.dates(date(1995, 1, 1), date(2035, 12, 31))
ENDS = ANY_DAY.map(lambda day: day.replace(day=monthrange(day.year, day.month)[1]))
"""Last days of months, and those beside them."""
DAYS = st.one_of(
    st.builds(lambda day, by: day + timedelta(by), ENDS, st.integers(-3, 1)),
    st.builds(lambda n: date(2000 + 4 * n, 2, 29), st.integers(-1, 8)),
    ANY_DAY,
)


def clamped(day: date, months: int) -> date:
    """The last day of the month that lacks the day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def rolled(day: date, months: int) -> date:
    """The first day after the month that lacks the day."""
    end = clamped(day, months)
    return end if end.day == day.day else end + timedelta(1)


def by(op: str, reached: date, day: date, as_of: date) -> bool:
    """Whether a test holds if the time is up on `reached`."""
    return {
        "at_least_ago": as_of >= reached,
        "more_than_ago": as_of > reached,
        "within_last": day <= as_of <= reached,
        "less_than_ago": day <= as_of < reached,
    }[op]


def years_by(rule: str, day: date, as_of: date) -> int:
    add = clamped if rule == "clamped" else rolled
    n = as_of.year - day.year
    return n if add(day, 12 * n) <= as_of else n - 1


def truth_of(*found: bool) -> m.Truth:
    return "unknown" if len(set(found)) > 1 else "true" if found[0] else "false"


@cache
def screener() -> Screener:
    facts = [
        fact("day", "date"),
        fact("age", "quantity", unit="a", derive=m.CompletedYears("day")),
    ]
    ago = [
        criterion(f"{op} {n}", m.AgoTest("day", op, m.Duration(0, n))) for op in AGO for n in MONTHS
    ]
    aged = [
        criterion(f"age {op} {n}", m.LimitTest("age", op, n * m.MILLION))
        for op in LIMITS
        for n in AGES
    ]
    return Screener(pack(facts, [*ago, *aged]))


COMPARED = {
    "at_least": lambda age, n: age >= n,
    "above": lambda age, n: age > n,
    "at_most": lambda age, n: age <= n,
    "below": lambda age, n: age < n,
}


@given(DAYS, DAYS)
@example(date(2026, 1, 31), date(2026, 2, 28))
@example(date(2026, 1, 31), date(2026, 3, 1))
@example(date(2008, 2, 29), date(2026, 2, 28))
@example(date(2008, 2, 29), date(2026, 3, 1))
def test_what_both_rules_say_is_so_and_the_rest_is_unknown(day: date, as_of: date) -> None:
    found = screener().trace(subject({"day": [said(m.Days(day, day))]}), as_of)
    truths = {id_: found.outcome.truths[n] for id_, n in found_nodes().items()}
    for op in AGO:
        for n in MONTHS:
            ends = clamped(day, n), rolled(day, n)
            expected = truth_of(*(by(op, end, day, as_of) for end in ends))
            assert truths[f"{op} {n}"] == expected, (op, n)
    ages = {years_by(rule, day, as_of) for rule in ("clamped", "rolled")}
    for limit_op in LIMITS:
        for n in AGES:
            expected = truth_of(*(COMPARED[limit_op](age, n) for age in ages))
            assert truths[f"age {limit_op} {n}"] == expected, (limit_op, n)
    age = found.found["age"].reading
    assert (age.low, age.high) == (min(ages) * m.MILLION, max(ages) * m.MILLION)
    assert age.reason == ("calendar" if len(ages) > 1 else None)


def found_nodes() -> dict[str, int]:
    return dict(screener().program.criteria)


@given(DAYS, st.integers(0, 60))
def test_the_two_days_are_those_of_the_two_rules(day: date, months: int) -> None:
    length = m.Duration(0, months)
    assert calendar.earliest(day, length) == clamped(day, months)
    assert calendar.latest(day, length) == rolled(day, months)


@given(DAYS, st.integers(0, 60), st.booleans(), st.booleans())
def test_going_back_finds_the_last_day_that_is_long_enough_ago(
    as_of: date, months: int, early: bool, strict: bool
) -> None:
    add = clamped if early else rolled
    limit = as_of - timedelta(strict)
    found = calendar.back(as_of, m.Duration(0, months), early=early, strict=strict)
    assert found is not None
    assert add(found, months) <= limit
    assert add(found + timedelta(1), months) > limit


@given(DAYS, st.sampled_from([1, 2, 12]), st.integers(0, 70))
def test_a_result_is_relied_on_no_longer_than_the_shorter_rule_says(
    on: date, months: int, later: int
) -> None:
    length, as_of = m.Duration(0, months), clamped(on, months) + timedelta(later - 35)
    if as_of < on:
        return
    lasting = as_of <= clamped(on, months)
    one = pack(
        [fact("x", "boolean", valid_for=length), fact("y", "boolean", derive=m.Exists("l", ()))],
        [criterion("x", m.BooleanTest("x", True)), criterion("y", m.BooleanTest("y", True))],
        records=[record_list("l", valid_for=f"{months} months")],
    )
    recorded = subject({"x": [said(True, on.isoformat())]}, {"l": entries(on.isoformat())})
    with Screener(one) as made:
        found = made.trace(recorded, as_of).found
    assert found["x"].reading.reason == (None if lasting else "out_of_date")
    assert found["y"].reading.reason == (None if lasting else "history_not_confirmed")
    assert relied_on(one.records["l"], recorded.records["l"], as_of) == lasting


@pytest.mark.parametrize("as_of", [date(1, 3, 1), date(9999, 12, 31)])
def test_the_ends_of_the_calendar_are_days_like_others(as_of: date) -> None:
    day = m.Days(date(2000, 2, 29), date(2000, 2, 29))
    assert screener().trace(subject({"day": [said(day)]}), as_of).verdict
    assert calendar.back(date.min, m.Duration(0, 1), early=True) is None
    assert calendar.latest(date.max, m.Duration(0, 1)) is None
