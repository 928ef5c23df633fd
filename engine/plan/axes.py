"""The axes of quantities and dates, cut where tests turn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from fractions import Fraction
from itertools import pairwise, product

from engine import terms as m
from engine.plan.roots import Part, Roots, State
from engine.regions.axis import turns
from engine.terms.calendar import back
from engine.terms.condition import limits_named
from engine.terms.protocol import is_birth_date

MOST_DAYS = 400
"""Days at which one date is looked at; beyond that the answer says it is not exhaustive."""

Range = tuple[int, int]


def ends_or(reading: m.Reading | None, low: int, high: int) -> Range:
    """The ends of a reading, or of the whole axis where nothing is known."""
    if reading is None or reading.low is None or reading.high is None:
        return low, high
    return reading.low, reading.high


def quantity(roots: Roots, fact: m.Fact, reading: m.Reading | None) -> Iterator[State]:
    tests = roots.tests.get(fact.name, [])
    bottom, top = fact.range_u if fact.range_u is not None else (-m.UNBOUNDED, m.UNBOUNDED)
    low, high = ends_or(reading, bottom, top)
    cuts = sorted({limit for test in tests for limit in limits_named(test)})
    values = list(_cut(low, high, cuts))
    times = sorted({Fraction(t.times_u, m.MILLION) for t in tests if isinstance(t, m.UlnTest)})
    if not times:
        for part in values:
            point = _inside(part)
            one = m.Reading(fact.name, point, point, None, None, "no_limit")
            yield State({fact.name: one}, (Part(*part),))
        return
    known = reading.times_uln if reading is not None and reading.low is not None else None
    # A value and its limit are above zero together; zero is zero times any limit.
    for low, high in _cut_at_zero(values):
        sign = (high > 0) - (low < 0)
        for least, most, ratio in _ratios(times, known):
            if (ratio > 0) - (ratio < 0) == sign:
                point = _inside((low, high))
                one = m.Reading(fact.name, point, point, None, m.UlnRatio(ratio, ratio), None)
                yield State({fact.name: one}, (Part(low, high, (least, most)),))


def _cut(low: int, high: int, cuts: Sequence[int]) -> Iterator[Range]:
    """[low, high] in pieces: each cut a piece of its own."""
    for cut in cuts:
        if cut < low or cut > high:
            continue
        if low < cut:
            yield (low, cut - 1)
        yield (cut, cut)
        low = cut + 1
    if low <= high:
        yield (low, high)


def _cut_at_zero(parts: Iterable[Range]) -> Iterator[Range]:
    for low, high in parts:
        yield from _cut(low, high, [0])


def _inside(part: Range) -> int:
    """A point of a piece, near its finite end."""
    low, high = part
    return low if low > -m.UNBOUNDED else high if high < m.UNBOUNDED else 0


def _ratios(
    times: Sequence[Fraction], known: m.UlnRatio | None
) -> Iterator[tuple[Fraction | None, Fraction | None, Fraction]]:
    """Pieces of the axis of ratios, between the multiples the rules name: ends and a point.

    An end that is None is open; equal ends are the multiple itself. Zero is cut out as well.
    """
    cuts = sorted({*times, Fraction(0)})
    edges: list[Fraction | None] = [None, *cuts, None]
    for low, high in pairwise(edges):
        if low is not None and _within(low, known):
            yield low, low, low
        point = _between(low, high, known)
        if point is not None:
            yield low, high, point


def _within(ratio: Fraction, known: m.UlnRatio | None) -> bool:
    return known is None or (
        (known.low is None or known.low <= ratio) and (known.high is None or ratio <= known.high)
    )


def _between(
    low: Fraction | None, high: Fraction | None, known: m.UlnRatio | None
) -> Fraction | None:
    """A point strictly between `low` and `high` and inside what is known; None if there is none."""
    least = known.low if known is not None else None
    most = known.high if known is not None else None
    floor = max((end for end in (low, least) if end is not None), default=None)
    ceiling = min((end for end in (high, most) if end is not None), default=None)
    if floor is None or ceiling is None:
        point = floor + 1 if floor is not None else ceiling - 1 if ceiling is not None else 0
        return Fraction(point)
    if floor > ceiling:
        return None
    point = (floor + ceiling) / 2
    inside = (low is None or low < point) and (high is None or point < high)
    return point if inside else None


def days_of(
    roots: Roots,
    name: str,
    reading: m.Reading | None,
    now: Mapping[str, m.Reading] | None,
    on: date,
) -> tuple[list[int], bool]:
    """Days that stand for all a recorded date may be, in order; false where some are left out."""
    today = on.toordinal()
    birth = is_birth_date(roots.protocol, roots.protocol.facts[name])
    last = today if birth else date.max.toordinal()
    low, high = ends_or(reading, 1 if birth else m.NEVER, last)
    cuts, exact = date_cuts(roots, on, now)
    days = {low, high, *(cut for cut in cuts[name] if low <= cut <= high)}
    return sorted(n for n in days if n != m.PAST and 0 != n <= last), exact


def date_cuts(
    roots: Roots, on: date, now: Mapping[str, m.Reading] | None
) -> tuple[dict[str, set[int]], bool]:
    """For every date looked at, the days just before, on and just after each turn of a test."""
    today = on.toordinal()
    facts = roots.protocol.facts
    cuts: dict[str, set[int]] = {
        name: {m.NEVER, 1, today - 1, today, today + 1}
        for name in roots.looked_at
        if facts[name].type == "date"
    }
    links: list[tuple[str, str, set[int]]] = []
    for name in roots.looked_at:
        derive, near = facts[name].derive, set[int]()
        for test in roots.tests.get(name, ()):
            turning = turns(test, facts[name], limits_named(test))
            near |= {*turning.spans}
            if turning.lengths or turning.days:
                found = cuts[derive.since if isinstance(derive, m.CompletedYears) else name]
                found |= {day for length in turning.lengths for day in _back(on, length)}
                found |= {day.toordinal() + n for day in turning.days for n in (-1, 0, 1)}
        if isinstance(derive, m.DaysBetween):
            links.append((derive.start, derive.end, near))
    for name, found in cuts.items():
        reading = now.get(name) if now is not None else None
        if reading is not None and reading.low is not None and reading.high is not None:
            found |= {
                end + n for end in (reading.low, reading.high) if end > m.PAST for n in (0, 1)
            }
    exact = True
    for _ in links:
        for start, end, near in links:
            cuts[start] |= {n - size for n in cuts[end] if n > m.PAST for size in near}
            cuts[end] |= {n + size for n in cuts[start] if n > m.PAST for size in near}
    last = date.max.toordinal()
    for name, found in cuts.items():
        found = {n for n in found if n == m.NEVER or 1 <= n <= last}
        if len(found) > MOST_DAYS:
            exact = False
            found = {m.NEVER, *sorted(found, key=lambda n: (abs(n - today), n))[:MOST_DAYS]}
        cuts[name] = found
    return cuts, exact


def _back(on: date, duration: m.Duration) -> set[int]:
    """The days on either side of the last one from which a duration has passed, or is over."""
    found = set()
    for early, strict in product((False, True), repeat=2):
        day = back(on, duration, early=early, strict=strict)
        if day is not None:
            found |= {day.toordinal() + n for n in (0, 1)}
    return found
