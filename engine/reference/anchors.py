"""Tests of one date against another, from docs/SEMANTICS.md alone (7)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date as Day

from engine import terms as m
from engine.reference.measures import later

ANY_DAY = 10**9
"""After every day."""


def anchored(test: m.AnchorTest, date: m.Reading, anchor: m.Reading | None) -> m.Truth:
    """Does the test hold for every pair of days that the two dates can be, and for some pair?"""
    if date.low is None or date.high is None:
        return "unknown"
    at_never = test.side == "before" and test.op in ("at_least", "more_than")
    if date.high == m.NEVER:
        return "true" if at_never else "false"
    if anchor is None or anchor.low is None or anchor.high is None or anchor.low == m.NEVER:
        return "unknown"
    if date.ahead == "unsure":
        return "unknown"
    first, last = (_days(date), _days(anchor))[:: 1 if test.side == "before" else -1]
    found = _between(test, first, last)
    if date.low == m.NEVER:
        found = {*found, at_never} if test.side == "after" or test.op != "plain" else {True, False}
    if date.ahead == "planned":
        found = {*found, at_never}
    return "unknown" if len(found) > 1 else "true" if True in found else "false"


def _days(reading: m.Reading) -> tuple[int, int]:
    assert reading.low is not None and reading.high is not None
    return max(reading.low, m.PAST), ANY_DAY if reading.ahead == "under_way" else reading.high


def _between(test: m.AnchorTest, first: tuple[int, int], last: tuple[int, int]) -> set[bool]:
    """The answers that some pair of days gives: one day of `first`, a later one of `last`."""
    nearest, farthest = (first[1], last[0]), (first[0], last[1])
    in_order = {start <= end for start, end in (nearest, farthest)}
    if test.duration is None:
        return {start < end for start, end in (nearest, farthest)}
    beyond = test.op in ("more_than", "within")
    sure, may = (
        _passed(pair, test.duration, rule, beyond) for pair, rule in ((nearest, 1), (farthest, 0))
    )
    if test.op in ("at_least", "more_than"):
        return {sure, may}
    if in_order == {False} or sure:
        return {False}
    return {True} if in_order == {True} and not may else {True, False}


def _passed(pair: tuple[int, int], duration: m.Duration, rule: int, beyond: bool) -> bool:
    """Whether a duration has passed between two days, by the early rule (0) or the late one."""
    start, end = pair
    if start == ANY_DAY or end == m.PAST:
        return False
    if start == m.PAST or end == ANY_DAY:
        return True
    up = later(start, duration)[rule]
    return up < end if beyond else up <= end


def with_ahead(
    fact: m.Fact, found: m.Reading, said: Iterable[m.Statement], as_of: Day
) -> m.Reading:
    """Whether a recorded date lies ahead of the as-of date, and may not come about (7)."""
    today = as_of.toordinal()
    if fact.type != "date" or fact.planned or found.high is None or found.high <= today:
        return found
    reached = [
        s
        for s in said
        if not s.voided
        and (s.first is None or s.first <= as_of)
        and (s.value is not None or s.unknown)
    ]
    newest = max((s.first for s in reached if s.first is not None), default=Day.min)
    older = (s for s in reached if s.last is not None and s.last < newest)
    others = any(s.value is None or fact.changes != "never" for s in older)
    ahead = all(isinstance(s.value, m.Days) and s.value.first > as_of for s in reached)
    return replace(found, ahead="planned" if ahead and not others else "unsure")
