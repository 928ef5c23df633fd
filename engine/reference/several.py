"""What several values come to, from docs/SEMANTICS.md alone (5): the highest, a mean, the last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from math import ceil, floor

from engine import terms as m
from engine.reference.measures import Interval

End = int | None
Found = tuple[m.Reason | None, End, End]
"""Why it is unknown, or what it is known as."""


@dataclass(frozen=True, slots=True)
class Value:
    """A value as an interval, if it is recorded, and the days that it may be of."""

    sure: bool
    ends: Interval | None
    days: Interval


def several(
    way: m.Way, least: int, values: Sequence[Value], blank: Interval, lacking: m.Reason | None
) -> Found:
    """What the values come to; `lacking`: why others may not be recorded."""
    counted = [one for one in values if one.sure]
    if len([one for one in counted if one.ends]) < least:
        return "too_few", None, None
    if not counted:
        return lacking or "no_entry", None, None
    low, high = ([(one.ends or blank)[end] for one in values] for end in (0, 1))
    surely = [(one.ends or blank) for one in counted]
    if way == "highest":
        return None, max(end for end, _ in surely), m.UNBOUNDED if lacking else max(high)
    if way == "lowest":
        return None, -m.UNBOUNDED if lacking else min(low), min(end for _, end in surely)
    if lacking:
        return lacking, None, None
    if way == "mean":
        more = [(one.ends or blank) for one in values if not one.sure]
        least_of = _means([end for end, _ in surely], sorted(end for end, _ in more))
        most_of = _means([end for _, end in surely], sorted((e for _, e in more), reverse=True))
        # A mean of which one part has no end has none.
        bottom = -m.UNBOUNDED if -m.UNBOUNDED in low else floor(min(least_of))
        return None, bottom, m.UNBOUNDED if m.UNBOUNDED in high else ceil(max(most_of))

    def out_of_place(one: Value, other: Value) -> bool:
        """Is the other surely later (for the first: earlier)?"""
        late = way == "last"
        return other.days[0] > one.days[1] if late else other.days[1] < one.days[0]

    could = [one for one in values if not any(out_of_place(one, other) for other in counted)]
    known = [one.ends for one in could if one.ends]
    if len(known) < len(could):
        return "imprecise", None, None
    return None, min(end for end, _ in known), max(end for _, end in known)


def _means(surely: list[int], more: list[int]) -> list[Fraction]:
    """The means with none of the others, with the first of them, with the first two..."""
    sums = accumulate(more, initial=sum(surely))
    return [Fraction(total, len(surely) + n) for n, total in enumerate(sums)]


# --- how many different values ----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Same:
    """What is known of a value: that it is `of` something, a text, or within an interval."""

    of: str | bool | None = None
    text: str | None = None
    within: Interval | None = None


def different(sure: Sequence[Same | None], may: int) -> Interval:
    """The fewest and the most different values; None is one that is not recorded."""
    told = [one for one in sure if one is not None]
    named = {(type(one.of), one.of) for one in told if one.of is not None}
    texts = {one.text for one in told if one.text is not None}
    spans = [one.within for one in told if one.within is not None]
    points = {low for low, high in spans if low == high}
    wide = [(low, high) for low, high in spans if low < high]
    most = len(named) + len(texts) + len(points) + len(wide) + len(sure) - len(told) + may
    # The fewest points that every interval has one of: always the next right end.
    fewest, left = 0, spans
    while left:
        end = min(high for _, high in left)
        fewest, left = fewest + 1, [span for span in left if span[0] > end]
    return (max(fewest, len(named), int(bool(texts))), most)
