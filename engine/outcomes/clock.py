"""Time from a start, in days and in calendar months (SEMANTICS 9)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from engine.terms import Duration
from engine.terms.calendar import earliest, latest

PARTS = 31
"""Days beyond the completed months count as 31sts of a month: no month has more days, so
time never runs backwards, and n months are reached exactly on the late day of start + n months:
the shorter time of two, so no patient counts as followed for longer than is sure."""


def months_parts(start: date, day: date) -> int:
    """31 times the completed months from `start` to `day`, plus the days beyond them.

    Not above 31 n exactly where `day` is on or before start + n months (the late day).
    """
    months = 12 * (day.year - start.year) + day.month - start.month
    reached = latest(start, Duration(0, months))
    if reached is None or reached > day:
        months -= 1
        reached = latest(start, Duration(0, months))
    assert reached is not None and reached <= day
    return PARTS * months + (day - reached).days


def landmark_days(start: date, after: Duration) -> tuple[date, date]:
    """The two days that a landmark may be on, mostly one.

    The last day of the calendar where it lies beyond it.
    """
    return earliest(start, after) or date.max, latest(start, after) or date.max


@dataclass(frozen=True, slots=True)
class Dated:
    """A day, and where it is recorded: `facts.died_on`, `records.assessment.entries[2]`."""

    day: date
    entry: str
