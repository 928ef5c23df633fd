"""What a fact comes to on a date, and what is concluded from it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

Reason = Literal[
    "not_recorded",
    "not_yet",
    "out_of_date",
    "undated",
    "conflicting",
    "imprecise",
    "history_not_confirmed",
    "too_few",
    "no_entry",
    "not_attested",
    "no_limit",
    "no_date",
    "pending",
    "not_done",
    "calendar",
    "no_anchor",
    "planned",
]
Ahead = Literal["", "under_way", "planned", "unsure"]
"""Whether a date may still lie ahead of the as-of date: what is under way, or may be, ends on any
day from then on; a day ahead that is no planned fact's may not come about, and then the date is
`never`, or not sure because something else is recorded."""
Truth = Literal["true", "false", "unknown"]
Answer = Literal["yes", "no", "unknown"]
Status = Literal["passed", "failed", "open"]
Verdict = Literal["eligible", "ineligible", "undetermined"]


@dataclass(frozen=True, slots=True)
class UlnRatio:
    """The value divided by its upper limit of normal, exactly; None is an open end."""

    low: Fraction | None
    high: Fraction | None


@dataclass(frozen=True, slots=True)
class Reading:
    """What one fact comes to on the as-of date.

    Known: `low <= high` on the fact's axis, and `reason` is None if they are equal, else
    the cause that widened the interval. Unknown: `low` and `high` are None and `reason`
    says why.

    Axes: boolean 0 or 1; choice the code's place in the dictionary; quantity millionths of
    the fact's unit, within +-`UNBOUNDED`; date the day number, with `PAST` and `NEVER`.
    `ahead` is for dates alone, and looked at by tests with an anchor and days between dates.
    `times_uln` is None unless a limit of normal is known; `uln_reason` then says why not.
    """

    fact: str
    low: int | None
    high: int | None
    reason: Reason | None
    times_uln: UlnRatio | None = None
    uln_reason: Reason | None = None
    ahead: Ahead = ""
