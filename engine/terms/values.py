"""The values that everything is made of: places, lengths of time, the ends of intervals.

A name that ends in `_u` or a docstring that says *millionths* means a whole number of
millionths of the unit named beside it: decimals are exact and never pass through a float.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

MILLION = 1_000_000
LARGEST = 9_000_000_000_000 * MILLION
"""The largest amount a file may state: 9e12, in millionths."""

UNBOUNDED = 9_200_000_000_000_000_000
"""End of an interval that has no end: +UNBOUNDED above, -UNBOUNDED below (millionths)."""

NEVER = -1
"""A date that never was, on the axis of day numbers (`date.toordinal`)."""

PAST = 0
"""A real day arbitrarily long ago: below every day number, above `NEVER`."""


@dataclass(frozen=True, slots=True)
class Span:
    """A place in an input file; line and column count from 1."""

    path: str
    line: int
    column: int


NOWHERE = Span("", 0, 0)


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of calendar time: whole days, or whole months (a year is 12 months)."""

    days: int
    months: int
    text: str = field(default="", compare=False)


Basis = Literal["stated", "assumed"]
