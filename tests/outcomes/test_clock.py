"""Calendar months from a start, as SEMANTICS 9 states them."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.outcomes.clock import landmark_days, months_parts
from engine.terms import Duration

DAYS = st.dates(date(1990, 1, 1), date(2090, 1, 1))


@pytest.mark.parametrize(
    ("start", "months", "early", "late"),
    [
        ("2026-01-15", 1, "2026-02-15", "2026-02-15"),
        ("2026-01-31", 1, "2026-02-28", "2026-03-01"),  # there is no 31 February
        ("2026-01-29", 1, "2026-02-28", "2026-03-01"),
        ("2028-01-29", 1, "2028-02-29", "2028-02-29"),
        ("2026-01-28", 1, "2026-02-28", "2026-02-28"),
        ("2026-03-31", 1, "2026-04-30", "2026-05-01"),
        ("2026-05-31", 3, "2026-08-31", "2026-08-31"),
        ("2026-11-30", 3, "2027-02-28", "2027-03-01"),
        ("2026-12-31", 2, "2027-02-28", "2027-03-01"),
        ("2024-02-29", 12, "2025-02-28", "2025-03-01"),
        ("2026-12-01", 1, "2027-01-01", "2027-01-01"),
    ],
)
def test_landmarks_fall_on_calendar_days(start: str, months: int, early: str, late: str) -> None:
    days = landmark_days(date.fromisoformat(start), Duration(0, months))
    assert days == (date.fromisoformat(early), date.fromisoformat(late))


def test_a_landmark_beyond_the_calendar_is_its_last_day() -> None:
    assert landmark_days(date(9999, 12, 1), Duration(0, 2)) == (date.max, date.max)


@given(DAYS, st.integers(0, 2000), st.integers(0, 40))
def test_a_month_is_reached_on_its_landmark_and_not_before(
    start: date, days: int, months: int
) -> None:
    day = start + timedelta(days=days)
    _, reached = landmark_days(start, Duration(0, months))
    assert (months_parts(start, day) <= 31 * months) == (day <= reached)


@given(DAYS, st.integers(0, 2000))
def test_time_never_runs_backwards(start: date, days: int) -> None:
    day = start + timedelta(days=days)
    assert months_parts(start, day) < months_parts(start, day + timedelta(days=1))


def test_the_start_is_time_0() -> None:
    assert months_parts(date(2026, 1, 31), date(2026, 1, 31)) == 0
