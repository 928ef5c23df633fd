"""A reading as the whole numbers that its rules look at."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

from engine.compile.leaves import (
    CODES_A_LEVEL,
    LONG_AGO,
    MIXED_PAIR,
    NEVER_AGO,
    NEVER_PAIR,
    NO_PAIR,
    PAIR,
    PLANNED_PAIR,
)
from engine.terms import MILLION, NEVER, PAST, UNBOUNDED, Reading, Side
from engine.terms.calendar import grid, grid_end

_ANY = 9_999_999
"""A day arbitrarily far ahead: after every day number."""

_CLAMP = 9_200_000_000_000_000_000


def reading_part(
    slot: int,
    properties: tuple[str, ...],
    reading: Reading | None,
    as_of: date,
    days: dict[str, dict[str, int]],
) -> str:
    """One reading's part of a fact's JSON text, with the properties its rules look at."""
    if reading is None or reading.low is None:
        if "uknown" in properties:
            return f',"known{slot}":0,"uknown{slot}":0'
        return f',"known{slot}":0'
    text = f',"known{slot}":1'
    for name in properties:
        if name == "low":
            text += f',"low{slot}":{reading.low}'
        elif name == "high":
            text += f',"high{slot}":{reading.high}'
        elif name == "block":
            text += f',"block{slot}":{reading.low // CODES_A_LEVEL}'
        elif name == "digit":
            text += f',"digit{slot}":{reading.low % CODES_A_LEVEL}'
        elif name == "uknown":
            text += f',"uknown{slot}":{int(reading.times_uln is not None)}'
        elif name[0] == "u":
            if reading.times_uln is not None:
                text += f',"{name}{slot}":{_ratio_end(reading, name)}'
        else:
            if reading.fact not in days:
                days[reading.fact] = _days_ago(reading, as_of)
            text += f',"{name}{slot}":{days[reading.fact][name]}'
    return text


def pair_part(
    slot: int, properties: tuple[str, ...], side: Side, reading: Reading, anchor: Reading
) -> str:
    """A date's part of a fact's JSON text, as it is held against another date."""
    if reading.low is None or reading.high is None:
        pair = NO_PAIR
    elif reading.high == NEVER:
        pair = NEVER_PAIR
    elif anchor.low is None or anchor.low == NEVER or reading.ahead == "unsure":
        pair = NO_PAIR
    elif reading.ahead == "planned":
        pair = PLANNED_PAIR
    else:
        pair = PAIR if reading.low > NEVER else MIXED_PAIR
    text = f',"pair{slot}":{pair}'
    if pair in (NO_PAIR, NEVER_PAIR):
        return text
    ends = {**_ends(reading), **{f"anchor {end}": n for end, n in _ends(anchor).items()}}
    start, end = ("", "anchor ") if side == "before" else ("anchor ", "")
    between = {
        **_time("near", ends[f"{start}high"], ends[f"{end}low"]),
        **_time("far", ends[f"{start}low"], ends[f"{end}high"]),
    }
    return text + "".join(f',"{name}{slot}":{between[name]}' for name in properties)


def limit_part(slot: int, times: Fraction, reading: Reading, other: Reading) -> str:
    """By how much one quantity exceeds some times another at least, and at most: a limit is
    turned as a stated one is, by one rounding, half to even."""
    if reading.low is None or reading.high is None or other.low is None or other.high is None:
        return f',"known{slot}":0'
    least = _difference(reading.low, other.high, times)
    most = _difference(reading.high, other.low, times)
    return f',"known{slot}":1,"dl{slot}":{least},"dh{slot}":{most}'


def _difference(end: int, limit: int, times: Fraction) -> int:
    """One end less so many times another; with an open end it lies beyond all others."""
    for open_end in (end, -limit):
        if abs(open_end) >= UNBOUNDED:
            return _CLAMP if open_end > 0 else -_CLAMP
    return max(-_CLAMP, min(_CLAMP, end - round(limit * times)))


def _ends(reading: Reading) -> dict[str, int]:
    """The first and the last day that a date can be: what is under way ends on any day."""
    assert reading.low is not None and reading.high is not None
    return {"low": reading.low, "high": _ANY if reading.ahead == "under_way" else reading.high}


def _time(end: str, first: int, last: int) -> dict[str, int]:
    """The time from one day to another, in days and on the grids of `_days_ago`."""
    scales = ("", "m", "s", "e")
    if first in (NEVER, PAST) or last == _ANY:
        # Both ends open: the least that may lie between is no more than the most.
        return {scale + end: LONG_AGO for scale in scales}
    if first == _ANY or last in (NEVER, PAST):
        return {scale + end: -LONG_AGO for scale in scales}
    own, day = grid(date.fromordinal(first)), date.fromordinal(last)
    numbers = (last - first, grid(day) - own, _grid_before(day) - own, grid_end(day) - own)
    return {scale + end: number for scale, number in zip(scales, numbers, strict=True)}


def _grid_before(day: date) -> int:
    return grid(day - timedelta(days=1)) if day > date.min else grid(day) - 1


def _days_ago(reading: Reading, as_of: date) -> dict[str, int]:
    assert reading.low is not None and reading.high is not None
    today, before = as_of.toordinal(), grid(as_of - timedelta(days=1))
    result = {}
    for end, number in (("near", reading.high), ("far", reading.low)):
        if number in (NEVER, PAST):
            long = NEVER_AGO if number == NEVER else LONG_AGO
            result.update(dict.fromkeys((end, "m" + end, "s" + end, "e" + end), long))
        else:
            own = grid(date.fromordinal(number))
            scales = (("m", grid(as_of)), ("s", before), ("e", grid_end(as_of)))
            result.update({end: today - number, **{s + end: n - own for s, n in scales}})
    return result


def _ratio_end(reading: Reading, name: str) -> int:
    """Floor (`f`) or ceiling (`c`), in millionths, of the low (`l`) or high (`h`) ratio."""
    assert reading.times_uln is not None
    ratio = reading.times_uln.low if name[1] == "l" else reading.times_uln.high
    if ratio is None:
        return -_CLAMP if name[1] == "l" else _CLAMP
    top, bottom = ratio.numerator * MILLION, ratio.denominator
    value = top // bottom if name[2] == "f" else -(-top // bottom)
    return max(-_CLAMP, min(_CLAMP, value))
