"""A reading with what gave it: the statements, the entries, the days on which it counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from engine import terms as m


@dataclass(frozen=True, slots=True)
class Found:
    """A reading and where it comes from.

    `statements` are the ones the reading rests on (those kept, when the reading is unknown),
    `passed` those that are passed over, each with why. `entries`: the record entries that
    together give its ends, none of them to spare (SEMANTICS 5), with the confirmation of the
    list where it `rests` on that; `around`: these, and others that leave it open. `until`: the
    last day on which it may be relied on, as its value or its list goes stale. `starts`: the
    first day after the as-of date on which something recorded begins to count. `from_facts`:
    the facts it was derived from.
    """

    reading: m.Reading
    statements: tuple[m.Statement, ...] = ()
    entries: tuple[m.Entry, ...] = ()
    until: date | None = None
    starts: date | None = None
    from_facts: tuple[str, ...] = ()
    passed: tuple[tuple[m.Statement, PassedOver], ...] = ()
    rests: bool = False
    around: tuple[m.Entry, ...] = ()


PassedOver = Literal["older", "voided", "not_yet"]
"""Why a statement is passed over: another is newer, it is marked wrong, or it is of a day
after the as-of date."""


def unknown_reading(
    fact: m.Fact,
    reason: m.Reason,
    statements: tuple[m.Statement, ...],
    until: date | None = None,
    starts: date | None = None,
) -> Found:
    uln_reason = reason if fact.type == "quantity" else None
    reading = m.Reading(fact.name, None, None, reason, None, uln_reason)
    return Found(reading, statements, (), until, starts)
