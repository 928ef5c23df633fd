"""Whether a value of a record list stayed the same for so long (SEMANTICS 5)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from engine import terms as m
from engine.select.amounts import quantity_of
from engine.select.matching import days_of
from engine.terms.calendar import earliest, latest


def stays(
    derive: m.Stable,
    record: m.RecordList,
    sure: Sequence[m.Entry],
    maybe: Sequence[m.Entry],
    closed: bool,
    as_of: date,
) -> bool | None:
    """True, false, or None where the entries do not settle it."""
    inside = [entry for entry in sure if _is_inside(entry, derive, as_of)]
    for number, one in enumerate(inside):
        if any(_differ(one, other, derive, record) for other in inside[:number]):
            return False
    touching = [entry for entry in (*sure, *maybe) if _may_touch(entry, derive, as_of)]
    if not closed or len(touching) != 1:
        return None
    (one,) = touching
    return True if any(one is e for e in sure) and _covers(one, derive, as_of) else None


def _covers(entry: m.Entry, derive: m.Stable, as_of: date) -> bool:
    """Whether an entry that says its value surely lasted all of the time."""
    start, stop = (days_of(entry.values.get(name), as_of) for name in (derive.start, derive.stop))
    if start is None or stop is None or stop[0] < as_of or derive.field not in entry.values:
        return False
    since = latest(start[1], derive.lasting)
    return since is not None and since <= as_of


def _may_touch(entry: m.Entry, derive: m.Stable, as_of: date) -> bool:
    stop = days_of(entry.values.get(derive.stop), as_of)
    over = None if stop is None else latest(stop[1], derive.lasting)
    return over is None or over >= as_of


def _is_inside(entry: m.Entry, derive: m.Stable, as_of: date) -> bool:
    """Whether an entry surely lasted for some of the time, its first day aside."""
    start, stop = (days_of(entry.values.get(name), as_of) for name in (derive.start, derive.stop))
    if start is None or stop is None:
        return False
    over = earliest(stop[0], derive.lasting)
    return over is None or over > as_of


def _differ(one: m.Entry, other: m.Entry, derive: m.Stable, record: m.RecordList) -> bool:
    """Whether the values of two entries surely differ."""
    field = record.fields[derive.field]
    a, b = one.values.get(field.name), other.values.get(field.name)
    if a is None or b is None:
        return False
    if isinstance(a, m.Amount) and isinstance(b, m.Amount):
        (low, high), (bottom, top) = quantity_of(field, a), quantity_of(field, b)
        return high < bottom or top < low
    if field.type != "text":
        return a != b
    named = field.name == record.known_by and one.exact and other.exact
    return named and len(one.known) == len(other.known) == 1 and one.known != other.known
