"""What the values of a recorded fact come to, from docs/SEMANTICS.md alone (6)."""

from __future__ import annotations

from collections.abc import Iterable

from engine import terms as m
from engine.reference.entries import reading_of
from engine.reference.measures import interval, later
from engine.reference.several import Value, several


def from_values(
    fact: m.Fact,
    derive: m.OfValues,
    source: m.Fact,
    own: m.Reading,
    statements: Iterable[m.Statement],
    today: int,
) -> m.Reading:
    """`own`: the ordinary reading of the fact whose values these are."""
    counted: list[tuple[m.Statement, Value]] = []
    for said in statements:
        first = m.PAST if said.first is None else said.first.toordinal()
        last = today if said.last is None else min(said.last.toordinal(), today)
        if said.voided or first > today:
            continue
        sure = True
        if derive.within is not None:
            if later(last, derive.within)[1] < today:
                continue  # the window is over, whichever day it is of
            sure = first != m.PAST and later(first, derive.within)[0] >= today
        ends = None if said.value is None else interval(source, said.value, today)
        counted.append((said, Value(sure, ends, (first, last))))
    # What is stated twice, with the same number and day, is one measurement.
    once = {(s.value, s.on, s.within, s.not_after): value for s, value in reversed(counted)}
    values = [value for value in reversed(once.values()) if value.ends is not None]
    if sum(value.sure for value in values) < derive.least:
        return reading_of(fact, "too_few")
    doubts = [said.unknown for said, _ in counted if said.value is None]
    if doubts:
        return reading_of(fact, "pending" if "pending" in doubts else "not_done")
    if source.attested_by and any(not said.by for said, _ in counted):
        return reading_of(fact, "not_attested")
    lacking = own.reason if own.low is None else None
    why, low, high = several(derive.way, 0, values, (-m.UNBOUNDED, m.UNBOUNDED), lacking)
    return reading_of(fact, why or lacking or "imprecise", low, high)
