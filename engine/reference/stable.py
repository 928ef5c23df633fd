"""Whether a value stayed the same for so long, from docs/SEMANTICS.md alone (5)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine import terms as m
from engine.reference.measures import Interval, later
from engine.reference.several import Same


@dataclass(frozen=True, slots=True)
class Lasting:
    """An entry that matches, or may: its value, and the days of its start and end, if known."""

    sure: bool
    value: Same | None
    start: Interval | None
    stop: Interval | None


def stable(
    entries: Sequence[Lasting], lasting: m.Duration, confirmed: bool, today: int
) -> bool | None:
    def over(entry: Lasting, end: int, holds: Callable[[int], bool]) -> bool:
        """Does it hold of the day on which the end of the entry is so long ago?"""
        return entry.stop is not None and holds(later(entry.stop[end], lasting)[1 if end else 0])

    changed = [e for e in entries if e.sure and e.start and over(e, 0, lambda day: day > today)]
    if any(_apart(a.value, b.value) for a in changed for b in changed):
        return False
    touching = [e for e in entries if not over(e, 1, lambda day: day < today)]
    if not confirmed or len(touching) != 1:
        return None
    one = touching[0]
    if not one.sure or one.value is None or one.start is None or one.stop is None:
        return None
    whole = later(one.start[1], lasting)[1] <= today and one.stop[0] >= today
    return True if whole else None


def _apart(one: Same | None, other: Same | None) -> bool:
    """Are two values surely different?"""
    if one is None or other is None:
        return False
    if one.within and other.within:
        return one.within[1] < other.within[0] or other.within[1] < one.within[0]
    return one.of is not None and other.of is not None and one.of != other.of
